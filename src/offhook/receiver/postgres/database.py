"""A PostgreSQL as the receiver reaches it: a small pool, transactions, and one error for "away"."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeAlias, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from offhook.model.errors import Unavailable
from offhook.receiver.statements import statements

T = TypeVar("T")
Session: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"
Work: TypeAlias = Callable[[Session], Awaitable[T]]

SQL: Final = statements("postgres")

_POOL_SIZE: Final = 4
_CONNECT_S: Final = 5.0
_COMMAND_S: Final = 10.0
_TRIES: Final = 5
_SETTINGS: Final = {
    "application_name": "offhook-receiver",
    # What a lock waited for is read by the next statement: its snapshot must be a new one.
    "default_transaction_isolation": "read committed",
    # A process that was suspended, or cut off, inside a transaction must not keep its locks.
    "idle_in_transaction_session_timeout": "5000",
}


class Database:
    """Runs work in transactions. ``Unavailable`` while the server cannot be reached."""

    def __init__(self, url: str, schema: str) -> None:
        self._url = url
        self._schema = schema
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._opening = asyncio.Lock()

    async def open(self) -> None:
        """Connect, and make the tables that are missing."""
        await self._opened()

    async def transact(self, work: Work[T]) -> T:
        """Do the work in a transaction that is durable when this returns, as PostgreSQL's
        ``synchronous_commit`` has it, and undone if it raises.

        Work that met others in a deadlock, who go on, is done again: it must bear that.
        """
        for _ in range(_TRIES - 1):
            try:
                return await self._transact(work)
            except asyncpg.DeadlockDetectedError:
                continue
        return await self._transact(work)

    async def tells(self, statement: str) -> bool:
        """What a statement answers on a connection of its own, with no table made before."""
        async with _reaching():
            connection = await asyncpg.connect(
                self._url, timeout=_CONNECT_S, command_timeout=_COMMAND_S, server_settings=_SETTINGS
            )
            try:
                return bool(await connection.fetchval(SQL[statement]))
            finally:
                await connection.close()

    async def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    async def _transact(self, work: Work[T]) -> T:
        pool = await self._opened()
        async with (
            _reaching(),
            pool.acquire(timeout=_CONNECT_S) as session,
            session.transaction(),
        ):
            return await work(session)

    async def _opened(self) -> "asyncpg.Pool[asyncpg.Record]":
        async with self._opening:
            if self._pool is None:
                self._pool = await self._connected()
            return self._pool

    async def _connected(self) -> "asyncpg.Pool[asyncpg.Record]":
        async with _reaching():
            pool = await asyncpg.create_pool(
                self._url,
                min_size=1,
                max_size=_POOL_SIZE,
                timeout=_CONNECT_S,
                command_timeout=_COMMAND_S,
                server_settings=_SETTINGS,
            )
            async with pool.acquire() as session, session.transaction():
                # Two that make the same table at once would trip over each other.
                await session.execute(SQL["schema_lock"])
                await session.execute(SQL[self._schema])
        return pool


@asynccontextmanager
async def _reaching() -> AsyncIterator[None]:
    try:
        yield
    except asyncpg.DeadlockDetectedError:
        raise
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise Unavailable(
            f"PostgreSQL gives no answer ({type(error).__name__}: {error}); try again in a moment."
        ) from error
