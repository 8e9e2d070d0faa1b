"""Fifty lives of the engine, each drawn from its seed: whatever happens, all is well in the end."""

import pytest
from scenario import Scenario

from offhook.delivery import flow, queues, reader, retries, router
from offhook.model.ids import DEFAULT_ACCOUNT
from offhook.store.sqlite import open_sqlite
from offhook.testing.clock import FakeClock

ACTIONS = 60


@pytest.fixture(autouse=True)
def small_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """So small that queues fill, lanes close and endpoints fall behind all the time."""
    monkeypatch.setattr(queues, "QUEUE_BOUND", 10)
    monkeypatch.setattr(queues, "LANE_BOUND", 2)
    monkeypatch.setattr(router, "_SHARE_WHEN_FULL", 3)
    monkeypatch.setattr(flow, "CLOSED_LANES_BOUND", 3)
    monkeypatch.setattr(reader, "_SLICE_EVENTS", 7)
    monkeypatch.setattr(reader, "_WORTH_READING", 3)
    monkeypatch.setattr(reader, "_RANGES_A_STEP", 1)
    monkeypatch.setattr(retries, "_PER_WEBHOOK", 3)


@pytest.mark.parametrize("seed", range(50))
async def test_whatever_happens_nothing_is_lost_order_holds_and_nothing_is_left_behind(
    seed: int,
) -> None:
    clock = FakeClock()
    store = open_sqlite(None, clock=clock)
    await store.keys.put_account(DEFAULT_ACCOUNT, "Default")
    scenario = Scenario(store, clock, seed)
    await scenario.live(ACTIONS)
    await scenario.recover()
    faults = [*await scenario.broken_promises(), *await scenario.leftovers()]
    await scenario.bench.dispatcher.stop()
    await store.close()
    assert not faults, f"seed {seed}: {faults} after {' '.join(scenario.log)}"
