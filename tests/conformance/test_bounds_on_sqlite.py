"""The guarantees of shared bounds and of endpoints' health on SQLite, in a file and in memory."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from offhook.store.sqlite import SqliteStore, open_sqlite
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.bounds import BoundConformance, HealthConformance


@pytest.fixture(params=["file", "memory"])
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock
) -> AsyncIterator[SqliteStore]:
    opened = open_sqlite(tmp_path if request.param == "file" else None, clock=clock)
    yield opened
    await opened.close()


class TestBounds(BoundConformance):
    """Each guarantee."""


class TestHealth(HealthConformance):
    """Each guarantee."""
