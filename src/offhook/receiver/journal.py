"""Group commit in front of the queue: whatever comes while one transaction runs shares the next.

So a request costs a share of one flush to disk, and is answered in milliseconds however many come.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeVar

import structlog

from offhook.model.errors import Overloaded
from offhook.receiver.masking import told
from offhook.receiver.ports import Arrival, Queue, Receipt, Settlement

MAX_WAITING: Final = 2_000
_MAX_BATCH: Final = 500
_AGAIN_AFTER_S: Final = 0.5

_log = structlog.get_logger(__name__)

T = TypeVar("T")

OnCommitted = Callable[[Sequence[Settlement]], None]
"""Told of each commit, with the attempts that it settled."""


class _Waiting(NamedTuple):
    arrival: Arrival
    receipt: asyncio.Future[Receipt]


class Journal:
    """Takes arrivals and settlements of one holder, and writes them together."""

    def __init__(self, queue: Queue, holder: str) -> None:
        self._queue = queue
        self._holder = holder
        self._waiting: deque[_Waiting] = deque()
        self._settled: deque[Settlement] = deque()
        self._work = asyncio.Event()
        self._stopping = False

    async def record(self, arrival: Arrival) -> Receipt:
        """Keep an event, durably when this returns.

        ``Overloaded`` if too many wait or the queue cannot be written: then the sender has to try
        again.
        """
        if self._stopping:
            raise Overloaded("The receiver is stopping; try again in a second.")
        if len(self._waiting) >= MAX_WAITING:
            raise Overloaded(f"{MAX_WAITING} events wait to be stored; try again in a second.")
        receipt: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(arrival, receipt))
        self._work.set()
        return await receipt

    def settle(self, settlement: Settlement) -> None:
        """Note the end of an attempt, with the next transaction; over and over until one holds."""
        self._settled.append(settlement)
        self._work.set()

    async def run(self, on_committed: OnCommitted) -> None:
        """Write until ``stop``."""
        while self._waiting or self._settled or not self._stopping:
            await self._work.wait()
            self._work.clear()
            await self.run_once(on_committed)

    async def run_once(self, on_committed: OnCommitted) -> None:
        """Write what waits now, in one transaction."""
        batch = _first(self._waiting)
        settled = _first(self._settled)
        if self._waiting or self._settled:
            self._work.set()
        if not batch and not settled:
            return
        arrivals = [entry.arrival for entry in batch]
        try:
            receipts = await self._queue.commit(self._holder, arrivals, settled)
        except Exception as error:  # noqa: BLE001 - whatever the queue raises, its senders must hear
            if not self._stopping:  # else the leases run out, and the events come again
                self._settled.extendleft(reversed(settled))
            asyncio.get_running_loop().call_later(_AGAIN_AFTER_S, self._work.set)
            _refuse(batch, error)
            return
        for entry, receipt in zip(batch, receipts, strict=True):
            if not entry.receipt.done():  # its sender may have gone
                entry.receipt.set_result(receipt)
        on_committed(settled)

    def stop(self) -> None:
        """Let ``run`` return once it has written what waits, or tried to."""
        self._stopping = True
        self._work.set()


def _first(waiting: deque[T]) -> list[T]:
    return [waiting.popleft() for _ in range(min(len(waiting), _MAX_BATCH))]


def _refuse(batch: Sequence[_Waiting], error: Exception) -> None:
    _log.error("queue_not_written", arrivals=len(batch), error=told(error))
    for entry in batch:
        if not entry.receipt.done():
            entry.receipt.set_exception(Overloaded("The event cannot be stored now; try again."))
