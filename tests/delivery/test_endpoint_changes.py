"""An endpoint changes while deliveries wait for it: each goes by what it is when its turn comes."""

from collections.abc import AsyncIterator

import pytest
from pieces import CRM, change

from offhook.delivery.engine import flow as flowing
from offhook.delivery.entries import Answer, DeliveryFilter, DeliveryStatus, Request
from offhook.model.ids import DEFAULT_ACCOUNT
from offhook.store.sqlite import SqliteStore, open_sqlite
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.lists import listed
from offhook.testing.engine import Bench
from offhook.testing.network import OK, Gate, ScriptedNetwork, arrival

DOWN = Answer(503)
QUICK = {"delays_s": [1, 2, 4], "until_s": 3600}


class Endpoint:
    """A bench with one endpoint, which is down until it is told to be up."""

    def __init__(self, store: SqliteStore, clock: FakeClock) -> None:
        self.store = store
        self.up = False
        self.gate: Gate | None = None
        self.network = ScriptedNetwork(self._answer)
        self.bench = Bench(store, clock, self.network)

    async def statuses(self) -> list[DeliveryStatus]:
        """Of all deliveries, oldest first."""
        views = await listed(self.store, DeliveryFilter())
        return [view.status for view in reversed(views)]

    def _answer(self, request: Request) -> object:
        if self.gate is not None:
            return self.gate(request)
        return OK if self.up else DOWN


@pytest.fixture
async def crm() -> AsyncIterator[Endpoint]:
    clock = FakeClock()
    store = open_sqlite(None, clock=clock)
    await store.keys.put_account(DEFAULT_ACCOUNT, "Default")
    made = Endpoint(store, clock)
    await made.bench.webhook("crm", retry=QUICK)
    yield made
    await store.close()


async def test_a_new_url_gets_what_waited_for_the_old_one(crm: Endpoint) -> None:
    await crm.bench.post("a", "a", "b")
    await crm.bench.settle()
    await change(crm.store, url="https://new.example/hook")
    crm.up = True
    await crm.bench.pass_time(3)
    assert {each.url for each in crm.network.accepted} == {"https://new.example/hook"}
    assert crm.network.sequences("a") == [1, 2]
    assert crm.network.sequences("b") == [1]


async def test_order_given_up_while_a_lane_is_closed_lets_the_rest_go(crm: Endpoint) -> None:
    await crm.bench.post("a", "a")
    await crm.bench.settle()
    await change(crm.store, ordered=False)
    crm.up = True
    await crm.bench.post("a")
    await crm.bench.settle()
    assert 3 in crm.network.sequences("a")
    await crm.bench.pass_time(5)
    assert sorted(crm.network.sequences("a")) == [1, 2, 3]
    assert await crm.store.dispatch.lane_counts(0) == {}


async def test_order_asked_for_while_retries_wait_holds_from_then_on(crm: Endpoint) -> None:
    await change(crm.store, ordered=False)
    await crm.bench.post("a", "a")
    await crm.bench.settle()
    await change(crm.store, ordered=True)
    await crm.bench.pass_time(1)
    assert await crm.store.dispatch.lane_counts(0) == {CRM: 1}
    await crm.bench.post("a", "a")
    await crm.bench.settle()
    crm.up = True
    await crm.bench.pass_time(10)
    assert crm.network.sequences("a") == [1, 2, 3, 4]


async def test_what_waits_for_an_endpoint_that_is_disabled_is_canceled(crm: Endpoint) -> None:
    await crm.bench.post("a", "a", "b")
    await crm.bench.settle()
    await change(crm.store, enabled=False)
    crm.up = True
    await crm.bench.pass_time(10)
    assert crm.network.accepted == []
    assert await crm.statuses() == [DeliveryStatus.CANCELED] * 3


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (OK, DeliveryStatus.DELIVERED),
        (DOWN, DeliveryStatus.CANCELED),
        (Answer(404), DeliveryStatus.CANCELED),
    ],
)
async def test_an_answer_that_comes_after_the_endpoint_was_disabled_counts_once(
    crm: Endpoint, answer: Answer, status: DeliveryStatus
) -> None:
    crm.gate = Gate(answer)
    await crm.bench.post("a", "a")
    await crm.bench.until(lambda: crm.gate is not None and crm.gate.waiting == 1)
    await change(crm.store, enabled=False)
    await crm.bench.step()
    crm.gate.open()
    await crm.bench.pass_time(10)
    assert await crm.statuses() == [status, DeliveryStatus.CANCELED]
    assert len(crm.network.requests) == 1


async def test_an_endpoint_that_is_deleted_leaves_nothing(crm: Endpoint) -> None:
    crm.gate = Gate(DOWN)
    await crm.bench.post("a", "a", "b")
    await crm.bench.until(lambda: crm.gate is not None and crm.gate.waiting == 2)
    await crm.store.webhooks.delete_webhook(DEFAULT_ACCOUNT, CRM)
    await crm.bench.step()
    crm.gate.open()
    await crm.bench.pass_time(10)
    assert len(crm.network.requests) == 2
    assert await crm.store.dispatch.lane_counts(0) == {}
    assert (await crm.store.dispatch.due([0], 10, ())).items == ()


async def test_enabled_again_it_gets_what_comes_then_and_in_order(crm: Endpoint) -> None:
    await crm.bench.post("a", "a")
    await crm.bench.settle()
    await change(crm.store, enabled=False)
    await crm.bench.post("a")
    await crm.bench.settle()
    await change(crm.store, enabled=True)
    crm.up = True
    await crm.bench.post("a", "a")
    await crm.bench.pass_time(3)
    assert crm.network.sequences("a") == [4, 5]


@pytest.mark.parametrize("noticed", [True, False])
async def test_enabled_again_it_is_not_held_for_lanes_that_were_canceled(
    crm: Endpoint, monkeypatch: pytest.MonkeyPatch, noticed: bool
) -> None:
    monkeypatch.setattr(flowing, "CLOSED_LANES_BOUND", 5)
    await crm.bench.post(*(f"k{number}" for number in range(10)))
    await crm.bench.settle()
    await change(crm.store, enabled=False)
    if noticed:
        await crm.bench.settle()
    await change(crm.store, enabled=True)
    crm.up = True
    await crm.bench.settle()
    await crm.bench.post("fresh")
    await crm.bench.pass_time(2)
    assert "fresh" in {each.key for each in crm.network.accepted}
    assert await crm.store.dispatch.held(0) == []


async def test_more_in_flight_are_allowed_at_once(crm: Endpoint) -> None:
    await change(crm.store, max_in_flight=1)
    crm.gate = Gate()
    await crm.bench.post(*"abcd")
    await crm.bench.until(lambda: crm.gate is not None and crm.gate.waiting == 1)
    await change(crm.store, max_in_flight=3)
    await crm.bench.until(lambda: crm.gate is not None and crm.gate.waiting == 3)
    crm.gate.open()
    await crm.bench.settle()
    assert {arrival(request).key for request in crm.network.requests} == set("abcd")
