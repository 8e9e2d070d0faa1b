"""What counts of attempts, and of what waits, guarantee on any store.

Subclass with the fixtures ``store`` and ``clock``.
"""

import asyncio

from offhook.delivery.announcing import HealthNote
from offhook.delivery.entries import HeldRange, PartitionChanges, PendingState
from offhook.delivery.health import failure
from offhook.delivery.stats.figures import Cell, SlotCount
from offhook.model.ids import DEFAULT_ACCOUNT, WebhookId
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import (
    URL,
    WEBHOOK,
    lease_for,
    make_webhook,
    pending_for,
    placed,
    plain,
)
from offhook.testing.conformance.stores import ConformingStore

OTHER = WebhookId("wh_b")
MOST = 1_000


def _due_ms(state: PendingState) -> int | None:
    return 1 if state is PendingState.RETRY else None


class StatsConformance:
    """Counts add up, whoever adds them; what waits is counted without what is given up."""

    async def test_counts_add_up_by_slot_class_and_bucket(self, store: ConformingStore) -> None:
        first = {Cell(WEBHOOK, 100, 2, 7): 3, Cell(WEBHOOK, 101, 2, 7): 4}
        await store.stats.add_attempts(first)
        await store.stats.add_attempts({Cell(WEBHOOK, 101, 2, 7): 5, Cell(OTHER, 101, 5, 9): 1})
        minutes = await store.stats.attempt_counts(WEBHOOK, 100, 1)
        assert sorted(minutes) == [SlotCount(100, 2, 7, 3), SlotCount(101, 2, 7, 9)]
        assert await store.stats.attempt_counts(WEBHOOK, 100, 10) == [SlotCount(10, 2, 7, 12)]
        assert await store.stats.attempt_counts(OTHER, 0, 1) == [SlotCount(101, 5, 9, 1)]

    async def test_what_is_before_the_window_is_left_out(self, store: ConformingStore) -> None:
        await store.stats.add_attempts({Cell(WEBHOOK, minute, 2, 0): 1 for minute in range(10)})
        counts = await store.stats.attempt_counts(WEBHOOK, 7, 1)
        assert sorted(count.slot for count in counts) == [7, 8, 9]

    async def test_many_add_at_once_and_nothing_is_lost(self, store: ConformingStore) -> None:
        cells = {Cell(WebhookId(f"wh_{n}"), 5, 2, n): 1 for n in range(30)}
        backwards = dict(reversed(list(cells.items())))
        adding = [store.stats.add_attempts(it) for it in (cells, backwards) * 10]
        await asyncio.gather(*adding)
        for number in range(30):
            webhook = WebhookId(f"wh_{number}")
            assert await store.stats.attempt_counts(webhook, 0, 1) == [SlotCount(5, 2, number, 20)]

    async def test_old_counts_are_forgotten_a_bounded_number_at_a_time(
        self, store: ConformingStore
    ) -> None:
        await store.stats.add_attempts({Cell(WEBHOOK, minute, 2, 0): 1 for minute in range(10)})
        assert await store.stats.forget_attempts(7, 4) == 4
        assert await store.stats.forget_attempts(7, 4) == 3
        assert await store.stats.forget_attempts(7, 4) == 0
        counts = await store.stats.attempt_counts(WEBHOOK, 0, 1)
        assert sorted(count.slot for count in counts) == [7, 8, 9]

    async def test_an_endpoint_that_nothing_waits_for(self, store: ConformingStore) -> None:
        backlog = await store.stats.backlog(WEBHOOK, MOST)
        assert (backlog.pending, backlog.oldest_ms) == (0, None)
        assert (backlog.held_ranges, backlog.held_ms) == (0, None)

    async def test_what_waits_is_counted_and_what_was_given_up_is_not(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        await make_webhook(store)
        events = []
        for number in range(4):
            events += await placed(store, plain("a", number))
            clock.advance(60)
        lease = await lease_for(store, "a")
        states = (
            PendingState.FAILED,
            PendingState.RETRY,
            PendingState.WAITING,
            PendingState.CANCELED,
        )
        rows = tuple(
            pending_for(event, state, due_ms=_due_ms(state))
            for event, state in zip(events, states, strict=True)
        )
        await store.dispatch.apply([PartitionChanges(lease, 0, rows=rows)])
        backlog = await store.stats.backlog(WEBHOOK, MOST)
        assert (backlog.pending, backlog.oldest_ms) == (2, events[1].created_ms)
        assert (await store.stats.backlog(WEBHOOK, 1)).pending == 1
        assert (await store.stats.backlog(OTHER, MOST)).pending == 0
        overdue = (await store.stats.backlogs(MOST)).overdue
        assert overdue == 1
        together = await store.stats.backlogs(MOST)
        assert (together.pending, together.oldest_ms) == (2, events[1].created_ms)
        assert (await store.stats.backlogs(1)).pending == 1

    async def test_the_oldest_is_told_whatever_ids_callers_gave_their_events(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        await make_webhook(store)
        given = ("order-17", "c56a4180-65aa-42ec-a945-5fd21dec0538", "f" * 32, "evt_" + "f" * 20)
        events = []
        for number, name in enumerate(given):
            events += await placed(store, plain("a", number, given=name))
            clock.advance(60)
        lease = await lease_for(store, "a")
        for number, event in enumerate(events):
            settled = tuple((WEBHOOK, it.position) for it in events[:number])
            rows = (pending_for(event, PendingState.RETRY, due_ms=1),)
            await store.dispatch.apply([PartitionChanges(lease, 0, rows=rows, settled=settled)])
            backlog = await store.stats.backlog(WEBHOOK, MOST)
            assert (backlog.pending, backlog.oldest_ms) == (1, event.created_ms)
            assert (await store.stats.backlogs(MOST)).oldest_ms == event.created_ms

    async def test_the_oldest_of_all_partitions_and_endpoints_is_told(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        names = [WEBHOOK, OTHER]
        for name in names:
            await make_webhook(store, name)
        events = []
        for number in range(12):
            events += await placed(store, plain(f"k{number}"))
            clock.advance(60)
        leases = {it.partition: it for it in (await store.leases.acquire("d", "s", 10)).taken}
        for number, event in reversed(list(enumerate(events))):
            row = pending_for(event, PendingState.WAITING, webhook=names[number % 2])
            changes = PartitionChanges(leases[event.partition], 0, rows=(row,))
            await store.dispatch.apply([changes])
            assert (await store.stats.backlogs(MOST)).oldest_ms == event.created_ms
            backlog = await store.stats.backlog(names[number % 2], MOST)
            assert backlog.oldest_ms == event.created_ms

    async def test_a_held_range_tells_since_when(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        await make_webhook(store)
        [first] = await placed(store, plain("a"))
        clock.advance(60)
        [second] = await placed(store, plain("a", 1))
        lease = await lease_for(store, "a")
        held = HeldRange(WEBHOOK, first.partition, second.position)
        await store.dispatch.apply([PartitionChanges(lease, 0, held=(held,))])
        backlog = await store.stats.backlog(WEBHOOK, MOST)
        assert (backlog.held_ranges, backlog.held_ms) == (1, second.created_ms)
        assert (await store.stats.backlogs(MOST)).held_ranges == 1

    async def test_endpoints_that_fail_are_counted(self, store: ConformingStore) -> None:
        await make_webhook(store)
        assert (await store.stats.backlogs(MOST)).failing == 0
        note = HealthNote(WEBHOOK, DEFAULT_ACCOUNT, URL, 1, failure(1))
        await store.health.note_health([note])
        assert (await store.stats.backlogs(MOST)).failing == 1
