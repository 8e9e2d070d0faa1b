"""What several processes guarantee together, on SQLite seen as eight partitions."""

from collections.abc import AsyncIterator

import pytest

from offhook.model.ids import DEFAULT_ACCOUNT
from offhook.store.sqlite import open_sqlite
from offhook.store.sqlite.leases import SqliteLeases
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.processes import (
    RebalancingConformance,
    SharedBoundsConformance,
    SharedHealthConformance,
    processes,
)
from offhook.testing.partitioned import PartitionedStore

__all__ = ["processes"]
PARTITIONS = 8


@pytest.fixture
async def shared(clock: FakeClock) -> AsyncIterator[PartitionedStore]:
    opened = open_sqlite(None, clock=clock)
    await opened.keys.put_account(DEFAULT_ACCOUNT, "Default")
    yield PartitionedStore(opened, SqliteLeases(opened._database, PARTITIONS), PARTITIONS)
    await opened.close()


class TestRebalancing(RebalancingConformance):
    """Each guarantee."""


class TestSharedBounds(SharedBoundsConformance):
    """Each guarantee."""


class TestSharedHealth(SharedHealthConformance):
    """Each guarantee."""
