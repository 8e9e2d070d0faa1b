"""An SQLite file as the receiver opens it: one connection, and one thread that speaks to it."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue
from time import monotonic, sleep
from typing import Final, TypeVar

import apsw

from offhook.model.errors import Conflict

T = TypeVar("T")
Work = Callable[[apsw.Connection], T]

BUSY_TIMEOUT_MS: Final = 5_000
_OPEN_WITHIN_S: Final = BUSY_TIMEOUT_MS / 1000
_AGAIN_AFTER_S: Final = 0.02


class Database:
    """Runs work in transactions, one after the other. What is committed survives a loss of power.

    ``Conflict`` on opening if the file cannot be opened.
    """

    def __init__(self, path: Path | str, schema: str) -> None:
        try:
            self._connection = _open(path, schema)
        except apsw.Error as error:
            raise Conflict(f"{path} cannot be opened: {error}; check folder and file.") from None
        self._thread = OneThread("offhook-receiver-db")

    async def transact(self, work: Work[T]) -> T:
        """Do the work in a transaction that is durable when this returns, and undone if it
        raises."""
        return await self._on_thread(lambda: _transact(self._connection, work))

    async def read(self, work: Work[T]) -> T:
        """Do work that only reads."""
        return await self._on_thread(lambda: work(self._connection))

    async def close(self) -> None:
        """Finish what is under way and let go of the file."""
        await self._on_thread(self._connection.close)
        self._thread.end()

    async def _on_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.wrap_future(self._thread.submit(work))


class OneThread:
    """Runs one piece of work after the other in a daemon thread, to the very end of the process: an
    executor takes none any more once the interpreter begins to end, when much is left to write."""

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Do this after all that was submitted before."""
        future: Future[T] = Future()
        self._jobs.put(lambda: _run_into(future, work))
        return future

    def end(self) -> None:
        """End the thread after all that was submitted before."""
        self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


def _run_into(future: Future[T], work: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
        future.set_exception(error)
    else:
        future.set_result(result)


def holds(path: Path | str, counting: str) -> bool:
    """Whether a file is there and a statement counts something in it; makes no file."""
    if not Path(path).is_file():
        return False
    try:
        with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
            connection.set_busy_timeout(BUSY_TIMEOUT_MS)
            return bool(connection.execute(counting).get)
    except (apsw.CantOpenError, apsw.NotADBError):
        return False


def _open(path: Path | str, schema: str) -> apsw.Connection:
    # Several that change a new file's journal at once do not wait for one another, as they do for
    # any other lock: all but one are told at once that it is busy.
    give_up_at = monotonic() + _OPEN_WITHIN_S
    while True:
        connection = apsw.Connection(str(path))
        try:
            return _prepared(connection, schema)
        except apsw.BusyError:
            connection.close()
            if monotonic() >= give_up_at:
                raise
            sleep(_AGAIN_AFTER_S)


def _prepared(connection: apsw.Connection, schema: str) -> apsw.Connection:
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "full")
    _transact(connection, lambda opened: opened.execute(schema))
    return connection


def _transact(connection: apsw.Connection, work: Work[T]) -> T:
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return result
