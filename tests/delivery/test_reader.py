"""Reading ahead: the live tail in slices, ranges up to it, and subscriptions as new as it is."""

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace
from pieces import CRM, change, subscribe

from offhook.delivery.engine import reader as reading
from offhook.delivery.engine.flow import PartitionFlow
from offhook.delivery.engine.reader import LogReader
from offhook.delivery.engine.router import Router
from offhook.delivery.entries import HeldRange
from offhook.delivery.queueing import queues
from offhook.delivery.queueing.circuit import CircuitState
from offhook.delivery.queueing.queues import QUEUE_BOUND, Queues
from offhook.log.entries import Lease
from offhook.model.ids import DEFAULT_ACCOUNT, WebhookId
from offhook.store.sqlite import SqliteStore, open_sqlite
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import append, lease_for, plain


class Desk:
    """A reader over a real store, and the queues that it feeds."""

    def __init__(self, store: SqliteStore, lease: Lease, clock: FakeClock) -> None:
        self.store = store
        self.lease = lease
        self.gone: list[WebhookId] = []
        self.queues = Queues()
        router = Router(store=store.dispatch, queues=self.queues, memory_bound=100_000)
        self.reader = LogReader(
            log=store.log,
            store=store.dispatch,
            router=router,
            queues=self.queues,
            clock=clock,
            on_gone=self._on_gone,
            on_left_out=lambda _queue: None,
            on_fault=lambda _webhook, _event, _reason: None,
        )

    def flow(self, *held: HeldRange) -> PartitionFlow:
        return PartitionFlow(self.lease, held=held)

    async def post(self, count: int) -> None:
        """So many events, each with a key of its own."""
        await append(self.store, *(plain(f"k{number}", number) for number in range(count)))

    def taken(self) -> list[int]:
        """The positions of all that may be sent, in that order."""
        found = []
        while (turn := self.queues.next(0.0)) is not None:
            queue, delivery = turn
            found.append(delivery.event.position)
            queue.pass_on(delivery.event.key)
            self.queues.stir(queue)
        return found

    def _on_gone(self, webhook: WebhookId) -> None:
        self.gone.append(webhook)
        self.queues.close(webhook)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    clock = FakeClock()
    store = open_sqlite(None, clock=clock)
    await store.keys.put_account(DEFAULT_ACCOUNT, "Default")
    yield Desk(store, await lease_for(store, "a"), clock)
    await store.close()


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_SLICE_EVENTS", 10)


class TestLive:
    async def test_it_reads_in_slices_and_says_whether_there_may_be_more(self, desk: Desk) -> None:
        await subscribe(desk.store, max_in_flight=100)
        await desk.post(25)
        flow = desk.flow()
        assert [await desk.reader.live(flow) for _ in range(4)] == [True, True, False, False]
        assert flow.live.read_to == 25
        assert desk.taken() == list(range(1, 26))

    async def test_after_a_slice_that_its_bytes_ended_there_may_be_more(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reading, "_SLICE_BYTES", 1)
        await desk.post(3)
        flow = desk.flow()
        assert [await desk.reader.live(flow) for _ in range(4)] == [True, True, True, False]

    async def test_events_that_nobody_wants_are_passed(self, desk: Desk) -> None:
        await subscribe(desk.store, events=["call.*"])
        await desk.post(3)
        flow = desk.flow()
        await desk.reader.live(flow)
        assert (flow.live.done_to(), desk.taken()) == (3, [])

    async def test_an_endpoint_with_a_full_queue_is_held_from_the_event_that_was_too_many(
        self, desk: Desk
    ) -> None:
        await subscribe(desk.store)
        await desk.post(QUEUE_BOUND + 20)
        flow = desk.flow()
        while await desk.reader.live(flow):
            pass
        assert flow.behind(CRM)
        assert flow.read_to(CRM) == QUEUE_BOUND
        assert flow.live.read_to == QUEUE_BOUND + 20


