"""``GET /v1/webhooks/{id}/stats``: how an endpoint did over a while, and what waits for it."""

import re
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from offhook.api.auth import Gate, Scope
from offhook.api.routing import Asking, keyed_router
from offhook.clock import Clock
from offhook.delivery.entries import StoredWebhook
from offhook.delivery.lists.ports import DeliverySource
from offhook.delivery.lists.waiting import Waiting, waiting_for
from offhook.delivery.loading import told_of
from offhook.delivery.ports import WebhookStore
from offhook.delivery.stats.figures import (
    Backlog,
    SlotCount,
    Tally,
    Window,
    by_slot,
    tally,
    window_of,
)
from offhook.delivery.stats.ports import StatsStore
from offhook.delivery.webhooks.answers import HealthAnswer, health_answer
from offhook.delivery.webhooks.finding import found
from offhook.model.errors import FieldError, Invalid
from offhook.model.event import rfc3339_ms, to_ms
from offhook.model.ids import WebhookId

MOST_COUNTED = 10_000
"""So many waiting deliveries are counted; more are told of as at least so many."""

_WINDOW = re.compile(r"([1-9][0-9]{0,5})([mhd])")
_MINUTES = {"m": 1, "h": 60, "d": 1440}
_SHORTEST, _LONGEST = 5, 30 * 1440
_CLASSES = {0: "none", 1: "1xx", 2: "2xx", 3: "3xx", 4: "4xx", 5: "5xx"}


class StatsQuery(BaseModel):
    """Over what time, up to now: minutes, hours or days, as in 5m, 1h, 30d."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    window: str = "1h"

    def minutes(self) -> int:
        """The window in minutes; ``Invalid`` for what is none."""
        read = _WINDOW.fullmatch(self.window)
        minutes = int(read[1]) * _MINUTES[read[2]] if read else 0
        if not _SHORTEST <= minutes <= _LONGEST:
            problem = f"{self.window[:50]!r} is no window; write 5m to 30d, as in 15m, 1h or 7d"
            raise Invalid(f"query.window: {problem}.", FieldError("query.window", problem))
        return minutes


class AttemptStats(BaseModel):
    """Attempts of a while. ``success_rate`` is the share of them that was accepted; latencies are
    of those that were answered, true to a tenth. Null where there was none. ``none`` counts those
    without an answer."""

    attempts: int
    accepted: int
    success_rate: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    attempts_by_status: dict[str, int]


class StatsBucket(AttemptStats):
    """The same from ``start`` on, for ``bucket_s`` seconds."""

    start: str


class StatsAnswer(AttemptStats):
    """An endpoint over a window, a second late, and what waits for it now.

    ``pending`` counts deliveries that wait for a retry or behind one, up to 10,000, and those that
    the endpoint has not come to, among the first 4,096 events or so of the log that it has not:
    ``pending_at_least`` says that there may be more. ``held_ranges`` are parts of the log that an
    endpoint which fell behind is yet to be fed from. ``oldest_pending_at`` and ``oldest_held_at``
    are when the event was made that waits longest.
    """

    webhook_id: str
    window: str
    since: str
    until: str
    bucket_s: int
    pending: int
    pending_at_least: bool
    oldest_pending_at: str | None
    held_ranges: int
    oldest_held_at: str | None
    enabled: bool
    health: HealthAnswer
    buckets: list[StatsBucket]


def stats_router(
    *,
    gate: Gate,
    webhooks: WebhookStore,
    stats: StatsStore,
    source: DeliverySource,
    clock: Clock,
    prefix: str = "/v1",
    documented: bool = True,
) -> APIRouter:
    """The route under ``<prefix>/webhooks``."""
    router = keyed_router(
        gate,
        read=Scope.READ,
        write=Scope.WEBHOOKS_WRITE,
        tag="webhooks",
        prefix=f"{prefix}/webhooks",
        documented=documented,
    )

    async def get_webhook_stats(
        asking: Asking, webhook_id: WebhookId, query: Annotated[StatsQuery, Query()]
    ) -> StatsAnswer:
        """Success rate, latencies and attempts by status over a window, with buckets for plots, and
        what waits."""
        now_ms = to_ms(clock.now())
        window = window_of(query.minutes(), now_ms)
        stored = await found(webhooks, asking.account, webhook_id)
        counts = await stats.attempt_counts(webhook_id, window.since_minute, window.width)
        backlog = await stats.backlog(webhook_id, MOST_COUNTED + 1)
        waiting = await waiting_for(source, stored)
        return _answer(stored, query.window, window, counts, (backlog, waiting), now_ms)

    router.add_api_route("/{webhook_id}/stats", get_webhook_stats, methods=["GET"])
    return router


def _answer(
    stored: StoredWebhook,
    asked: str,
    window: Window,
    counts: list[SlotCount],
    waits: tuple[Backlog, Waiting],
    now_ms: int,
) -> StatsAnswer:
    buckets = [
        StatsBucket.model_validate({"start": rfc3339_ms(window.begin_ms(number)), **_told(each)})
        for number, each in enumerate(by_slot(counts, window))
    ]
    fields = {
        "webhook_id": stored.id,
        "window": asked,
        "since": rfc3339_ms(window.since_ms),
        "until": rfc3339_ms(now_ms),
        "bucket_s": window.width * 60,
        "enabled": told_of(stored)[0].enabled,
        "health": health_answer(stored.health),
        "buckets": buckets,
    }
    return StatsAnswer.model_validate({**fields, **_waiting(*waits), **_told(tally(counts))})


def _waiting(backlog: Backlog, ahead: Waiting) -> dict[str, object]:
    moments = [it for it in (backlog.oldest_ms, ahead.oldest_ms) if it is not None]
    return {
        "pending": min(backlog.pending, MOST_COUNTED) + ahead.deliveries,
        "pending_at_least": backlog.pending > MOST_COUNTED or ahead.more,
        "oldest_pending_at": _time(min(moments, default=None)),
        "held_ranges": backlog.held_ranges,
        "oldest_held_at": _time(backlog.held_ms),
    }


def _told(told: Tally) -> dict[str, object]:
    by_status = {
        name: told.by_class.get(first_digit, 0)
        for first_digit, name in _CLASSES.items()
        if first_digit != 1 or told.by_class.get(1)
    }
    return {
        "attempts": told.attempts,
        "accepted": told.accepted,
        "success_rate": told.success_rate,
        "p50_ms": told.p50_ms,
        "p95_ms": told.p95_ms,
        "p99_ms": told.p99_ms,
        "attempts_by_status": by_status,
    }


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else rfc3339_ms(at_ms)
