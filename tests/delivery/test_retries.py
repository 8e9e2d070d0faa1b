"""Rows of their own: taken when due, once, in order; and what somebody asks for is carried out."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from msgspec.structs import replace
from pieces import CRM, subscribe

from offhook.delivery.announcing import EXHAUSTED
from offhook.delivery.engine.caution import DIED
from offhook.delivery.engine.flow import PartitionFlow
from offhook.delivery.engine.retries import Retrier, look_again_s
from offhook.delivery.entries import ApplyReport, Lane, PartitionChanges, PendingState
from offhook.delivery.queueing import queues as queueing
from offhook.delivery.queueing.queues import Delivery, Queues
from offhook.delivery.subscriptions import Subscriptions, endpoint_of
from offhook.model.event import LogEvent, to_ms
from offhook.model.ids import DEFAULT_ACCOUNT
from offhook.store.sqlite import SqliteStore, open_sqlite
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import (
    lease_for,
    pending_for,
    placed,
    plain,
)

RETRY, WAITING, FAILED = PendingState.RETRY, PendingState.WAITING, PendingState.FAILED


class Desk:
    """A retrier over a real store, and the queues that it fills."""

    def __init__(self, store: SqliteStore, clock: FakeClock) -> None:
        self.store = store
        self.clock = clock
        self.queues = Queues()
        self.retrier = Retrier(store=store.dispatch, queues=self.queues, clock=clock)
        self.events: list[LogEvent] = []
        self.flow: PartitionFlow
        self.subscriptions: Subscriptions

    async def prepare(self, *states: PendingState, keys: str = "aaaa", **fields: object) -> None:
        """An endpoint with a row in each of these states, due now if it is to be retried."""
        stored = await subscribe(self.store, **fields)
        self.subscriptions = Subscriptions(1, [endpoint_of(stored)])
        self.events = await placed(self.store, *(plain(key) for key in keys[: len(states)]))
        lease = await lease_for(self.store, "a")
        rows = [
            pending_for(
                event,
                state,
                webhook=CRM,
                due_ms=1 if state is RETRY else None,
                laned=self.subscriptions.endpoints[CRM].ordered,
            )
            for event, state in zip(self.events, states, strict=True)
        ]
        await self.store.dispatch.apply([PartitionChanges(lease, len(rows), rows=tuple(rows))])
        self.flow = PartitionFlow(lease)
        self.flow.live.read(len(self.events))

    async def run(self) -> list[Delivery]:
        """Run the retrier a second later; what may be sent of what it put in the queues."""
        self.clock.advance(1)
        await self.retrier.run([self.flow], self.subscriptions)
        taken = []
        while (turn := self.queues.next(0.0)) is not None:
            taken.append(turn[1])
        return taken

    async def write(self) -> PartitionChanges:
        """Have written what was decided."""
        frozen = self.flow.freeze(places=True)
        assert frozen is not None
        self.applied(await self.store.dispatch.apply([frozen]))
        return frozen

    def applied(self, report: ApplyReport) -> None:
        now_ms, now_s = to_ms(self.clock.now()), self.clock.monotonic()
        self.flow.applied(report, now_ms=now_ms, now_s=now_s)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    clock = FakeClock()
    store = open_sqlite(None, clock=clock)
    await store.keys.put_account(DEFAULT_ACCOUNT, "Default")
    yield Desk(store, clock)
    await store.close()


def positions(taken: list[Delivery]) -> list[int]:
    return [delivery.event.position for delivery in taken]


class TestDueRows:
    async def test_a_due_row_is_taken_with_all_that_it_has_behind_it(self, desk: Desk) -> None:
        await desk.prepare(RETRY)
        [delivery] = await desk.run()
        assert delivery.pending
        assert (delivery.attempts, delivery.since_ms) == (1, desk.events[0].created_ms)
        assert delivery.event == desk.events[0]

    async def test_a_row_is_not_taken_twice_while_its_outcome_is_unwritten(
        self, desk: Desk
    ) -> None:
        await desk.prepare(RETRY)
        [delivery] = await desk.run()
        assert await desk.run() == []
        desk.flow.accept(delivery)
        assert await desk.run() == []
        await desk.write()
        assert await desk.run() == []
        assert desk.flow.busy == set()

    async def test_what_owners_died_of_for_too_long_is_given_up_and_told_of(
        self, desk: Desk
    ) -> None:
        await desk.prepare(RETRY)
        [row] = [pending_for(desk.events[0], RETRY, webhook=CRM, due_ms=1)]
        suspected = replace(row, number=10, since_ms=1, reason=DIED)
        changes = PartitionChanges(desk.flow.lease, 1, rows=(suspected,))
        await desk.store.dispatch.apply([changes])
        assert await desk.run() == []
        frozen = await desk.write()
        assert [(it.state, it.reason) for it in frozen.rows] == [(FAILED, DIED)]
        assert [it.type for it in frozen.announce] == [EXHAUSTED]

    async def test_only_the_first_of_a_lane_is_due(self, desk: Desk) -> None:
        await desk.prepare(RETRY, WAITING, RETRY, keys="aab")
        assert positions(await desk.run()) == [1, 3]

    async def test_a_clock_that_goes_back_puts_no_look_off(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await desk.prepare(FAILED)
        await desk.run()
        now = desk.clock.now()
        monkeypatch.setattr(desk.clock, "now", lambda: now - timedelta(hours=1))
        assert desk.retrier.due_in_s([desk.flow]) <= 1
        await desk.run()
        assert 0 < desk.retrier.due_in_s([desk.flow]) <= 1

    async def test_the_store_is_asked_again_only_when_something_may_be_due(
        self, desk: Desk
    ) -> None:
        await desk.prepare(FAILED)
        await desk.run()
        assert 0 < desk.flow.look_at_s - desk.clock.monotonic() <= 1
        await desk.store.deliveries.request_retry(CRM, 0, 1)
        await desk.retrier.run([desk.flow], desk.subscriptions)
        assert desk.flow.changes.empty
        desk.retrier.hasten()
        await desk.retrier.run([desk.flow], desk.subscriptions)
        assert not desk.flow.changes.empty

    async def test_what_was_asked_for_is_done_once_however_often_it_is_read(
        self, desk: Desk
    ) -> None:
        await desk.prepare(FAILED)
        await desk.store.deliveries.request_retry(CRM, 0, 1)
        await desk.run()
        frozen = desk.flow.freeze(places=False)
        assert frozen is not None
        desk.retrier.hasten()
        await desk.run()
        assert desk.flow.changes.empty

    async def test_a_row_above_what_this_owner_has_read_waits(self, desk: Desk) -> None:
        await desk.prepare(FAILED, RETRY)
        desk.flow = PartitionFlow(desk.flow.lease)
        desk.flow.live.read(1)
        assert await desk.run() == []
        desk.flow.live.read(2)
        assert positions(await desk.run()) == [2]

    async def test_a_row_with_unwritten_ones_before_it_in_its_lane_waits(self, desk: Desk) -> None:
        await desk.prepare(FAILED, RETRY)
        desk.flow.changes.put(pending_for(desk.events[0], RETRY, webhook=CRM, due_ms=9))
        assert await desk.run() == []

    async def test_without_order_no_row_waits_for_another(self, desk: Desk) -> None:
        await desk.prepare(RETRY, RETRY, ordered=False)
        desk.flow = PartitionFlow(desk.flow.lease)
        assert positions(await desk.run()) == [1, 2]

    async def test_a_full_queue_takes_no_more(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(queueing, "QUEUE_BOUND", 2)
        await desk.prepare(RETRY, RETRY, RETRY, keys="abc")
        assert len(await desk.run()) == 2

    async def test_a_row_of_an_endpoint_that_is_gone_stays_where_it_is(self, desk: Desk) -> None:
        await desk.prepare(RETRY)
        desk.subscriptions = Subscriptions(2, [])
        assert await desk.run() == []
        assert desk.flow.busy == set()


class TestRequests:
    async def ask(self, desk: Desk, position: int) -> None:
        await desk.store.deliveries.request_retry(CRM, 0, position)

    async def test_a_failed_delivery_goes_back_to_its_place_and_is_tried_anew(
        self, desk: Desk
    ) -> None:
        await desk.prepare(FAILED, RETRY)
        await self.ask(desk, 1)
        assert await desk.run() == []
        written = await desk.write()
        [row] = written.rows
        assert (row.state, row.lane, row.number) == (RETRY, "a", 1)
        assert row.since_ms == row.due_ms == to_ms(desk.clock.now())
        assert len(written.requests) == 1
        assert positions(await desk.run()) == [1]

    async def test_for_an_unordered_endpoint_it_comes_back_without_a_lane(self, desk: Desk) -> None:
        await desk.prepare(FAILED, ordered=False)
        await self.ask(desk, 1)
        await desk.run()
        [row] = (await desk.write()).rows
        assert row.lane is None

    async def test_one_that_waits_has_the_head_of_its_lane_hurried(self, desk: Desk) -> None:
        await desk.prepare(RETRY, WAITING)
        await self.ask(desk, 2)
        await desk.run()
        assert (await desk.write()).hurry == (Lane(CRM, "a"),)

    async def test_what_is_asked_for_one_under_way_waits_for_its_outcome(self, desk: Desk) -> None:
        await desk.prepare(RETRY)
        [delivery] = await desk.run()
        await self.ask(desk, 1)
        await desk.run()
        later_ms = to_ms(desk.clock.now()) + 60_000
        endpoint = desk.subscriptions.endpoints[CRM]
        desk.flow.retry(delivery, endpoint, later_ms, "status 503")
        assert not desk.queues.of(endpoint).cut(delivery.lane)
        await desk.run()
        written = await desk.write()
        assert (written.hurry, written.requests) == ((), ())
        await desk.run()
        written = await desk.write()
        assert (written.hurry, len(written.requests)) == ((Lane(CRM, "a"),), 1)
        assert positions(await desk.run()) == [1]

    async def test_what_is_left_for_later_keeps_no_others_from_being_carried_out(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("offhook.delivery.engine.retries._REQUESTS_AT_ONCE", 2)
        await desk.prepare(RETRY, RETRY, RETRY, FAILED, keys="abcd")
        await desk.run()
        for position in (1, 2, 3, 4):
            await self.ask(desk, position)
        for _ in range(2):
            await desk.run()
        assert [row.position for row in (await desk.write()).rows] == [4]

    async def test_what_is_asked_for_an_endpoint_that_cannot_be_loaded_waits_until_it_can_be(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("offhook.delivery.engine.retries._REQUESTS_AT_ONCE", 1)
        await desk.prepare(FAILED, FAILED, keys="ab")
        loaded = desk.subscriptions
        desk.subscriptions = Subscriptions(2, [], left_out={CRM: "no"})
        for position in (1, 2):
            await self.ask(desk, position)
        for _ in range(3):
            await desk.run()
        assert desk.flow.changes.empty
        desk.subscriptions = loaded
        await desk.run()
        written = await desk.write()
        assert ([row.position for row in written.rows], len(written.requests)) == ([1, 2], 2)

    async def test_what_is_asked_for_an_endpoint_that_is_gone_is_only_ticked_off(
        self, desk: Desk
    ) -> None:
        await desk.prepare(FAILED)
        desk.subscriptions = Subscriptions(2, [])
        await self.ask(desk, 1)
        await desk.run()
        assert desk.flow.clean, "it may have been enabled since the subscriptions were read"
        await desk.run()
        written = await desk.write()
        assert (written.rows, len(written.requests)) == ((), 1)

    async def test_one_that_was_delivered_is_only_ticked_off(self, desk: Desk) -> None:
        await desk.prepare(FAILED)
        await self.ask(desk, 7)
        await desk.run()
        written = await desk.write()
        assert (written.rows, len(written.requests)) == ((), 1)
        assert await desk.store.dispatch.requests([0], 10) == []


@pytest.mark.parametrize(
    ("next_due_ms", "again_s"), [(None, 1.0), (1_300, 0.3), (900, 0.05), (3_600_000, 1.0)]
)
def test_whatever_the_clock_of_the_store_says_it_is_looked_again_within_a_second(
    next_due_ms: int | None, again_s: float
) -> None:
    assert look_again_s(next_due_ms, now_ms=1_000) == pytest.approx(again_s)
