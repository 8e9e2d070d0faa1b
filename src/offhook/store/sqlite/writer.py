"""The one writer: a thread that takes all jobs that wait and commits them together."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from offhook.log.entries import Topic
from offhook.store.sqlite.connection import Connection

T = TypeVar("T")


class Transaction:
    """What a job works with: the connection, and what is to follow once all is committed or undone.

    Callbacks run on the writer's thread, in the order of the jobs. ``careful`` once something had
    failed: then each job, and each ``part`` of one, can fail alone. Before that there are no
    savepoints, which copy every page that is written under them: whatever raises undoes the
    transaction, and all jobs are done again, carefully.
    """

    def __init__(self, connection: Connection, *, careful: bool) -> None:
        self.connection = connection
        self.careful = careful
        self.topics: set[Topic] = set()
        self.committed: list[Callable[[], None]] = []
        self.undone: list[Callable[[], None]] = []

    def part(self) -> AbstractContextManager[object]:
        """A context for work that may fail and be done otherwise, if ``careful``."""
        return self.connection.transaction() if self.careful else nullcontext()


Work = Callable[[Transaction], T]


class Job(Generic[T]):
    """One unit of work: done whole or not at all, whatever becomes of its neighbours."""

    result: T

    def __init__(self, work: Work[T], connection: Connection, *, first: bool) -> None:
        self.first = first
        self.error: Exception | None = None
        self.future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._connection = connection
        self._work = work
        self.transaction = Transaction(connection, careful=False)

    def attempt(self) -> None:
        """Do the work, on the understanding that all is undone if it raises."""
        self.transaction = Transaction(self._connection, careful=False)
        self.result = self._work(self.transaction)

    def attempt_alone(self) -> None:
        """Do the work in a savepoint; raises only when that ended the transaction itself."""
        self.transaction = Transaction(self._connection, careful=True)
        try:
            with self.transaction.part():
                self.result = self._work(self.transaction)
        except Exception as error:
            self.fail(error)
            if not self._connection.in_transaction:
                raise

    def undo(self) -> None:
        """What the work left in memory is undone."""
        for callback in self.transaction.undone:
            callback()

    def fail(self, error: Exception) -> None:
        """It came to nothing."""
        if self.error is None:
            self.error = error
            self.undo()

    def finish(self) -> None:
        """It is committed, if it did not fail."""
        if self.error is None:
            for callback in self.transaction.committed:
                callback()

    def answer(self) -> None:
        """Hand the outcome to whoever waits for it; on the loop."""
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


class Committing:
    """Does jobs in one transaction, and tells of its commit."""

    def __init__(
        self, connection: Connection, announce: Callable[[frozenset[Topic]], None]
    ) -> None:
        self._connection = connection
        self._announce = announce

    def commit(self, jobs: list[Job[Any]]) -> None:
        """Do all jobs and commit them; which of them failed stands in each."""
        jobs.sort(key=lambda job: not job.first)
        if not self._together(jobs):
            self._carefully(jobs)
        for job in jobs:
            job.finish()

    def settle(self, jobs: Sequence[Job[Any]]) -> None:
        """Tell who waits, and then everybody; on the loop."""
        topics: set[Topic] = set()
        for job in jobs:
            job.answer()
            if job.error is None:
                topics |= job.transaction.topics
        if topics:
            self._announce(frozenset(topics))

    def _together(self, jobs: list[Job[Any]]) -> bool:
        """Do and commit all jobs; false, with nothing done, if anything at all went wrong."""
        try:
            with self._connection.lock, self._connection.transaction():
                for job in jobs:
                    job.attempt()
        except Exception:  # noqa: BLE001 - whose fault it is shows when each stands alone
            for job in jobs:
                job.undo()
            return False
        return True

    def _carefully(self, jobs: list[Job[Any]]) -> None:
        """Do all jobs, each to fail alone; what keeps the commit from happening fails them all."""
        try:
            with self._connection.lock, self._connection.transaction():
                for job in jobs:
                    job.attempt_alone()
        except Exception as error:  # noqa: BLE001 - it is the answer to each who waits
            for job in jobs:
                job.fail(error)


class InlineWriter:
    """Does each job where it is handed in, on the loop's own thread: for a database in memory, of
    which every step is to follow from the one before."""

    def __init__(
        self, connection: Connection, announce: Callable[[frozenset[Topic]], None]
    ) -> None:
        self._connection = connection
        self._committing = Committing(connection, announce)

    async def write(self, work: Work[T], *, first: bool = False) -> T:
        """Do it."""
        job = Job(work, self._connection, first=first)
        self._committing.commit([job])
        self._committing.settle([job])
        return await job.future

    def stop(self) -> None:
        """Nothing ever waits."""


class Writer:
    """Owns the connection that writes. Whatever waits is one transaction and one durable commit."""

    def __init__(
        self, connection: Connection, announce: Callable[[frozenset[Topic]], None]
    ) -> None:
        self._connection = connection
        self._committing = Committing(connection, announce)
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[Job[Any] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="offhook-writer", daemon=True)
        self._thread.start()

    async def write(self, work: Work[T], *, first: bool = False) -> T:
        """Have it done; returns once it is durable. What is ``first`` goes before what is not."""
        job = Job(work, self._connection, first=first)
        self._queue.put(job)
        return await job.future

    def stop(self) -> None:
        """Do what waits, then end; blocks until then."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        jobs: list[Job[Any]] = []
        while self._take(jobs):
            self._commit(jobs)
            jobs = []
        if jobs:
            self._commit(jobs)

    def _take(self, jobs: list[Job[Any]]) -> bool:
        """Gather what waits, at least one; false once the writer is to end."""
        job = self._queue.get()
        while job is not None:
            jobs.append(job)
            try:
                job = self._queue.get_nowait()
            except Empty:
                return True
        return False

    def _commit(self, jobs: list[Job[Any]]) -> None:
        self._committing.commit(jobs)
        self._loop.call_soon_threadsafe(self._committing.settle, jobs)
