"""Group commit: whatever waits together is written together, one batch at a time."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from offhook.log.entries import AppendOutcome, Fold, Submission
from offhook.log.ports import LogStore

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class BatchBounds:
    """How much one batch may hold, and how long it waits for those who are about to come back."""

    events: int = 1_000
    bytes: int = 8 << 20
    gather_s: float = 0.001


class Ticket:
    """One request's facts, and where their outcomes gather; filled in order, front to back."""

    __slots__ = ("done", "outcomes", "submissions", "taken")

    def __init__(self, submissions: Sequence[Submission]) -> None:
        self.submissions = submissions
        self.taken = 0
        self.outcomes: list[AppendOutcome] = []
        self.done: asyncio.Future[list[AppendOutcome]] = asyncio.get_running_loop().create_future()

    def fill(self, outcomes: Sequence[AppendOutcome]) -> None:
        """The next of its facts were written."""
        self.outcomes.extend(outcomes)
        if len(self.outcomes) == len(self.submissions) and not self.done.done():
            self.done.set_result(self.outcomes)

    def fail(self, error: Exception) -> None:
        """Some of its facts were not."""
        if not self.done.done():
            self.done.set_exception(error)


_Part = tuple[Ticket, int, int]


class Batcher:
    """A queue of tickets, and the one task that writes them."""

    def __init__(self, store: LogStore, fold: Fold, bounds: BatchBounds) -> None:
        self._store = store
        self._fold = fold
        self._bounds = bounds
        self._queue: deque[Ticket] = deque()
        self._wake = asyncio.Event()
        self._gathered = asyncio.Event()
        self._last_batch = 0
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self.events = 0
        """How many facts wait or are being written; so for ``bytes``."""
        self.bytes = 0

    def put(self, submissions: Sequence[Submission]) -> Ticket:
        """Have these written."""
        ticket = Ticket(submissions)
        self._queue.append(ticket)
        self.events += len(submissions)
        self.bytes += sum(fact.size for fact in submissions)
        self._wake.set()
        if self.events >= self._last_batch:
            self._gathered.set()
        return ticket

    def start(self, name: str) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._run(), name=name)

    async def stop(self) -> None:
        """Write what waits, and end."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await self._task
            self._task = None

    async def run_once(self) -> int:
        """Write one batch of what waits; returns how many facts it held."""
        parts = self._take()
        batch = [fact for ticket, begin, end in parts for fact in ticket.submissions[begin:end]]
        if not batch:
            return 0
        try:
            outcomes = await self._store.append(batch, self._fold)
        except Exception as error:  # noqa: BLE001 - whatever a store raises is its callers' answer
            _log.error("append_failed", facts=len(batch), error=repr(error))
            for ticket, _, _ in parts:
                ticket.fail(error)
        else:
            _distribute(parts, outcomes)
        self._last_batch = len(batch)
        self.events -= len(batch)
        self.bytes -= sum(fact.size for fact in batch)
        return len(batch)

    def _take(self) -> list[_Part]:
        parts: list[_Part] = []
        room, size = self._bounds.events, 0
        while self._queue and room and size < self._bounds.bytes:
            ticket = self._queue[0]
            begin = ticket.taken
            while ticket.taken < len(ticket.submissions) and room and size < self._bounds.bytes:
                size += ticket.submissions[ticket.taken].size
                ticket.taken += 1
                room -= 1
            parts.append((ticket, begin, ticket.taken))
            if ticket.taken == len(ticket.submissions):
                self._queue.popleft()
        return parts

    async def _gather(self) -> None:
        """Clients that were answered together are about to come back: a moment's wait makes one
        commit of what would be two or three. Whoever comes alone again and again never waits."""
        if self._stopping or not self.events or self.events >= self._last_batch:
            return
        self._gathered.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._gathered.wait(), self._bounds.gather_s)

    async def _run(self) -> None:
        while True:
            await self._gather()
            if await self.run_once():
                continue
            if self._stopping and not self._queue:
                return
            self._wake.clear()
            await self._wake.wait()


def _distribute(parts: Sequence[_Part], outcomes: Sequence[AppendOutcome]) -> None:
    at = 0
    for ticket, begin, end in parts:
        ticket.fill(outcomes[at : at + end - begin])
        at += end - begin
