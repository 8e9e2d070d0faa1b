"""Group commit: requests hand in facts and wait; whatever waits together is written together."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence

import structlog

from offhook.log.entries import AppendOutcome, Fold, Submission
from offhook.log.ports import LogStore
from offhook.model.errors import Overloaded

_log = structlog.get_logger(__name__)


class _Ticket:
    """One request's facts, and where their outcomes gather; filled in order, front to back."""

    __slots__ = ("done", "outcomes", "submissions", "taken")

    def __init__(self, submissions: Sequence[Submission]) -> None:
        self.submissions = submissions
        self.taken = 0
        self.outcomes: list[AppendOutcome] = []
        self.done: asyncio.Future[list[AppendOutcome]] = asyncio.get_running_loop().create_future()

    def fill(self, outcomes: Sequence[AppendOutcome]) -> None:
        self.outcomes.extend(outcomes)
        if len(self.outcomes) == len(self.submissions) and not self.done.done():
            self.done.set_result(self.outcomes)

    def fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)


class Appender:
    """The one way into the log. A request that got its outcomes back survives any crash."""

    def __init__(
        self,
        *,
        store: LogStore,
        fold: Fold,
        batch_events: int = 1_000,
        batch_bytes: int = 8 << 20,
        waiting_events: int = 20_000,
        waiting_bytes: int = 64 << 20,
        gather_s: float = 0.001,
    ) -> None:
        self._store = store
        self._fold = fold
        self._batch_events = batch_events
        self._batch_bytes = batch_bytes
        self._waiting_events = waiting_events
        self._waiting_bytes = waiting_bytes
        self._gather_s = gather_s
        self._queue: deque[_Ticket] = deque()
        self._events = 0
        self._bytes = 0
        self._wake = asyncio.Event()
        self._gathered = asyncio.Event()
        self._last_batch = 0
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many facts wait to be written."""
        return self._events

    async def submit(self, submissions: Sequence[Submission]) -> list[AppendOutcome]:
        """Write the facts durably; outcomes are in their order.

        Raises ``Overloaded`` without having taken anything when too much waits already. When it
        raises anything else, facts of this request may have been written: with an id of the
        caller's own, sending them again is safe.
        """
        if not submissions:
            return []
        self._admit(submissions)
        ticket = _Ticket(submissions)
        self._queue.append(ticket)
        self._wake.set()
        if self._events >= self._last_batch:
            self._gathered.set()
        return await ticket.done

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._run(), name="appender")

    async def stop(self) -> None:
        """Take nothing more, write what waits, and end."""
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
        self._events -= len(batch)
        self._bytes -= sum(fact.size for fact in batch)
        return len(batch)

    def _admit(self, submissions: Sequence[Submission]) -> None:
        if self._stopping:
            raise Overloaded("The server is stopping; send the request again in a moment.")
        size = sum(fact.size for fact in submissions)
        if self._events and (
            self._events + len(submissions) > self._waiting_events
            or self._bytes + size > self._waiting_bytes
        ):
            raise Overloaded(
                f"{self._events} events wait to be written; send the request again in a moment."
            )
        self._events += len(submissions)
        self._bytes += size

    def _take(self) -> list[tuple[_Ticket, int, int]]:
        parts: list[tuple[_Ticket, int, int]] = []
        room, size = self._batch_events, 0
        while self._queue and room and size < self._batch_bytes:
            ticket = self._queue[0]
            begin = ticket.taken
            while ticket.taken < len(ticket.submissions) and room and size < self._batch_bytes:
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
        if self._stopping or not self._events or self._events >= self._last_batch:
            return
        self._gathered.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._gathered.wait(), self._gather_s)

    async def _run(self) -> None:
        while True:
            await self._gather()
            if await self.run_once():
                continue
            if self._stopping and not self._queue:
                return
            self._wake.clear()
            await self._wake.wait()


def _distribute(
    parts: Sequence[tuple[_Ticket, int, int]], outcomes: Sequence[AppendOutcome]
) -> None:
    at = 0
    for ticket, begin, end in parts:
        ticket.fill(outcomes[at : at + end - begin])
        at += end - begin
