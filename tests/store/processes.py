"""Several processes over one database, as far as a test in one process can have them: each a store
with connections of its own."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg

from offhook.clock import Clock
from offhook.store.postgres import PostgresStore, open_postgres
from offhook.store.postgres.session import Session
from offhook.store.postgres.store import PARTITIONS


@asynccontextmanager
async def opened(
    url: str, *, clock: Clock | None = None, partitions: int = PARTITIONS
) -> AsyncIterator[PostgresStore]:
    """One store, closed at the end."""
    store = await open_postgres(url, clock=clock, partitions=partitions)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def several(
    url: str, count: int, *, clock: Clock | None = None, partitions: int = PARTITIONS
) -> AsyncIterator[list[PostgresStore]]:
    """So many stores over one database."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(opened(url, clock=clock, partitions=partitions))
            for _ in range(count)
        ]


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of somebody else's."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def speaking(url: str) -> AsyncIterator[Session]:
    """A session beside all stores that speaks in their statements."""
    async with connected(url) as connection:
        yield Session(connection)


async def held_up(holder: asyncpg.Connection, beside: asyncpg.Connection) -> bool:
    """Whether anybody waits for the holder. It is asked beside the holder's transaction, in which
    the list of who is connected would stay as it was first seen."""
    waiting = await beside.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid))",
        holder.get_server_pid(),
    )
    return bool(waiting)
