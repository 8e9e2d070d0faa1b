"""What several processes guarantee together, on PostgreSQL and on SQLite seen as many partitions.

One PostgreSQL is enough: that each version shares and leases alike is for the suites of those.
"""

import pytest

from offhook.store.sqlite import SqliteStore
from offhook.store.sqlite.leases import SqliteLeases
from offhook.testing.conformance.processes import (
    RebalancingConformance,
    SharedBoundsConformance,
    SharedHealthConformance,
    processes,
)
from offhook.testing.conformance.stores import ConformingStore
from offhook.testing.partitioned import PartitionedStore
from offhook.testing.processes import SharedStore
from offhook.testing.servers.postgres_binaries import installed_postgres

__all__ = ["processes"]

pytestmark = pytest.mark.parametrize(
    "store", ["memory", *(each.name for each in installed_postgres()[-1:])], indirect=True
)
PARTITIONS = 8


@pytest.fixture
def shared(store: ConformingStore) -> SharedStore:
    if isinstance(store, SqliteStore):
        return PartitionedStore(store, SqliteLeases(store._database, PARTITIONS), PARTITIONS)
    return store


class TestRebalancing(RebalancingConformance):
    """Each guarantee."""


class TestSharedBounds(SharedBoundsConformance):
    """Each guarantee."""


class TestSharedHealth(SharedHealthConformance):
    """Each guarantee."""
