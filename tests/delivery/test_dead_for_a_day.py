"""An endpoint that is down for a day costs the rows of its first seconds, a range, and probes."""

from collections import Counter

import pytest

from offhook.delivery.entries import Answer, DeliveryFilter, DeliveryStatus, Request
from offhook.delivery.lists.traces import AHEAD
from offhook.model.ids import DEFAULT_ACCOUNT
from offhook.store.sqlite import open_sqlite
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.lists import listed
from offhook.testing.engine import Bench
from offhook.testing.network import OK, ScriptedNetwork

MINUTES = 24 * 60
KEYS = [f"k{number}" for number in range(20)]


@pytest.mark.slow
async def test_a_day_of_outage_costs_no_more_than_its_held_rows_and_all_arrives_in_order() -> None:
    down = True
    tried = Counter[str]()

    def script(request: Request) -> Answer:
        tried[request.url] += 1
        return Answer(503) if down and "dead" in request.url else OK

    clock = FakeClock()
    store = open_sqlite(None, clock=clock)
    await store.keys.put_account(DEFAULT_ACCOUNT, "Default")
    bench = Bench(store, clock, ScriptedNetwork(script))
    dead = await bench.webhook("dead")
    await bench.webhook("well")
    wanted = DeliveryFilter(webhook=dead, status=DeliveryStatus.PENDING)
    await bench.post(*KEYS)
    await bench.pass_time(120, step_s=2)
    rows = sum(view.reason != AHEAD for view in await listed(store, wanted))
    before = tried["https://dead.example/hook"]
    for minute in range(0, MINUTES, 10):
        await bench.post(*KEYS, *KEYS)
        await bench.pass_time(600, step_s=60)
        assert tried["https://dead.example/hook"] - before <= minute + 12
    left = [view for view in await listed(store, wanted) if view.reason != AHEAD]
    assert len(left) <= rows + 256
    assert len(await store.dispatch.held(0)) == 1
    down = False
    await bench.pass_time(120, step_s=5)
    posted = 1 + 2 * (MINUTES // 10)
    for url in ("https://well.example/hook", "https://dead.example/hook"):
        for key in KEYS:
            assert bench.network.sequences(key, url)[-1] == posted
    got = bench.network.sequences(KEYS[0], "https://dead.example/hook")
    assert got == sorted(got)
    await store.close()
