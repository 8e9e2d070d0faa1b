"""What leases and durability guarantee on any store.

``LeaseConformance`` needs the fixtures ``store`` and ``clock``, ``SharingConformance`` also
``leases``: those of the store, of a log of any number of partitions; ``DurabilityConformance``
``reopen``: an async function that closes the store and opens what it left, as a new process.
"""

import asyncio

from offhook.delivery.entries import PartitionChanges
from offhook.log.entries import Appended, FeedFilter, Lease, LeaseShare, Repeated, Topic
from offhook.log.ports import LeaseStore
from offhook.model.ids import DEFAULT_ACCOUNT, partition_of
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import (
    CONSUMER,
    TTL_S,
    append,
    appended,
    call_fact,
    call_named,
    heads,
    lease_for,
    make_webhook,
    plain,
    sequences,
    whole_log,
)
from offhook.testing.conformance.stores import ConformingStore, Reopen


async def take(leases: LeaseStore, owner: str, consumer: str = CONSUMER) -> list[Lease]:
    """What the owner gets of the consumer's leases."""
    return list((await leases.acquire(consumer, owner, TTL_S)).taken)


class LeaseConformance:
    """A partition has one owner at a time, and whoever lost it finds out."""

    async def test_the_first_owner_gets_all_partitions_and_a_second_none_of_them(
        self, store: ConformingStore
    ) -> None:
        first = await take(store.leases, "first")
        assert [lease.partition for lease in first] == list(range(store.log.partitions))
        assert all(lease.takeovers == 0 and lease.cursor == 0 for lease in first)
        assert await take(store.leases, "second") == []
        assert await take(store.leases, "first") == []

    async def test_each_consumer_has_leases_of_its_own(self, store: ConformingStore) -> None:
        held = await take(store.leases, "first")
        others = await take(store.leases, "second", "roll-up")
        assert len(others) == store.log.partitions
        await store.leases.release(held)
        third = await take(store.leases, "third", "archive")
        assert [lease.partition for lease in third] == list(range(store.log.partitions))

    async def test_an_expired_lease_is_taken_over_and_counted(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        old = await take(store.leases, "first")
        clock.advance(TTL_S + 1)
        new = await take(store.leases, "second")
        assert [lease.partition for lease in new] == [lease.partition for lease in old]
        assert all(lease.takeovers == 1 for lease in new)
        assert [lease.epoch for lease in new] > [lease.epoch for lease in old]
        assert await store.leases.renew(old, TTL_S) == []

    async def test_a_renewed_lease_does_not_expire(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        held = await take(store.leases, "first")
        for _ in range(5):
            clock.advance(TTL_S * 0.8)
            assert await store.leases.renew(held, TTL_S) == held
            assert await take(store.leases, "second") == []

    async def test_a_lease_given_back_is_free_at_once_and_no_take_over(
        self, store: ConformingStore
    ) -> None:
        old = await take(store.leases, "first")
        await store.leases.release(old)
        assert await store.leases.renew(old, TTL_S) == []
        await store.leases.leave(CONSUMER, "first")
        new = await take(store.leases, "second")
        assert len(new) == len(old)
        assert all(lease.takeovers == 0 for lease in new)

    async def test_giving_back_what_was_lost_takes_nothing_from_the_new_owner(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        old = await take(store.leases, "first")
        clock.advance(TTL_S + 1)
        new = await take(store.leases, "second")
        await store.leases.release(old)
        assert await store.leases.renew(new, TTL_S) == new

    async def test_take_overs_count_until_the_cursor_moves(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        await appended(store, plain("k"))
        await lease_for(store, "k", "0")
        counted = []
        for owner in ("1", "2", "3"):
            clock.advance(TTL_S + 1)
            lease = await lease_for(store, "k", owner)
            counted.append(lease.takeovers)
        assert counted == [1, 2, 3]
        await store.dispatch.apply([PartitionChanges(lease, 1)])
        clock.advance(TTL_S + 1)
        moved = await lease_for(store, "k", "4")
        assert (moved.takeovers, moved.cursor) == (1, 1)

    async def test_the_event_an_owner_noted_is_known_to_the_next_until_the_cursor_moves(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        await appended(store, plain("k"))
        first = await lease_for(store, "k", "first")
        assert await store.dispatch.suspect(first.partition, first.epoch, 1)
        clock.advance(TTL_S + 1)
        second = await lease_for(store, "k", "second")
        assert await store.dispatch.suspected(second.partition) == 1
        assert not await store.dispatch.suspect(first.partition, first.epoch, 5)
        assert await store.dispatch.suspected(second.partition) == 1
        await store.dispatch.apply([PartitionChanges(second, 1)])
        assert await store.dispatch.suspected(second.partition) is None


class SharingConformance:
    """Partitions are shared evenly among those who take part."""

    async def test_a_second_member_makes_the_first_ones_surplus_and_takes_what_is_given_back(
        self, leases: LeaseStore
    ) -> None:
        everything = await take(leases, "first")
        second = await leases.acquire(CONSUMER, "second", TTL_S)
        assert second == LeaseShare((), 0)
        surplus = (await leases.acquire(CONSUMER, "first", TTL_S)).surplus
        assert surplus == len(everything) // 2
        given = everything[len(everything) - surplus :]
        await leases.release(given)
        assert (await leases.acquire(CONSUMER, "first", TTL_S)) == LeaseShare((), 0)
        moved = await take(leases, "second")
        assert [lease.partition for lease in moved] == [lease.partition for lease in given]
        assert all(lease.takeovers == 0 for lease in moved)

    async def test_members_that_come_at_once_all_have_the_same_but_for_the_rest(
        self, leases: LeaseStore
    ) -> None:
        shares = {name: await leases.acquire(CONSUMER, name, TTL_S) for name in "abc"}
        held = {name: list(share.taken) for name, share in shares.items()}
        for _ in range(3):
            for name in "abc":
                share = await leases.acquire(CONSUMER, name, TTL_S)
                held[name] += share.taken
                given = held[name][: share.surplus]
                await leases.release(given)
                held[name] = held[name][share.surplus :]
        counts = [len(held[name]) for name in "abc"]
        assert sum(counts) == len(shares["a"].taken)
        assert counts == sorted(counts, reverse=True)
        assert counts[0] - counts[-1] <= 1

    async def test_who_left_takes_no_part_and_one_that_ran_out_neither(
        self, leases: LeaseStore, clock: FakeClock
    ) -> None:
        everything = await take(leases, "first")
        await take(leases, "second")
        await leases.leave(CONSUMER, "second")
        assert (await leases.acquire(CONSUMER, "first", TTL_S)).surplus == 0
        await take(leases, "third")
        clock.advance(TTL_S / 2)
        assert await leases.renew(everything, TTL_S) == everything
        await leases.acquire(CONSUMER, "first", TTL_S)
        clock.advance(TTL_S / 2)
        assert (await leases.acquire(CONSUMER, "first", TTL_S)).surplus == 0

    async def test_the_rest_is_told_when_somebody_comes_goes_or_gives_back_and_only_then(
        self, store: ConformingStore, leases: LeaseStore, clock: FakeClock
    ) -> None:
        told: asyncio.Queue[Topic] = asyncio.Queue()

        def note(topics: frozenset[Topic]) -> None:
            if Topic.LEASES in topics:
                told.put_nowait(Topic.LEASES)

        async def told_once() -> bool:
            await asyncio.wait_for(told.get(), 60)
            return told.empty()

        store.subscribe(note)
        held = await take(leases, "first")
        assert await told_once()
        await take(leases, "first")
        await leases.renew(held, TTL_S)
        await leases.acquire(CONSUMER, "second", TTL_S)
        assert await told_once()
        await leases.acquire(CONSUMER, "second", TTL_S)
        await leases.release(held)
        assert await told_once()
        await leases.release(held)
        await leases.leave(CONSUMER, "second")
        assert await told_once()
        await leases.leave(CONSUMER, "second")
        await take(leases, "first")
        clock.advance(TTL_S + 1)
        await take(leases, "first")
        assert await told_once()


class DurabilityConformance:
    """What was acknowledged is there after the process is gone."""

    async def test_an_acknowledged_append_survives(
        self, store: ConformingStore, clock: FakeClock, reopen: Reopen
    ) -> None:
        await appended(store, *(plain(f"k{n % 3}", n) for n in range(100)))
        await appended(store, call_fact("1", at=clock.now()))
        before, ends = await whole_log(store), await heads(store)
        store = await reopen()
        assert await whole_log(store) == before
        assert await heads(store) == ends
        call = await store.calls.call(DEFAULT_ACCOUNT, call_named("1"))
        assert call is not None
        assert call.said == ("call.started",)

    async def test_positions_sequences_and_times_go_on_where_they_were(
        self, store: ConformingStore, clock: FakeClock, reopen: Reopen
    ) -> None:
        await appended(store, plain("k"), call_fact("1", at=clock.now()))
        store = await reopen()
        clock.advance(-60)
        await appended(store, plain("k"), call_fact("1", "call.answered", at=clock.now()))
        events = await whole_log(store)
        assert sequences(events, "k") == sequences(events, call_named("1")) == [1, 2]
        assert len({event.created_ms for event in events}) == 1
        assert len({event.id for event in events}) == 4

    async def test_a_callers_own_id_is_still_known(
        self, store: ConformingStore, reopen: Reopen
    ) -> None:
        [first] = await append(store, plain("k", given="mine"))
        assert isinstance(first, Appended)
        store = await reopen()
        assert await append(store, plain("k", given="mine")) == [Repeated(first.event)]

    async def test_a_lease_of_the_process_that_went_counts_as_taken_over(
        self, store: ConformingStore, clock: FakeClock, reopen: Reopen
    ) -> None:
        old = await lease_for(store, "k", "first")
        await store.dispatch.suspect(old.partition, old.epoch, 1)
        store = await reopen()
        clock.advance(TTL_S + 1)
        new: Lease = await lease_for(store, "k", "second")
        assert (new.takeovers, new.epoch > old.epoch) == (1, True)
        assert await store.dispatch.suspected(new.partition) == 1

    async def test_timers_survive(
        self, store: ConformingStore, clock: FakeClock, reopen: Reopen
    ) -> None:
        await appended(store, call_fact("1", at=clock.now()))
        await append(store, call_fact("1", "call.ended", at=clock.now()))
        due_ms = await store.timers.next_timer_ms(range(store.log.partitions))
        assert due_ms is not None
        store = await reopen()
        assert await store.timers.next_timer_ms(range(store.log.partitions)) == due_ms

    async def test_webhooks_and_where_they_begin_survive(
        self, store: ConformingStore, reopen: Reopen
    ) -> None:
        await appended(store, plain("k"))
        made = await make_webhook(store)
        before = await store.dispatch.webhooks()
        store = await reopen()
        assert await store.dispatch.webhooks() == before
        partition = partition_of(DEFAULT_ACCOUNT, "k", store.log.partitions)
        assert made.starts[partition] == 1
        slice_ = await store.log.read(partition, 0, 10, 1 << 20)
        assert slice_.config_version == before.config_version

    async def test_the_feed_goes_on_from_a_cursor_of_before(
        self, store: ConformingStore, reopen: Reopen
    ) -> None:
        await appended(store, plain("k", 1))
        first = await store.feed.feed(DEFAULT_ACCOUNT, {}, 10, FeedFilter())
        which, signs = store.feed.generation, store.token_key
        store = await reopen()
        assert (store.feed.generation, store.token_key) == (which, signs)
        assert len(signs) >= 32
        await appended(store, plain("k", 2))
        rest = await store.feed.feed(DEFAULT_ACCOUNT, first.after, 10, FeedFilter())
        assert [event.sequence for event in rest.events] == [2]
