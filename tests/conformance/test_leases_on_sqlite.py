"""The guarantees of leases on SQLite, and of what is left when the process is gone."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from offhook.store.sqlite import SqliteStore, open_sqlite
from offhook.store.sqlite.leases import SqliteLeases
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.leases import (
    DurabilityConformance,
    LeaseConformance,
    SharingConformance,
)
from offhook.testing.conformance.stores import Reopen


class TestLeases(LeaseConformance):
    """Each guarantee."""


class TestSharing(SharingConformance):
    """Each guarantee, of a log of one partition and of many."""

    @pytest.fixture(params=[1, 16])
    def leases(self, request: pytest.FixtureRequest, store: SqliteStore) -> SqliteLeases:
        return SqliteLeases(store._database, request.param)


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
