"""What the dispatcher's side of a store guarantees; needs the fixtures ``store`` and ``clock``."""

from collections.abc import Sequence

from offhook.delivery.entries import (
    ApplyReport,
    DeliveryFilter,
    Disabling,
    DuePending,
    HeldRange,
    Lane,
    PartitionChanges,
    PendingRow,
    PendingState,
)
from offhook.log.entries import Lease
from offhook.model.event import LogEvent, to_ms
from offhook.model.ids import DEFAULT_ACCOUNT, WebhookId
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.lists import listed
from offhook.testing.conformance.material import (
    TTL_S,
    WEBHOOK,
    attempt_on,
    lease_for,
    make_webhook,
    pending_for,
    placed,
    plain,
)
from offhook.testing.conformance.stores import ConformingStore

RETRY, WAITING, FAILED = PendingState.RETRY, PendingState.WAITING, PendingState.FAILED
LANE = Lane(WEBHOOK, "k")


class FencingConformance:
    """Only the owner of a partition writes, and what it writes is one commit."""

    async def test_a_stale_owners_late_transaction_writes_nothing(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        await make_webhook(store)
        events = await placed(store, plain("k"), plain("k"))
        stale = await lease_for(store, "k", "first")
        await _apply(store, stale, rows=[pending_for(events[0], RETRY, due_ms=1)])
        clock.advance(TTL_S + 1)
        new = await lease_for(store, "k", "second")
        report = await store.dispatch.apply(
            [
                PartitionChanges(
                    stale,
                    2,
                    attempts=(attempt_on(events[1], accepted=True),),
                    settled=((WEBHOOK, events[0].position),),
                    rows=(pending_for(events[1], FAILED),),
                    held=(HeldRange(WEBHOOK, stale.partition, 2),),
                    disable=(Disabling(WEBHOOK, 1, "gone"),),
                )
            ]
        )
        assert report == ApplyReport(lost=frozenset({stale.partition}))
        assert [item.row.position for item in await _due(store, new)] == [events[0].position]
        assert await store.dispatch.held(new.partition) == []
        untouched = {(WEBHOOK, events[0].position)}
        assert await store.dispatch.settled_after(new.partition, 0) == untouched
        webhook = await store.webhooks.webhook(DEFAULT_ACCOUNT, WEBHOOK)
        assert webhook is not None
        assert webhook.disabled_reason is None
        clock.advance(TTL_S + 1)
        assert (await lease_for(store, "k", "third")).cursor == 0

    async def test_a_lease_given_back_writes_nothing(self, store: ConformingStore) -> None:
        await placed(store, plain("k"))
        lease = await lease_for(store, "k")
        await store.leases.release([lease])
        report = await store.dispatch.apply([PartitionChanges(lease, 1)])
        assert report.lost == {lease.partition}
        assert (await lease_for(store, "k")).cursor == 0

    async def test_an_expired_lease_that_nobody_took_still_writes(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        await placed(store, plain("k"))
        lease = await lease_for(store, "k", "first")
        clock.advance(TTL_S + 1)
        report = await store.dispatch.apply([PartitionChanges(lease, 1)])
        assert report.lost == frozenset()
        assert (await lease_for(store, "k", "second")).cursor == 1

    async def test_the_cursor_never_goes_back(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        await placed(store, *(plain("k") for _ in range(3)))
        lease = await lease_for(store, "k", "first")
        for cursor in (3, 1):
            await store.dispatch.apply([PartitionChanges(lease, cursor)])
        clock.advance(TTL_S + 1)
        assert (await lease_for(store, "k", "second")).cursor == 3

    async def test_what_was_accepted_or_has_a_row_above_a_position_is_known(
        self, store: ConformingStore
    ) -> None:
        await make_webhook(store)
        other = WebhookId("wh_b")
        events = await placed(store, *(plain("k") for _ in range(4)))
        lease = await lease_for(store, "k")
        attempts = [
            attempt_on(events[0], accepted=True),
            attempt_on(events[1], accepted=False),
            attempt_on(events[2], accepted=True),
            attempt_on(events[2], other, accepted=True),
        ]
        rows = (pending_for(events[0], FAILED), pending_for(events[3], RETRY, due_ms=1))
        await store.dispatch.apply([PartitionChanges(lease, 0, tuple(attempts), rows=rows)])
        cursor = events[1].position
        above = {
            (WEBHOOK, events[2].position),
            (WEBHOOK, events[3].position),
            (other, events[2].position),
        }
        assert await store.dispatch.settled_after(lease.partition, cursor) == above
        ranges = [HeldRange(it, lease.partition, events[0].position) for it in (WEBHOOK, other)]
        found = await store.dispatch.settled_after(lease.partition, cursor, ranges)
        assert found == above | {(WEBHOOK, events[0].position)}
        end = events[3].position
        assert await store.dispatch.settled_after(lease.partition, end, ranges[1:]) == {
            (other, events[2].position)
        }

    async def test_it_is_known_however_many_there_are(self, store: ConformingStore) -> None:
        names = [WebhookId(f"wh_{number:03}") for number in range(400)]
        events = await placed(store, *(plain("k") for _ in range(14)))
        lease = await lease_for(store, "k")
        attempts = [attempt_on(it, name, accepted=True) for it in events for name in names]
        await store.dispatch.apply([PartitionChanges(lease, 0, tuple(attempts))])
        ranges = [HeldRange(name, lease.partition, events[0].position) for name in names]
        known = {(name, it.position) for it in events for name in names}
        for cursor in (0, events[-1].position):
            assert await store.dispatch.settled_after(lease.partition, cursor, ranges) == known

    async def test_an_attempt_that_cannot_be_stored_leaves_a_stub_and_holds_up_no_other(
        self, store: ConformingStore
    ) -> None:
        await make_webhook(store)
        events = await placed(store, *(plain("k") for _ in range(6)))
        lease = await lease_for(store, "k")
        attempts = [attempt_on(event, accepted=True) for event in events]
        attempts[3] = attempt_on(events[3], accepted=True, status=2**70)
        report = await store.dispatch.apply(
            [PartitionChanges(lease, events[-1].position, attempts=tuple(attempts))]
        )
        assert (report.stubs, report.lost) == (1, frozenset())
        assert len(await store.dispatch.settled_after(lease.partition, 0)) == 6
        for place, status in ((2, 200), (3, None), (4, 200)):
            [kept] = await store.deliveries.attempts(
                DEFAULT_ACCOUNT, WEBHOOK, lease.partition, events[place].position
            )
            assert kept.status == status


class LaneConformance:
    """A lane is closed while a live row stands in it, drains in order, and opens once."""

    async def test_a_lane_is_closed_from_its_first_failure_until_its_last_row_goes(
        self, store: ConformingStore
    ) -> None:
        lease, events = await _lane(store, RETRY, WAITING)
        partition = lease.partition
        others = [LANE, Lane(WEBHOOK, "j"), Lane(WebhookId("wh_b"), "k")]
        assert await store.dispatch.closed_lanes(partition, others) == {LANE}
        assert await store.dispatch.closed_lanes(partition, []) == set()
        heads = await store.dispatch.lane_heads(partition, others)
        assert heads == {LANE: events[0].position}
        assert await store.dispatch.lane_heads(partition, []) == {}
        assert await store.dispatch.lane_counts(partition) == {WEBHOOK: 1}
        first = await _apply(store, lease, settled=events[:1])
        assert (first.closed, first.opened) == (frozenset(), frozenset())
        assert await store.dispatch.closed_lanes(partition, others) == {LANE}
        heads = await store.dispatch.lane_heads(partition, others)
        assert heads == {LANE: events[1].position}
        second = await _apply(store, lease, settled=events[1:])
        assert (second.closed, second.opened) == (frozenset(), frozenset({LANE}))
        assert await store.dispatch.closed_lanes(partition, others) == set()
        assert await store.dispatch.lane_counts(partition) == {}
        third = await _apply(store, lease, settled=events[1:])
        assert third.opened == frozenset()
        again = await _apply(store, lease, rows=[pending_for(events[0], RETRY, due_ms=1)])
        assert (again.closed, again.opened) == (frozenset({LANE}), frozenset())

    async def test_the_next_in_a_lane_is_due_once_the_one_before_it_is_settled(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        lease, events = await _lane(store, RETRY, WAITING, WAITING)
        assert await _due_positions(store, lease) == [events[0].position]
        clock.advance(5)
        await _apply(store, lease, settled=events[:1])
        [due] = await _due(store, lease)
        assert (due.row.position, due.row.due_ms) == (events[1].position, to_ms(clock.now()))
        assert due.event == events[1]

    async def test_a_failed_head_lets_the_next_one_go(self, store: ConformingStore) -> None:
        lease, events = await _lane(store, RETRY, WAITING)
        report = await _apply(store, lease, rows=[pending_for(events[0], FAILED, reason="gone")])
        assert report.opened == frozenset()
        assert await _due_positions(store, lease) == [events[1].position]

    async def test_rows_that_fail_side_by_side_in_a_lane_leave_only_the_lowest_due(
        self, store: ConformingStore
    ) -> None:
        lease, events = await _lane(store, RETRY, RETRY, RETRY)
        assert await _due_positions(store, lease) == [events[0].position]
        [item] = await _due(store, lease)
        assert item.row.due_ms == 1

    async def test_an_older_row_that_comes_back_goes_before_the_ones_that_wait(
        self, store: ConformingStore
    ) -> None:
        lease, events = await _lane(store, FAILED, RETRY, WAITING)
        assert await _due_positions(store, lease) == [events[1].position]
        await _apply(store, lease, rows=[pending_for(events[0], RETRY, due_ms=1)])
        assert await _due_positions(store, lease) == [events[0].position]
        await _apply(store, lease, settled=events[:1])
        assert await _due_positions(store, lease) == [events[1].position]

    async def test_a_hurried_lane_has_its_head_due_now(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        later_ms = to_ms(clock.now()) + 60_000
        lease, events = await _lane(store, RETRY, WAITING, due_ms=later_ms)
        assert await _due_positions(store, lease) == []
        await store.dispatch.apply([PartitionChanges(lease, 0, hurry=(LANE,))])
        [item] = await _due(store, lease)
        assert (item.row.position, item.row.due_ms) == (events[0].position, to_ms(clock.now()))
        open_lane = Lane(WEBHOOK, "nothing")
        report = await store.dispatch.apply([PartitionChanges(lease, 0, hurry=(open_lane,))])
        assert (report.closed, report.opened) == (frozenset(), frozenset())

    async def test_a_row_that_leaves_its_lane_lets_the_rest_go_on(
        self, store: ConformingStore
    ) -> None:
        lease, events = await _lane(store, RETRY, WAITING)
        await _apply(store, lease, rows=[pending_for(events[0], RETRY, due_ms=1, laned=False)])
        assert await _due_positions(store, lease) == [event.position for event in events]

    async def test_rows_without_a_lane_close_none(self, store: ConformingStore) -> None:
        await make_webhook(store)
        events = await placed(store, plain("k"), plain("k"))
        lease = await lease_for(store, "k")
        rows = [pending_for(event, RETRY, due_ms=1, laned=False) for event in events]
        await _apply(store, lease, rows=rows)
        assert await store.dispatch.closed_lanes(lease.partition, [LANE]) == set()
        assert await _due_positions(store, lease) == [event.position for event in events]


class DueConformance:
    """Retries come when they are due, evenly over the endpoints."""

    async def test_a_retry_comes_at_its_time_and_the_next_time_is_told(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        now_ms = to_ms(clock.now())
        await make_webhook(store)
        events = await placed(store, *(plain("k") for _ in range(3)))
        lease = await lease_for(store, "k")
        rows = [
            pending_for(event, RETRY, due_ms=now_ms + 1000 * n, laned=False)
            for n, event in enumerate(events, 1)
        ]
        await _apply(store, lease, rows=rows)
        early = await store.dispatch.due([lease.partition], 10, [])
        assert (early.items, early.next_due_ms) == ((), now_ms + 1000)
        clock.advance(2)
        later = await store.dispatch.due([lease.partition], 10, [])
        assert [item.row for item in later.items] == rows[:2]
        assert [item.event for item in later.items] == events[:2]
        assert later.next_due_ms == now_ms + 3000

    async def test_no_endpoint_gets_more_than_its_share(self, store: ConformingStore) -> None:
        names = [WebhookId(f"wh_{name}") for name in "abc"]
        for name in names:
            await make_webhook(store, name)
        events = await placed(store, *(plain("k") for _ in range(6)))
        lease = await lease_for(store, "k")
        rows = [
            pending_for(event, RETRY, webhook=webhook, due_ms=n, laned=False)
            for webhook, count in zip(names, (6, 1, 3), strict=True)
            for n, event in enumerate(events[:count])
        ]
        await _apply(store, lease, rows=rows)
        slice_ = await store.dispatch.due([lease.partition], 2, [])
        taken = [(item.row.webhook, item.row.position) for item in slice_.items]
        first, second = events[0].position, events[1].position
        assert taken[:3] == [(name, first) for name in names]
        assert sorted(taken[3:]) == [(names[0], second), (names[2], second)]
        assert slice_.next_due_ms == 2

    async def test_the_first_of_each_endpoint_is_told_whenever_it_is_due(
        self, store: ConformingStore
    ) -> None:
        names = [WebhookId(f"wh_{name}") for name in "abc"]
        for name in names:
            await make_webhook(store, name)
        events = await placed(store, *(plain(f"k{n}") for n in range(20)))
        taken = await store.leases.acquire("deliver", "suite", TTL_S)
        far_ms = 1 << 50
        rows = [
            pending_for(event, RETRY, webhook=name, due_ms=far_ms - n, laned=False)
            for name in names[:2]
            for n, event in enumerate(events)
        ]
        changes = [
            PartitionChanges(
                it, 0, rows=tuple(row for row in rows if row.partition == it.partition)
            )
            for it in taken.taken
        ]
        await store.dispatch.apply(changes)
        everywhere, latest = range(store.log.partitions), events[-1]
        firsts = await store.dispatch.first_due(everywhere, names)
        found = {item.row.webhook: item.event for item in firsts}
        assert found == {names[0]: latest, names[1]: latest}
        busy = [(names[0], latest.partition, latest.position)]
        [other] = await store.dispatch.first_due(everywhere, names[:1], busy)
        assert other.event == events[-2]

    async def test_busy_ones_are_left_out(self, store: ConformingStore) -> None:
        await make_webhook(store)
        events = await placed(store, *(plain("k") for _ in range(3)))
        lease = await lease_for(store, "k")
        rows = [pending_for(event, RETRY, due_ms=5, laned=False) for event in events]
        await _apply(store, lease, rows=rows)
        busy = [(WEBHOOK, event.partition, event.position) for event in events]
        slice_ = await store.dispatch.due([lease.partition], 10, busy[:2])
        assert [item.row.position for item in slice_.items] == [events[2].position]
        assert slice_.next_due_ms is None
        none = await store.dispatch.due([lease.partition], 10, busy)
        assert (none.items, none.next_due_ms) == ((), None)


class RangeConformance:
    """Ranges, requests, and what becomes of an endpoint that is disabled or deleted."""

    async def test_a_range_is_opened_moved_on_and_ended(self, store: ConformingStore) -> None:
        await make_webhook(store)
        lease = await lease_for(store, "k")
        for position in (3, 7):
            held = HeldRange(WEBHOOK, lease.partition, position)
            await store.dispatch.apply([PartitionChanges(lease, 0, held=(held,))])
            assert await store.dispatch.held(lease.partition) == [held]
        await store.dispatch.apply([PartitionChanges(lease, 0, met=(WEBHOOK,))])
        assert await store.dispatch.held(lease.partition) == []

    async def test_a_request_waits_until_it_is_carried_out(self, store: ConformingStore) -> None:
        await make_webhook(store)
        events = await placed(store, plain("k"), plain("k"))
        lease = await lease_for(store, "k")
        row = pending_for(events[0], FAILED, reason="exhausted")
        await _apply(store, lease, rows=[row])
        for event in events:
            await store.deliveries.request_retry(WEBHOOK, event.partition, event.position)
        first, second = await store.dispatch.requests([lease.partition], 10)
        assert (first.webhook, first.position, first.row) == (WEBHOOK, events[0].position, row)
        assert (second.position, second.row) == (events[1].position, None)
        assert await store.dispatch.requests([lease.partition], 1) == [first]
        await store.dispatch.apply([PartitionChanges(lease, 0, requests=(first.id,))])
        assert await store.dispatch.requests([lease.partition], 10) == [second]
        await store.dispatch.apply([PartitionChanges(lease, 0, requests=(second.id,))])
        await store.deliveries.request_retry(WEBHOOK, lease.partition, events[0].position)
        [third] = await store.dispatch.requests([lease.partition], 10)
        assert third.id > second.id

    async def test_disabling_cancels_what_waits_and_ends_the_range(
        self, store: ConformingStore
    ) -> None:
        before = (await make_webhook(store)).revision
        lease, _events = await _lane(store, FAILED, RETRY, WAITING, made=True)
        held = HeldRange(WEBHOOK, lease.partition, 2)
        await store.dispatch.apply([PartitionChanges(lease, 0, held=(held,))])
        version = (await store.dispatch.webhooks()).config_version
        await _disable(store, lease)
        snapshot = await store.dispatch.webhooks()
        assert snapshot.webhooks == ()
        assert snapshot.config_version > version
        assert await store.dispatch.held(lease.partition) == []
        assert await _due_positions(store, lease) == []
        assert await store.dispatch.lane_counts(lease.partition) == {}
        assert await _statuses(store) == ["canceled", "canceled", "failed"]
        webhook = await store.webhooks.webhook(DEFAULT_ACCOUNT, WEBHOOK)
        assert webhook is not None
        assert (webhook.disabled_reason, webhook.revision > before) == ("gone", True)

    async def test_an_endpoint_that_was_changed_since_is_not_disabled(
        self, store: ConformingStore
    ) -> None:
        made = await make_webhook(store)
        lease, _events = await _lane(store, RETRY, WAITING, made=True)
        moved = made.document.replace(b"crm.example", b"new.example")
        assert await store.webhooks.replace_webhook(DEFAULT_ACCOUNT, WEBHOOK, moved, 1)
        version = (await store.dispatch.webhooks()).config_version
        await _disable(store, lease)
        snapshot = await store.dispatch.webhooks()
        assert [it.id for it in snapshot.webhooks] == [WEBHOOK]
        assert snapshot.config_version == version
        assert await _statuses(store) == ["pending", "pending"]
        assert await store.announcements.announcements([lease.partition], 10) == []

    async def test_a_late_result_of_a_disabled_endpoint_is_canceled(
        self, store: ConformingStore
    ) -> None:
        await make_webhook(store)
        [event] = await placed(store, plain("k"))
        lease = await lease_for(store, "k")
        await _disable(store, lease)
        held = HeldRange(WEBHOOK, lease.partition, 1)
        await store.dispatch.apply(
            [PartitionChanges(lease, 0, rows=(pending_for(event, RETRY, due_ms=1),), held=(held,))]
        )
        assert await _due_positions(store, lease) == []
        assert await store.dispatch.held(lease.partition) == []
        assert await _statuses(store) == ["canceled"]

    async def test_a_late_result_of_a_deleted_endpoint_leaves_nothing(
        self, store: ConformingStore
    ) -> None:
        lease, events = await _lane(store, RETRY, WAITING)
        await store.deliveries.request_retry(WEBHOOK, lease.partition, events[0].position)
        assert await store.webhooks.delete_webhook(DEFAULT_ACCOUNT, WEBHOOK)
        assert await store.dispatch.requests([lease.partition], 10) == []
        rows = [pending_for(event, RETRY, due_ms=1) for event in events]
        held = HeldRange(WEBHOOK, lease.partition, 1)
        report = await store.dispatch.apply(
            [PartitionChanges(lease, 0, rows=tuple(rows), held=(held,))]
        )
        assert (report.closed, report.opened) == (frozenset(), frozenset())
        assert await _due_positions(store, lease) == []
        assert await store.dispatch.held(lease.partition) == []
        assert await _statuses(store) == []


async def _disable(store: ConformingStore, lease: Lease) -> None:
    """As was decided of the suite's webhook when it was made."""
    changes = PartitionChanges(lease, 0, disable=(Disabling(WEBHOOK, 1, "gone"),))
    await store.dispatch.apply([changes])


async def _lane(
    store: ConformingStore, *states: PendingState, due_ms: int = 1, made: bool = False
) -> tuple[Lease, list[LogEvent]]:
    """Events of one key whose deliveries are put in these states, in one apply."""
    if not made:
        await make_webhook(store)
    events = await placed(store, *(plain("k") for _ in states))
    lease = await lease_for(store, "k")
    rows = [
        pending_for(event, state, due_ms=due_ms if state is RETRY else None)
        for event, state in zip(events, states, strict=True)
    ]
    await _apply(store, lease, rows=rows)
    return lease, events


async def _apply(
    store: ConformingStore,
    lease: Lease,
    *,
    rows: Sequence[PendingRow] = (),
    settled: Sequence[LogEvent] = (),
) -> ApplyReport:
    gone = tuple((WEBHOOK, event.position) for event in settled)
    changes = PartitionChanges(lease, lease.cursor, rows=tuple(rows), settled=gone)
    return await store.dispatch.apply([changes])


async def _due(store: ConformingStore, lease: Lease) -> list[DuePending]:
    return list((await store.dispatch.due([lease.partition], 100, [])).items)


async def _due_positions(store: ConformingStore, lease: Lease) -> list[int]:
    return sorted(item.row.position for item in await _due(store, lease))


async def _statuses(store: ConformingStore) -> list[str]:
    found = await listed(store, DeliveryFilter())
    return [view.status.value for view in found]
