"""The guarantees of leases on every store."""

import pytest

from offhook.log.ports import LeaseStore
from offhook.testing.conformance.leases import LeaseConformance, SharingConformance
from offhook.testing.conformance.stores import ConformingStore


class TestLeases(LeaseConformance):
    """Each guarantee."""


class TestSharing(SharingConformance):
    """Each guarantee."""

    @pytest.fixture
    def leases(self, store: ConformingStore) -> LeaseStore:
        return store.leases
