"""Telling the store how endpoints do: gathered, and written beside the sends."""

import asyncio
from collections.abc import Mapping

import structlog

from offhook.clock import Clock
from offhook.delivery.announcing import HealthNote
from offhook.delivery.health import (
    UNTRIED,
    EndpointHealth,
    HealthStatus,
    failure,
    hopeless,
    merge,
    success,
)
from offhook.delivery.ports import HealthStore
from offhook.delivery.subscriptions import Endpoint
from offhook.model.event import to_ms
from offhook.model.ids import WebhookId

_log = structlog.get_logger(__name__)

_AT_MOST_EVERY_S = 1.0
_WHILE_WELL_S = 5.0


class HealthReporter:
    """What this process saw of each endpoint and did not write yet.

    A change between healthy and failing is written at once, but no sooner than a second after the
    last time; failures go every second, and that all is still well every five.
    """

    def __init__(self, *, store: HealthStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._endpoints: dict[WebhookId, Endpoint] = {}
        self._hopeless: dict[WebhookId, EndpointHealth] = {}
        self._seen: dict[WebhookId, EndpointHealth] = {}
        self._told: dict[WebhookId, tuple[HealthStatus, float]] = {}
        self._task: asyncio.Task[None] | None = None
        self._next_s = 0.0

    def note(self, endpoint: Endpoint, *, accepted: bool, at_ms: int) -> None:
        """An attempt came back. A success voids all that was before, so nothing need be merged."""
        webhook = endpoint.id
        self._endpoints[webhook] = endpoint
        if accepted:
            self._seen[webhook] = success(at_ms)
        else:
            self._seen[webhook] = merge(self._seen.get(webhook, UNTRIED), failure(at_ms))

    def take_hopeless(self) -> dict[WebhookId, EndpointHealth]:
        """Endpoints that were found to be hopeless since the last time, as they are stored."""
        found, self._hopeless = self._hopeless, {}
        return found

    def start(self) -> None:
        """Begin to write what is due, unless that is under way."""
        now_s = self._clock.monotonic()
        if now_s < self._next_s or (self._task is not None and not self._task.done()):
            return
        due = {webhook for webhook in self._seen if self._is_due(webhook, now_s)}
        if due:
            self._next_s = now_s + _AT_MOST_EVERY_S
            self._task = asyncio.create_task(self._write(self._take(due), now_s), name="health")

    async def finish(self, within_s: float) -> None:
        """Write what is left, if the store takes it in that time."""
        try:
            async with asyncio.timeout(within_s):
                if self._task is not None:
                    await self._task
                await self._write(self._take(set(self._seen)), self._clock.monotonic())
        except TimeoutError:
            _log.warning("health_not_written")

    def _is_due(self, webhook: WebhookId, now_s: float) -> bool:
        told, at_s = self._told.get(webhook, (None, float("-inf")))
        status = self._seen[webhook].status
        well = status is told is HealthStatus.HEALTHY
        return now_s >= at_s + (_WHILE_WELL_S if well else _AT_MOST_EVERY_S)

    def _take(self, webhooks: set[WebhookId]) -> Mapping[WebhookId, EndpointHealth]:
        return {webhook: self._seen.pop(webhook) for webhook in webhooks}

    async def _write(self, seen: Mapping[WebhookId, EndpointHealth], now_s: float) -> None:
        notes = [self._note(webhook, health) for webhook, health in seen.items()]
        try:
            merged = await self._store.note_health(notes)
        except Exception as error:  # noqa: BLE001 - it is merged with what comes, and tried again
            _log.warning("health_not_written", error=repr(error))
            for webhook, health in seen.items():
                self._seen[webhook] = merge(health, self._seen.get(webhook, UNTRIED))
        else:
            self._told.update((webhook, (it.status, now_s)) for webhook, it in seen.items())
            now_ms = to_ms(self._clock.now())
            self._hopeless.update((w, it) for w, it in merged.items() if hopeless(it, now_ms))

    def _note(self, webhook: WebhookId, seen: EndpointHealth) -> HealthNote:
        endpoint = self._endpoints[webhook]
        return HealthNote(webhook, endpoint.account, endpoint.url, seen)
