"""The guarantees of leases on SQLite as if its log had many partitions, and of what is left when
the process is gone."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from offhook.store.sqlite import SqliteStore, open_sqlite
from offhook.store.sqlite.leases import SqliteLeases
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.leases import (
    DurabilityConformance,
    SharingConformance,
)
from offhook.testing.conformance.stores import Reopen


class TestSharing(SharingConformance):
    """Each guarantee, of a log of many partitions."""

    @pytest.fixture
    async def store(self, clock: FakeClock) -> AsyncIterator[SqliteStore]:
        opened = open_sqlite(None, clock=clock)
        yield opened
        await opened.close()

    @pytest.fixture
    def leases(self, store: SqliteStore) -> SqliteLeases:
        return SqliteLeases(store._database, 16)


class TestDurability(DurabilityConformance):
    """Each guarantee, of a database in a file."""

    @pytest.fixture
    async def stores(self, tmp_path: Path, clock: FakeClock) -> AsyncIterator[list[SqliteStore]]:
        opened = [open_sqlite(tmp_path, clock=clock)]
        yield opened
        await opened[-1].close()

    @pytest.fixture
    def store(self, stores: list[SqliteStore]) -> SqliteStore:
        return stores[0]

    @pytest.fixture
    def reopen(self, stores: list[SqliteStore], tmp_path: Path, clock: FakeClock) -> Reopen:
        async def again() -> SqliteStore:
            await stores[-1].close()
            stores.append(open_sqlite(tmp_path, clock=clock))
            return stores[-1]

        return again