class TestSubscriptions:
    async def test_they_are_read_anew_only_when_something_changed(self, desk: Desk) -> None:
        await subscribe(desk.store)
        await desk.post(1)
        flow = desk.flow()
        await desk.reader.live(flow)
        known = desk.reader.subscriptions
        await desk.post(1)
        await desk.reader.live(flow)
        assert desk.reader.subscriptions is known
        await subscribe(desk.store, "b")
        await desk.reader.live(flow)
        assert set(desk.reader.subscriptions.endpoints) == {CRM, "wh_b"}

    async def test_what_waits_is_sent_to_the_endpoint_as_it_is_now(self, desk: Desk) -> None:
        await subscribe(desk.store, ordered=True)
        await desk.post(1)
        flow = desk.flow()
        await desk.reader.live(flow)
        await change(desk.store, ordered=False)
        await desk.reader.live(flow)
        turn = desk.queues.next(0.0)
        assert turn is not None
        assert not turn[0].endpoint.ordered

    async def test_an_endpoint_that_was_disabled_is_gone(self, desk: Desk) -> None:
        await subscribe(desk.store)
        await desk.post(1)
        flow = desk.flow()
        await desk.reader.live(flow)
        await change(desk.store, enabled=False)
        await desk.reader.live(flow)
        assert desk.gone == [CRM]


class TestRanges:
    async def test_a_range_is_read_up_to_the_live_place_and_no_further(self, desk: Desk) -> None:
        await subscribe(desk.store)
        await desk.post(40)
        flow = desk.flow(HeldRange(CRM, 0, 1))
        await desk.reader.live(flow)
        assert await desk.reader.ranges(flow)
        assert not flow.behind(CRM)
        assert desk.taken() == list(range(1, 11))
        while await desk.reader.live(flow):
            pass
        assert desk.taken() == list(range(11, 41))

    async def test_a_range_waits_for_room_in_the_queue(self, desk: Desk) -> None:
        await subscribe(desk.store)
        await desk.post(QUEUE_BOUND + 20)
        flow = desk.flow()
        while await desk.reader.live(flow):
            pass
        assert not await desk.reader.ranges(flow)
        first = desk.taken()
        assert await desk.reader.ranges(flow)
        assert first + desk.taken() == list(range(1, QUEUE_BOUND + 21))

    async def test_ranges_take_turns(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reading, "_RANGES_A_STEP", 1)
        webhooks = [(await subscribe(desk.store, name)).id for name in ("x", "y", "z")]
        await desk.post(5)
        flow = desk.flow(*(HeldRange(webhook, 0, 1) for webhook in webhooks))
        await desk.reader.live(flow)
        left = []
        for _ in range(3):
            await desk.reader.ranges(flow)
            left.append(sum(map(flow.behind, webhooks)))
        assert left == [2, 1, 0]

    async def test_each_partition_has_turns_of_its_own(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reading, "_RANGES_A_STEP", 1)
        monkeypatch.setattr(queues, "QUEUE_BOUND", 5)
        webhooks = [(await subscribe(desk.store, name)).id for name in ("x", "y")]
        await desk.post(20)
        flow = desk.flow(*(HeldRange(webhook, 0, 1) for webhook in webhooks))
        other = PartitionFlow(replace(desk.lease, partition=1))
        while await desk.reader.live(flow):
            pass
        for _ in range(4):
            await desk.reader.ranges(flow)
            await desk.reader.ranges(other)
            desk.taken()
        assert [flow.read_to(webhook) for webhook in webhooks] == [10, 10]

    async def test_ranges_that_have_no_room_take_nobodys_turn(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reading, "_RANGES_A_STEP", 1)
        dead, well = [(await subscribe(desk.store, name)).id for name in ("dead", "well")]
        await desk.post(5)
        flow = desk.flow(HeldRange(dead, 0, 1), HeldRange(well, 0, 1))
        await desk.reader.live(flow)
        endpoint = desk.reader.subscriptions.endpoints[dead]
        desk.queues.of(endpoint).circuit.state = CircuitState.OPEN
        assert await desk.reader.ranges(flow)
        assert [flow.behind(dead), flow.behind(well)] == [True, False]

    async def test_the_range_of_an_endpoint_that_is_gone_ends(self, desk: Desk) -> None:
        await desk.post(1)
        flow = desk.flow(HeldRange(CRM, 0, 1))
        await desk.reader.live(flow)
        await desk.reader.ranges(flow)
        assert flow.ranges == {}
