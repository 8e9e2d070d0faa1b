"""Group commit in front of the inbox: whatever arrives while one transaction runs shares the next.

So a request costs a share of one flush to disk, and is answered in milliseconds however many come.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import structlog

from offhook.model.errors import Overloaded
from offhook.receiver.ports import Arrival, Inbox, StoredEvent

MAX_WAITING = 2_000
_MAX_BATCH = 1_000

_log = structlog.get_logger(__name__)


class _Waiting(NamedTuple):
    arrival: Arrival
    is_new: asyncio.Future[bool]


class Journal:
    """Takes arrivals and handled places, and writes them together."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._waiting: deque[_Waiting] = deque()
        self._handled: list[int] = []
        self._work = asyncio.Event()
        self._stopping = False

    async def record(self, arrival: Arrival) -> bool:
        """Keep an event: true if it is new, false if it was seen before, and durable either way.

        ``Overloaded`` if too many wait or the inbox cannot be written: then nothing was kept.
        """
        if len(self._waiting) >= MAX_WAITING:
            raise Overloaded(f"{MAX_WAITING} events wait to be stored; try again in a second.")
        is_new: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(arrival, is_new))
        self._work.set()
        return await is_new

    def mark_handled(self, place: int) -> None:
        """Note that an event was handled, with the next transaction."""
        self._handled.append(place)
        self._work.set()

    async def run(self, on_stored: Callable[[StoredEvent], None]) -> None:
        """Write until ``stop``; new events are announced in order of arrival, once durable."""
        while self._waiting or not self._stopping:
            await self._work.wait()
            self._work.clear()
            await self.run_once(on_stored)

    async def run_once(self, on_stored: Callable[[StoredEvent], None]) -> None:
        """Write what waits now, in one transaction."""
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MAX_BATCH))]
        handled, self._handled = self._handled, []
        if self._waiting:
            self._work.set()
        if not batch and not handled:
            return
        try:
            places = await self._inbox.commit([entry.arrival for entry in batch], handled)
        except Exception as error:  # noqa: BLE001 - whatever the inbox raises, its senders must hear
            self._handled += handled
            _refuse(batch, error)
            return
        for entry, place in zip(batch, places, strict=True):
            _answer(entry, place, on_stored)

    def stop(self) -> None:
        """Let ``run`` return once it has written what waits."""
        self._stopping = True
        self._work.set()


def _answer(entry: _Waiting, place: int | None, on_stored: Callable[[StoredEvent], None]) -> None:
    if place is not None:
        arrival = entry.arrival
        on_stored(StoredEvent(place, arrival.event_id, arrival.key, arrival.body))
    if not entry.is_new.done():  # its sender may have gone
        entry.is_new.set_result(place is not None)


def _refuse(batch: list[_Waiting], error: Exception) -> None:
    _log.error("inbox_not_written", arrivals=len(batch), error=repr(error))
    for entry in batch:
        if not entry.is_new.done():
            entry.is_new.set_exception(Overloaded("The event cannot be stored now; try again."))
