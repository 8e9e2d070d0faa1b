"""Telling the store how endpoints do: gathered, and written beside the sends."""

import asyncio
from collections.abc import Sequence

import structlog
from msgspec.structs import replace

from offhook.clock import Clock
from offhook.delivery.announcing import HealthNote
from offhook.delivery.health import (
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
    last time; failures go every second, and that all is still well every five. What was seen of an
    endpoint at one URL is not added to what is seen of it at another.
    """

    def __init__(self, *, store: HealthStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._hopeless: dict[WebhookId, HealthNote] = {}
        self._seen: dict[WebhookId, HealthNote] = {}
        self._told: dict[WebhookId, tuple[HealthStatus, float]] = {}
        self._task: asyncio.Task[None] | None = None
        self._next_s = 0.0

    def note(self, endpoint: Endpoint, *, accepted: bool, at_ms: int) -> None:
        """An attempt came back. A success voids all that was before, so nothing need be merged."""
        seen = success(at_ms) if accepted else failure(at_ms)
        note = HealthNote(endpoint.id, endpoint.account, endpoint.url, endpoint.revision, seen)
        before = None if accepted else self._seen.get(endpoint.id)
        self._seen[endpoint.id] = note if before is None else _together(before, note)

    def forget(self, webhook: WebhookId) -> None:
        """The endpoint is gone, or gets nothing for now."""
        for noted in (self._seen, self._hopeless, self._told):
            noted.pop(webhook, None)

    def take_hopeless(self) -> list[HealthNote]:
        """Endpoints that were found to be hopeless since the last time, each as it was when it was
        sent to last, with its health as it is stored."""
        found, self._hopeless = list(self._hopeless.values()), {}
        return found

    def start(self) -> None:
        """Begin to write what is due, unless that is under way."""
        now_s = self._clock.monotonic()
        if now_s < self._next_s or (self._task is not None and not self._task.done()):
            return
        due = [webhook for webhook in self._seen if self._is_due(webhook, now_s)]
        if due:
            self._next_s = now_s + _AT_MOST_EVERY_S
            self._task = asyncio.create_task(self._write(self._take(due), now_s), name="health")

    async def finish(self, within_s: float) -> None:
        """Write what is left, if the store takes it in that time."""
        try:
            async with asyncio.timeout(within_s):
                if self._task is not None:
                    await self._task
                await self._write(self._take(list(self._seen)), self._clock.monotonic())
        except TimeoutError:
            _log.warning("health_not_written")

    def _is_due(self, webhook: WebhookId, now_s: float) -> bool:
        told, at_s = self._told.get(webhook, (None, float("-inf")))
        status = self._seen[webhook].seen.status
        well = status is told is HealthStatus.HEALTHY
        return now_s >= at_s + (_WHILE_WELL_S if well else _AT_MOST_EVERY_S)

    def _take(self, webhooks: Sequence[WebhookId]) -> list[HealthNote]:
        return [self._seen.pop(webhook) for webhook in webhooks]

    async def _write(self, notes: Sequence[HealthNote], now_s: float) -> None:
        try:
            merged = await self._store.note_health(notes)
        except Exception as error:  # noqa: BLE001 - it is merged with what comes, and tried again
            _log.warning("health_not_written", error=repr(error))
            for note in notes:
                later = self._seen.get(note.webhook)
                self._seen[note.webhook] = note if later is None else _together(note, later)
        else:
            self._note_told(notes, now_s)
            now_ms = to_ms(self._clock.now())
            for note in notes:
                stored = merged.get(note.webhook)
                if stored is not None and hopeless(stored, now_ms):
                    self._hopeless[note.webhook] = replace(note, seen=stored)

    def _note_told(self, notes: Sequence[HealthNote], now_s: float) -> None:
        """What was told longer ago puts nothing off any more."""
        late_s = now_s - _WHILE_WELL_S
        self._told = {webhook: it for webhook, it in self._told.items() if it[1] > late_s}
        self._told.update((note.webhook, (note.seen.status, now_s)) for note in notes)


def _together(earlier: HealthNote, later: HealthNote) -> HealthNote:
    if earlier.url != later.url:
        return later
    return replace(later, seen=merge(earlier.seen, later.seen))
