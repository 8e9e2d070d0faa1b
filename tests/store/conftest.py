"""A store of its own for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from offhook.store.sqlite import SqliteStore, open_sqlite
from offhook.testing.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store(tmp_path: Path, clock: FakeClock) -> AsyncIterator[SqliteStore]:
    opened = open_sqlite(tmp_path, clock=clock)
    yield opened
    await opened.close()
