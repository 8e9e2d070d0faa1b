"""An SQLite file as the receiver opens it: one connection, and one thread that speaks to it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

import apsw

from offhook.model.errors import Conflict

T = TypeVar("T")
Work = Callable[[apsw.Connection], T]

BUSY_TIMEOUT_MS: Final = 5_000


class Database:
    """Runs work in transactions, one after the other. What is committed survives a loss of power.

    ``Conflict`` on opening if the file cannot be opened.
    """

    def __init__(self, path: Path | str, schema: str) -> None:
        try:
            self._connection = _open(path, schema)
        except apsw.Error as error:
            raise Conflict(f"{path} cannot be opened: {error}; check folder and file.") from None
        self._thread = ThreadPoolExecutor(1, "offhook-receiver")

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
        self._thread.shutdown()

    async def _on_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _open(path: Path | str, schema: str) -> apsw.Connection:
    connection = apsw.Connection(str(path))
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
