"""What is left of a webhook that was deleted with more rows than go at once, on any store; needs
``store`` and ``clock``."""

from itertools import pairwise

from msgspec.structs import replace

from offhook.delivery.entries import (
    DeliveryFilter,
    DeliveryStatus,
    PartitionChanges,
    PendingRow,
    PendingState,
    Place,
)
from offhook.delivery.lists.entries import Look, TraceFilter
from offhook.delivery.lists.ports import Trace
from offhook.delivery.replays.entries import ReplayJob, ReplayScope
from offhook.log.entries import Lease
from offhook.model.event import LogEvent
from offhook.model.ids import DEFAULT_ACCOUNT, ReplayId, WebhookId
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.lists import listed, listing_of
from offhook.testing.conformance.material import (
    CONSUMER,
    WEBHOOK,
    attempt_on,
    lease_for,
    make_webhook,
    pending_for,
    placed,
    plain,
)
from offhook.testing.conformance.stores import ConformingStore
from offhook.testing.engine import Bench
from offhook.testing.network import ScriptedNetwork

MANY = 2_500
"""Rows that take several pieces."""
AT_ONCE = 1_000
OTHER = WebhookId("wh_b")
REPLAY = ReplayId("rpl_1")
RETRY, WAITING, FAILED = PendingState.RETRY, PendingState.WAITING, PendingState.FAILED
_PAST_ALL = 1 << 40


