"""How replays share an endpoint with what is live."""

from collections.abc import AsyncIterator

import pytest

from offhook.delivery.entries import Answer, Lane, lane_name
from offhook.delivery.replays.entries import ReplayJob, ReplayScope
from offhook.delivery.replays.replayer import WAITING_BOUND
from offhook.model.ids import DEFAULT_ACCOUNT, ReplayId, WebhookId
from offhook.store.sqlite import SqliteStore, open_sqlite
from offhook.testing.clock import FakeClock
from offhook.testing.engine import Bench
from offhook.testing.network import OK, Gate, ScriptedNetwork

DOWN = Answer(503)


@pytest.fixture
async def store(clock: FakeClock) -> AsyncIterator[SqliteStore]:
    opened = open_sqlite(None, clock=clock)
    await opened.keys.put_account(DEFAULT_ACCOUNT, "Default")
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def _replay_all(bench: Bench, webhook: WebhookId, rate_per_s: float) -> None:
    job = ReplayJob(
        id=ReplayId("rpl_1"),
        account=DEFAULT_ACCOUNT,
        webhook=webhook,
        scope=ReplayScope.ALL,
        since_ms=None,
        until_ms=None,
        types=None,
        rate_per_s=rate_per_s,
    )
    assert await bench.store.replays.create_replay(job, most=1) is not None
    bench.dispatcher.replay_asked()


async def test_few_of_a_replay_wait_for_an_endpoint_and_live_goes_on(
    store: SqliteStore, clock: FakeClock
) -> None:
    gate, network = Gate(), ScriptedNetwork()
    bench = Bench(store, clock, network)
    webhook = await bench.webhook("crm", max_in_flight=1)
    await bench.post(*map(str, range(100)))
    await bench.settle()
    await bench.pass_time(2)
    network.script = gate
    await _replay_all(bench, webhook, 10_000)
    for _ in range(30):
        clock.advance(0.1)
        await bench.step()
    queue = bench.dispatcher._queues.find(webhook)
    assert queue is not None
    assert queue.replays == WAITING_BOUND
    await bench.post("live")
    await bench.step()
    gate.open()
    before = len(network.accepted)
    await bench.until(lambda: bool(network.sequences("live")))
    assert len(network.accepted) - before <= WAITING_BOUND + 2


async def test_while_a_replay_fails_its_lanes_close_no_live_one_and_hold_no_endpoint(
    store: SqliteStore, clock: FakeClock
) -> None:
    network = ScriptedNetwork()
    bench = Bench(store, clock, network)
    webhook = await bench.webhook("crm", ordered=True)
    await bench.post(*"abc")
    await bench.settle()
    await bench.pass_time(2)
    network.script = lambda request: DOWN if "webhook-replay" in request.headers else OK
    await _replay_all(bench, webhook, 100)
    await bench.pass_time(1)
    lanes = {Lane(webhook, lane_name(key, ReplayId("rpl_1"))) for key in "abc"}
    assert await store.dispatch.closed_lanes(0, lanes) == lanes
    assert await store.dispatch.lane_counts(0) == {}
    await bench.post(*"abc")
    await bench.settle()
    for key in "abc":
        assert network.sequences(key)[-1] == 2
