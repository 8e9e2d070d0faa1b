"""The stream is tested over both engines: SQLite, and PostgreSQL with its many partitions."""

from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack

import pytest
from stage import Stage

from offhook.store.contract import Store
from offhook.store.postgres import open_postgres
from offhook.store.sqlite import open_sqlite
from offhook.testing.clock import FakeClock
from offhook.testing.servers.postgres import fresh_schema
from offhook.testing.servers.postgres_binaries import find_postgres


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["sqlite", "postgres"])
async def store(
    request: pytest.FixtureRequest, clock: FakeClock, servers: Callable[[str], int]
) -> AsyncIterator[Store]:
    opened: Store
    with ExitStack() as held:
        if request.param == "postgres":
            newest = find_postgres(18)
            url = held.enter_context(fresh_schema(newest, servers(newest.name)))
            opened = await open_postgres(url, clock=clock)
        else:
            opened = open_sqlite(None, clock=clock)
        yield opened
        await opened.close()


@pytest.fixture
async def stage(store: Store, clock: FakeClock) -> AsyncIterator[Stage]:
    async with Stage(store, clock) as ready:
        yield ready