class DeletingConformance:
    """A webhook goes at once for everybody, and its rows piece by piece."""

    async def test_no_transaction_takes_all_rows_of_a_webhook_and_none_is_left_in_the_end(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        lease, _ = await _deleted(store, clock)
        left = [await _rows(store, lease)]
        while (await store.retention.trim_deleted()).more:
            left.append(await _rows(store, lease))
        assert all(before - after <= AT_ONCE for before, after in pairwise([MANY, *left]))
        assert left[0] > 0
        assert left[-1] == 0
        assert await _rows(store, lease, OTHER) == 3

    async def test_a_few_rows_are_gone_at_once(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        lease, _ = await _deleted(store, clock, 3)
        assert await _rows(store, lease) == 0

    async def test_what_is_left_is_neither_due_nor_does_it_close_a_lane(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        lease, _ = await _deleted(store, clock)
        for _ in range(2):
            due = await store.dispatch.due([lease.partition], 5_000, [])
            assert {item.row.webhook for item in due.items} == {OTHER}
            firsts = await store.dispatch.first_due([lease.partition], [WEBHOOK, OTHER])
            assert {item.row.webhook for item in firsts} == {OTHER}
            assert set(await store.dispatch.lane_counts(lease.partition)) == {OTHER}
            waiting = await store.replays.waiting_for_replay(lease.partition, REPLAY, 10, ())
            assert waiting.items == ()
            await store.retention.trim_deleted()

    async def test_what_is_left_is_not_counted(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        _, events = await _deleted(store, clock)
        backlogs = await store.stats.backlogs(10 * MANY)
        assert (backlogs.pending, backlogs.overdue) == (3, 1)
        assert backlogs.oldest_ms == events[-3].created_ms
        await _swept(store)
        assert await store.stats.backlogs(10 * MANY) == backlogs

    async def test_what_is_left_is_in_no_list(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        lease, events = await _deleted(store, clock)
        tried, traceless = events[MANY - 1], events[MANY - 2]
        for _ in range(2):
            everything = await listed(store, DeliveryFilter())
            assert {view.webhook for view in everything} == {OTHER}
            own = await listed(store, DeliveryFilter(webhook=WEBHOOK))
            assert [(view.position, view.status) for view in own] == [
                (tried.position, DeliveryStatus.UNKNOWN)
            ]
            unknown = DeliveryFilter(webhook=WEBHOOK, status=DeliveryStatus.UNKNOWN)
            assert await listed(store, unknown) == own
            named = await listed(store, DeliveryFilter(event=traceless.id))
            assert {view.webhook for view in named} == {OTHER}
            looks = [Look(WEBHOOK, lease.partition, 0, _PAST_ALL)]
            for trace in (Trace.ROW, Trace.LIVE):
                fits = TraceFilter(frozenset({RETRY, WAITING, FAILED}))
                assert await store.lists.seen(trace, DEFAULT_ACCOUNT, looks, 10, fits) == []
            place: Place = (WEBHOOK, lease.partition, traceless.position)
            assert await listing_of(store).one(DEFAULT_ACCOUNT, place) is None
            await _swept(store)

    async def test_what_is_left_is_not_asked_back(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        lease, _ = await _deleted(store, clock)
        asked = await store.deliveries.request_retries(
            DEFAULT_ACCOUNT, DeliveryFilter(webhook=WEBHOOK), MANY
        )
        assert (asked.requested, asked.more) == (0, False)
        assert await store.dispatch.requests([lease.partition], 10) == []

    async def test_a_late_result_of_what_is_left_changes_nothing(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        lease, events = await _deleted(store, clock)
        rows = tuple(pending_for(event, RETRY, due_ms=1) for event in events[:MANY])
        settled = ((WEBHOOK, events[MANY - 1].position),)
        changes = PartitionChanges(lease, 0, rows=rows, settled=settled)
        await store.dispatch.apply([changes])
        assert set(await store.dispatch.lane_counts(lease.partition)) == {OTHER}
        await _swept(store)
        assert await _rows(store, lease) == 0

    async def test_an_owner_that_begins_anew_sends_none_of_what_is_left(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        lease, events = await _deleted(store, clock)
        await store.leases.release([lease])
        await store.leases.leave(CONSUMER, lease.owner)
        network = ScriptedNetwork()
        bench = Bench(store, clock, network, owner="heir")
        await bench.take_over()
        bench.dispatcher.recover()
        await bench.settle()
        await bench.pass_time(3, 1)
        assert network.sequences("k") == [event.sequence for event in events[MANY:]]
        assert len(network.requests) == 3
        await _swept(store)
        assert await _rows(store, lease) == 0


async def _deleted(
    store: ConformingStore, clock: FakeClock, count: int = MANY
) -> tuple[Lease, list[LogEvent]]:
    """An endpoint with so many rows that was deleted, beside one that has the three of later events
    and stays. The last row of the former was tried and given up."""
    await make_webhook(store)
    await make_webhook(store, OTHER)
    events = await placed(store, *(plain("k", number) for number in range(count)))
    clock.advance(60)
    events += await placed(store, *(plain("k", number) for number in range(3)))
    lease = await lease_for(store, "k")
    assert await store.replays.create_replay(_JOB, most=9) is not None
    rows = [_row(event, number) for number, event in enumerate(events[:count])]
    rows += [pending_for(event, RETRY, webhook=OTHER, due_ms=1) for event in events[count:]]
    tried = (attempt_on(events[count - 1]),)
    changes = PartitionChanges(lease, events[-1].position, attempts=tried, rows=tuple(rows))
    await store.dispatch.apply([changes])
    assert await store.webhooks.delete_webhook(DEFAULT_ACCOUNT, WEBHOOK)
    return lease, events


def _row(event: LogEvent, number: int) -> PendingRow:
    """In turn one of a lane, one that waits for its time, one of a replay, and one given up."""
    if number % 4 == 0:
        return pending_for(event, RETRY, due_ms=1)
    if number % 4 == 3:
        return pending_for(event, FAILED, laned=False)
    row = pending_for(event, RETRY, due_ms=1, laned=False)
    return replace(row, replay=REPLAY) if number % 4 == 2 else row


async def _rows(store: ConformingStore, lease: Lease, webhook: WebhookId = WEBHOOK) -> int:
    marks = await store.replays.row_marks(webhook, lease.partition, 0, _PAST_ALL, 2 * MANY)
    return len(marks)


async def _swept(store: ConformingStore) -> None:
    while (await store.retention.trim_deleted()).more:
        pass


_JOB = ReplayJob(
    id=REPLAY,
    account=DEFAULT_ACCOUNT,
    webhook=WEBHOOK,
    scope=ReplayScope.ALL,
    since_ms=None,
    until_ms=None,
    types=None,
    rate_per_s=1,
)
