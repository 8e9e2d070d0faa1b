"""Telling the store of filters that could not be evaluated; gathered, written beside the sends."""

import asyncio
from collections.abc import Callable

import structlog

from offhook.clock import Clock
from offhook.delivery.filter_faults import FilterFaults, add_faults
from offhook.delivery.ports import FilterStore
from offhook.model.event import LogEvent, to_ms
from offhook.model.ids import WebhookId

_log = structlog.get_logger(__name__)

_AT_MOST_EVERY_S = 1.0


class FilterReporter:
    """What this process saw of each endpoint's filter and did not write yet; ``on_fault`` is called
    for each fault. An event that is read again, after a crash or from a range, counts again."""

    def __init__(
        self, *, store: FilterStore, clock: Clock, on_fault: Callable[[], None] = lambda: None
    ) -> None:
        self._store = store
        self._clock = clock
        self._on_fault = on_fault
        self._seen: dict[WebhookId, FilterFaults] = {}
        self._task: asyncio.Task[None] | None = None
        self._next_s = 0.0

    def note(self, webhook: WebhookId, event: LogEvent, reason: str) -> None:
        """A filter could not be evaluated on an event."""
        self._on_fault()
        self._add(webhook, FilterFaults(1, reason, event.id, to_ms(self._clock.now())))

    def start(self) -> None:
        """Begin to write what was seen, unless that is under way or was done within a second."""
        now_s = self._clock.monotonic()
        if not self._seen or now_s < self._next_s or not self._idle:
            return
        self._next_s = now_s + _AT_MOST_EVERY_S
        self._task = asyncio.create_task(self._write(), name="filter faults")

    async def finish(self, within_s: float) -> None:
        """Write what is left, if the store takes it in that time."""
        try:
            async with asyncio.timeout(within_s):
                if self._task is not None:
                    await self._task
                await self._write()
        except TimeoutError:
            _log.warning("filter_faults_not_written")

    @property
    def _idle(self) -> bool:
        return self._task is None or self._task.done()

    def _add(self, webhook: WebhookId, faults: FilterFaults) -> None:
        before = self._seen.get(webhook)
        self._seen[webhook] = faults if before is None else add_faults(before, faults)

    async def _write(self) -> None:
        seen, self._seen = self._seen, {}
        try:
            await self._store.note_filter_faults(seen)
        except Exception as error:  # noqa: BLE001 - they go with those to come, and are tried again
            _log.warning("filter_faults_not_written", error=repr(error))
            for webhook, faults in seen.items():
                self._add(webhook, faults)
