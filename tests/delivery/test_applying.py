"""Results wait for a store that is away, and are written once it is back."""

import asyncio
from collections.abc import Sequence

import pytest
from pieces import lease

from offhook.delivery.engine import applying
from offhook.delivery.engine.applying import Applier
from offhook.delivery.entries import ApplyReport, PartitionChanges

PATIENCE_S = 10.0
CHANGES = (PartitionChanges(lease(), 7),)


class Store:
    """Fails so many times, then takes what it gets."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.seen: list[Sequence[PartitionChanges]] = []

    async def apply(self, changes: Sequence[PartitionChanges]) -> ApplyReport:
        self.seen.append(changes)
        if len(self.seen) <= self.failures:
            raise OSError("the disk is full")
        return ApplyReport(stubs=3)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applying, "_FIRST_PAUSE_S", 0.0)


@pytest.mark.parametrize("failures", [0, 1, 20])
async def test_the_same_changes_are_handed_over_until_the_store_takes_them(failures: int) -> None:
    store, woken = Store(failures), []
    applier = Applier(store=store, wake=lambda: woken.append(True))
    applier.start(CHANGES)
    assert applier.take() is None
    assert applier.busy
    assert await applier.finish(PATIENCE_S) == ApplyReport(stubs=3)
    assert store.seen == [CHANGES] * (failures + 1)
    assert woken == [True]


async def test_a_report_is_taken_once_and_the_next_apply_may_begin() -> None:
    store = Store(0)
    applier = Applier(store=store, wake=lambda: None)
    for _ in range(2):
        applier.start(CHANGES)
        assert await applier.finish(PATIENCE_S) is not None
        assert applier.take() is None
        assert not applier.busy
    assert len(store.seen) == 2


async def test_with_nothing_under_way_there_is_nothing_to_finish() -> None:
    assert await Applier(store=Store(0), wake=lambda: None).finish(PATIENCE_S) is None


async def test_one_that_the_store_does_not_take_in_time_is_given_up() -> None:
    applier = Applier(store=Store(10**9), wake=lambda: None)
    applier.start(CHANGES)
    assert await applier.finish(0.01) is None
    assert applier.busy, "another apply would pass over what was given up"


async def test_who_stops_asks_the_store_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(1)
    monkeypatch.setattr(applying, "_FIRST_PAUSE_S", 3600.0)
    applier = Applier(store=store, wake=lambda: None)
    applier.start(CHANGES)
    while not store.seen:
        await asyncio.sleep(0)
    assert await applier.finish(PATIENCE_S) == ApplyReport(stubs=3)
