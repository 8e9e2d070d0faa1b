"""Delivery's guarantees on SQLite, in a file and in memory."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from offhook.model.ids import DEFAULT_ACCOUNT
from offhook.store.sqlite import SqliteStore, open_sqlite
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.caution import CautionConformance
from offhook.testing.conformance.delivery import DeliveryConformance


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["file", "memory"])
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock
) -> AsyncIterator[SqliteStore]:
    opened = open_sqlite(tmp_path if request.param == "file" else None, clock=clock)
    await opened.keys.put_account(DEFAULT_ACCOUNT, "Default")
    yield opened
    await opened.close()


class TestDelivery(DeliveryConformance):
    """Each guarantee, on each."""


class TestCaution(CautionConformance):
    """Each guarantee, on each."""
