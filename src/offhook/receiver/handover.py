"""Handing stored events to the handler: in order per key, many keys at once, until it succeeds."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import structlog

from offhook.receiver.event import Event, parse_event
from offhook.receiver.ports import Inbox, StoredEvent

Handler = Callable[[Event], Awaitable[None]]

RETRY_DELAYS_S = (1.0, 5.0, 30.0, 120.0, 300.0)
WINDOW = 1_000
_READ_AGAIN_S = 1.0

_log = structlog.get_logger(__name__)


class Handover:
    """Keeps a window of events in memory, and reads on from the inbox when it had to let some pass.

    An event that fails is tried again after each of ``retry_delays_s``, the last one over and over;
    meanwhile it keeps back the later ones of its key, and no other key's.
    """

    def __init__(
        self,
        *,
        handler: Handler,
        inbox: Inbox,
        mark_handled: Callable[[int], None],
        concurrency: int,
        retry_delays_s: Sequence[float] = RETRY_DELAYS_S,
        window: int = WINDOW,
    ) -> None:
        self._handler = handler
        self._inbox = inbox
        self._mark_handled = mark_handled
        self._permits = asyncio.Semaphore(concurrency)
        self._retry_delays_s = retry_delays_s
        self._window = window
        self._lanes: dict[str, deque[StoredEvent]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._held = 0
        self._last = 0
        self._behind = True
        self._missed = False
        self._room = asyncio.Event()
        self._room.set()
        self._stopping = asyncio.Event()

    def offer(self, stored: StoredEvent) -> None:
        """A new event, offered in order; with the window full it is left for ``refill`` to read."""
        if stored.place <= self._last:  # a refill was faster
            return
        if self._behind or self._held >= self._window:
            self._behind = self._missed = True
        else:
            self._admit(stored)

    async def run(self) -> None:
        """Read on from the inbox whenever there is room, first of all what an earlier run left."""
        while True:
            await self._room.wait()
            self._room.clear()
            try:
                await self.refill()
            except Exception as error:  # noqa: BLE001 - an inbox that fails now may not later
                _log.error("inbox_not_read", error=repr(error))
                asyncio.get_running_loop().call_later(_READ_AGAIN_S, self._room.set)

    async def refill(self) -> None:
        """Read on until the window is full or the inbox has no more."""
        while self._behind and self._held < self._window:
            self._missed = False
            limit = self._window - self._held
            found = await self._inbox.waiting(self._last, limit)
            for stored in found:
                self._admit(stored)
            # What was offered during the read may or may not have been read: read again.
            self._behind = self._missed or len(found) == limit

    async def stop(self, grace_s: float) -> None:
        """Let running handlers finish, for so long; then cancel them. Their events are not lost:
        they are handed over again by the next run."""
        self._stopping.set()
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=grace_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _admit(self, stored: StoredEvent) -> None:
        self._last = stored.place
        self._held += 1
        lane = self._lanes.get(stored.key)
        if lane is not None:
            lane.append(stored)
            return
        self._lanes[stored.key] = deque((stored,))
        task = asyncio.create_task(self._drain(stored.key))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drain(self, key: str) -> None:
        lane = self._lanes[key]
        while lane:
            if not await self._handle(lane[0]):
                return
            self._mark_handled(lane.popleft().place)
            self._held -= 1
            if self._behind and self._held <= self._window // 2:
                self._room.set()
        del self._lanes[key]

    async def _handle(self, stored: StoredEvent) -> bool:
        """True once it is handled; false if we stop before."""
        failures = 0
        while True:
            async with self._permits:
                if self._stopping.is_set():
                    return False
                if await self._attempt(stored, failures):
                    return True
            delay_s = self._retry_delays_s[min(failures, len(self._retry_delays_s) - 1)]
            failures += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay_s)

    async def _attempt(self, stored: StoredEvent, failures: int) -> bool:
        event = parse_event(stored.body, stored.event_id)
        try:
            await self._handler(event)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises, its event stays
            _log.exception(
                "handler_failed",
                event_id=event.id,
                event_type=event.type,
                key=event.key,
                attempt=failures + 1,
                error=repr(error),
            )
            return False
        return True
