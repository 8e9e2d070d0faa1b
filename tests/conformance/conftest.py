"""Every store there is: each suite runs on SQLite, in a file and in memory, and on each version of
PostgreSQL."""

from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from offhook.model.ids import DEFAULT_ACCOUNT
from offhook.store.postgres import open_postgres
from offhook.store.sqlite import open_sqlite
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.stores import ConformingStore
from offhook.testing.servers.postgres import fresh_schema
from offhook.testing.servers.postgres_binaries import installed_postgres

POSTGRES = {each.name: each for each in installed_postgres()}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["file", "memory", *POSTGRES])
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock, servers: Callable[[str], int]
) -> AsyncIterator[ConformingStore]:
    opened: ConformingStore
    with ExitStack() as held:
        if request.param in POSTGRES:
            place = fresh_schema(POSTGRES[request.param], servers(request.param))
            opened = await open_postgres(held.enter_context(place), clock=clock)
        else:
            opened = open_sqlite(tmp_path if request.param == "file" else None, clock=clock)
        await opened.keys.put_account(DEFAULT_ACCOUNT, "Default")
        yield opened
        await opened.close()
