"""Writing what was decided: one apply at a time, tried again until the store takes it."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog

from offhook.delivery.entries import ApplyReport, PartitionChanges
from offhook.delivery.ports import DispatchStore

_log = structlog.get_logger(__name__)

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0


class Applier:
    """At most one apply is under way. Nothing that was handed in is ever dropped while the process
    lives: with the store away it waits here, and nothing new is sent."""

    def __init__(self, *, store: DispatchStore, wake: Callable[[], None]) -> None:
        self._store = store
        self._wake = wake
        self._task: asyncio.Task[ApplyReport] | None = None
        self._hurried = asyncio.Event()
        self._gave_up = False

    @property
    def busy(self) -> bool:
        """Whether an apply is under way or its report not yet taken. Once one was given up it is so
        for good: what came after it would move cursors past what is not written."""
        return self._task is not None or self._gave_up

    def start(self, changes: Sequence[PartitionChanges]) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._apply(changes), name="apply")

    def take(self) -> ApplyReport | None:
        """The report of an apply that ended, once."""
        if self._task is None or not self._task.done():
            return None
        report = self._task.result()
        self._task = None
        return report

    async def finish(self, within_s: float) -> ApplyReport | None:
        """Wait for the apply that is under way, if any; from now on the store is asked again at
        once. One that takes longer is given up, and no other is begun: what it was to write is sent
        again by the next owner."""
        self._hurried.set()
        if self._task is not None:
            _, late = await asyncio.wait([self._task], timeout=within_s)
            if late:
                _log.error("results_not_written")
                self._gave_up = True
                self._task.cancel()
                await asyncio.gather(self._task, return_exceptions=True)
                self._task = None
        return self.take()

    async def _apply(self, changes: Sequence[PartitionChanges]) -> ApplyReport:
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                report = await self._store.apply(changes)
            except Exception as error:  # noqa: BLE001 - the store may come back; nothing is lost
                _log.warning("apply_failed", error=repr(error), again_in_s=pause_s)
                await self._pause(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            else:
                self._wake()
                return report

    async def _pause(self, for_s: float) -> None:
        if self._hurried.is_set():
            await asyncio.sleep(_FIRST_PAUSE_S)
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._hurried.wait(), for_s)
