"""What the log guarantees on any store.

Subclass in a test module that has the fixtures ``store`` (an open, empty store) and ``clock`` (the
``FakeClock`` it was opened with).
"""

import asyncio
from collections import defaultdict

from offhook.log.entries import (
    Appended,
    Folded,
    IdConflict,
    KeyRow,
    Refused,
    Repeated,
    Submission,
    Unchanged,
)
from offhook.log.fold import fold
from offhook.model.event import LogEvent
from offhook.model.fact import FoldContext
from offhook.model.ids import DEFAULT_ACCOUNT, partition_of
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import (
    OTHER_ACCOUNT,
    append,
    appended,
    call_fact,
    call_named,
    heads,
    placed,
    plain,
    sequences,
    whole_log,
)
from offhook.testing.conformance.stores import ConformingStore


class LogConformance:
    """One durable order, in which nothing is skipped, repeated or spoilt by a neighbour."""

    async def test_an_append_answers_with_the_events_that_are_then_read_in_order(
        self, store: ConformingStore
    ) -> None:
        answered = await appended(store, *(plain(key, n) for n, key in enumerate("abcabca")))
        read = {event.id: event for event in await whole_log(store)}
        for reference in answered:
            event = read[reference.id]
            assert (event.type, event.key, event.sequence) == (
                reference.type,
                reference.key,
                reference.sequence,
            )
        assert [reference.sequence for reference in answered] == [1, 1, 1, 2, 2, 2, 3]

    async def test_positions_have_no_gap_and_a_key_stays_in_its_partition(
        self, store: ConformingStore
    ) -> None:
        for batch in range(5):
            await appended(store, *(plain(f"k{n}", batch) for n in range(20)))
        by_partition = defaultdict(list)
        for event in await whole_log(store):
            by_partition[event.partition].append(event)
        for partition, events in by_partition.items():
            assert [event.position for event in events] == list(range(1, len(events) + 1))
            assert await store.log.head(partition) == len(events)
            for event in events:
                own = partition_of(event.account, event.key, store.log.partitions)
                assert own == partition

    async def test_an_event_comes_back_as_it_was_given(self, store: ConformingStore) -> None:
        data = '{"text": "caf\u00e9 \\u0000 \\n", "n":1.50 }'.encode()
        headers = {"X-Trace": "a b", "x-other": "\u00e9"}
        [event] = await placed(store, plain("k", data=data, headers=headers))
        assert (event.data, event.headers) == (data, headers)
        assert (event.account, event.test, event.historical) == (DEFAULT_ACCOUNT, False, False)

    async def test_an_event_without_a_key_is_its_own_key(self, store: ConformingStore) -> None:
        first, second = await appended(store, plain(None), plain(None, given="mine"))
        assert (first.key, first.sequence) == (first.id, 1)
        assert (second.key, second.sequence) == ("mine", 1)

    async def test_sequences_of_one_key_go_on_over_batches_and_apart_for_each_account(
        self, store: ConformingStore
    ) -> None:
        for _ in range(3):
            await appended(store, plain("k"), plain("k", account=OTHER_ACCOUNT), plain("k"))
        events = await whole_log(store)
        own = [event for event in events if event.account == DEFAULT_ACCOUNT]
        others = [event for event in events if event.account == OTHER_ACCOUNT]
        assert sequences(own, "k") == [1, 2, 3, 4, 5, 6]
        assert sequences(others, "k") == [1, 2, 3]

    async def test_created_never_goes_back_though_the_clock_does(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        for step_s in (0, -30, 10, 30):
            clock.advance(step_s)
            await appended(store, plain("k"))
        created = [event.created_ms for event in await whole_log(store)]
        assert created == sorted(created)
        assert created[-1] - created[0] == 10_000

    async def test_reads_are_bounded_by_count_and_by_bytes_but_bring_at_least_one(
        self, store: ConformingStore
    ) -> None:
        await appended(store, *(plain("k", data=b"%100d" % n) for n in range(10)))
        partition = partition_of(DEFAULT_ACCOUNT, "k", store.log.partitions)
        by_count = await store.log.read(partition, 2, 3, 1 << 20)
        assert [event.position for event in by_count.events] == [3, 4, 5]
        assert by_count.read_to == 5
        by_bytes = await store.log.read(partition, 2, 100, 250)
        assert [event.position for event in by_bytes.events] == [3, 4, 5]
        at_least = await store.log.read(partition, 2, 100, 1)
        assert [event.position for event in at_least.events] == [3]
        beyond = await store.log.read(partition, 10, 100, 1 << 20)
        assert (beyond.events, beyond.read_to) == ((), 10)

    async def test_a_long_log_is_read_page_by_page_without_a_gap(
        self, store: ConformingStore
    ) -> None:
        for batch in range(4):
            await appended(store, *(plain("k", n) for n in range(100 * batch, 100 * batch + 100)))
        partition = partition_of(DEFAULT_ACCOUNT, "k", store.log.partitions)
        after, seen = 0, list[int]()
        while (slice_ := await store.log.read(partition, after, 70, 1 << 20)).events:
            seen += [event.sequence for event in slice_.events]
            after = slice_.read_to
        assert seen == list(range(1, 401))

    async def test_a_reader_that_tails_sees_every_commit_of_concurrent_appenders(
        self, store: ConformingStore
    ) -> None:
        async def write(name: int) -> None:
            for n in range(40):
                await appended(store, plain(f"k{name}", n), plain(f"shared{n % 3}", n))

        appenders = asyncio.gather(*(write(name) for name in range(8)))
        seen = [
            event
            for events in await asyncio.gather(
                *(_tail(store, at, appenders) for at in range(store.log.partitions))
            )
            for event in events
        ]
        assert len(seen) == 8 * 40 * 2
        assert seen == await whole_log(store)
        for name in range(8):
            assert sequences(seen, f"k{name}") == list(range(1, 41))


class IdempotencyConformance:
    """An id of the caller's own is taken once, and a bad fact spoils no other."""

    async def test_the_same_id_and_body_in_one_batch_is_one_event(
        self, store: ConformingStore
    ) -> None:
        first, again, other = await append(
            store,
            plain("k", 1, given="mine"),
            plain("k", 1, given="mine"),
            plain("k", 2, given="mine"),
        )
        assert isinstance(first, Appended)
        assert again == Repeated(first.event)
        assert other == IdConflict(first.event)
        assert first.event.id == "mine"
        assert len(await whole_log(store)) == 1

    async def test_the_same_id_in_a_later_batch_is_answered_with_the_first(
        self, store: ConformingStore
    ) -> None:
        [first] = await appended(store, plain("k", 1, given="mine"))
        await appended(store, plain("k", 7))
        before = await heads(store)
        outcomes = await append(store, plain("k", 1, given="mine"), plain("j", 1, given="mine"))
        assert outcomes[0] == Repeated(first)
        conflicting = await append(store, plain("k", 2, given="mine"))
        assert conflicting == [IdConflict(first)]
        assert await heads(store) == before

    async def test_an_id_that_the_log_gave_cannot_be_taken_by_a_caller(
        self, store: ConformingStore
    ) -> None:
        [first] = await appended(store, plain("k", 1))
        assert await append(store, plain("k", 1, given=first.id)) == [IdConflict(first)]

    async def test_two_accounts_may_use_the_same_id(self, store: ConformingStore) -> None:
        own, others = await appended(
            store, plain("k", 1, given="mine"), plain("k", 2, given="mine", account=OTHER_ACCOUNT)
        )
        assert own.id == others.id == "mine"
        for account, number in ((DEFAULT_ACCOUNT, 1), (OTHER_ACCOUNT, 2)):
            event = await store.feed.event(account, own.id)
            assert event is not None
            assert event.data == b'{"number":%d}' % number

    async def test_the_id_of_a_fact_that_said_nothing_new_is_taken_too(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        now = clock.now()
        [started] = await appended(store, call_fact("1", at=now))
        repeated = call_fact("1", at=now)
        named = Submission(
            repeated.account, repeated.key, repeated.fact, 1, given_id=started.id, digest=b"x"
        )
        assert await append(store, named) == [IdConflict(started)]

    async def test_one_fact_that_raises_spoils_no_other(self, store: ConformingStore) -> None:
        def breaking(item: Submission, row: KeyRow | None, context: FoldContext) -> Folded:
            if item.key == "bad":
                raise ZeroDivisionError
            return fold(item, row, context)

        keys = ("a", "bad", "b", "bad", "a")
        outcomes = await store.log.append([plain(key) for key in keys], breaking)
        kinds = [type(outcome) for outcome in outcomes]
        assert kinds == [Appended, Refused, Appended, Refused, Appended]
        assert [event.key for event in await whole_log(store)].count("bad") == 0
        assert sequences(await whole_log(store), "a") == [1, 2]
        [later] = await appended(store, plain("bad"))
        assert later.sequence == 1

    async def test_one_fact_that_cannot_be_stored_spoils_no_other(
        self, store: ConformingStore
    ) -> None:
        facts = [plain(f"k{n}") for n in range(8)]
        facts[5] = plain("k5", type_="custom.\ud800")
        outcomes = await append(store, *facts)
        assert [isinstance(outcome, Appended) for outcome in outcomes] == [n != 5 for n in range(8)]
        assert isinstance(outcomes[5], Refused)
        positions = defaultdict(list)
        for event in await whole_log(store):
            positions[event.partition].append(event.position)
        assert all(found == list(range(1, len(found) + 1)) for found in positions.values())
        assert sum(map(len, positions.values())) == 7


class CallFoldConformance:
    """A call's state and its events are one commit, and contacts are known again."""

    async def test_facts_of_one_call_fold_in_the_order_of_the_batch(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        now = clock.now()
        await appended(
            store, *(call_fact("1", type_, at=now) for type_ in ("call.started", "call.answered"))
        )
        await append(store, call_fact("1", "call.ended", at=now))
        call = await store.calls.call(DEFAULT_ACCOUNT, call_named("1"))
        assert call is not None
        assert call.data.status == "ended"
        told = [event.type for event in await whole_log(store)]
        assert told == ["call.started", "call.answered", "call.ended"]
        assert sequences(await whole_log(store), call_named("1")) == [1, 2, 3]

    async def test_a_fact_that_says_nothing_new_is_answered_with_the_last_event(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        [started] = await appended(store, call_fact("1", at=clock.now()))
        before = await heads(store)
        assert await append(store, call_fact("1", at=clock.now())) == [Unchanged(started)]
        assert await heads(store) == before

    async def test_an_event_under_a_calls_key_takes_its_place_among_the_calls(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        key = call_named("1")
        await appended(
            store,
            call_fact("1", at=clock.now()),
            plain(key),
            call_fact("1", "call.answered", at=clock.now()),
        )
        await appended(store, plain(key))
        assert sequences(await whole_log(store), key) == [1, 2, 3, 4]
        call = await store.calls.call(DEFAULT_ACCOUNT, key)
        assert call is not None
        assert call.data.status == "answered"

    async def test_a_contact_that_called_within_30_days_is_a_repeat(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        contact = "+12145550123"
        await appended(store, call_fact("1", at=clock.now(), contact=contact))
        clock.advance(29 * 86_400)
        await appended(
            store,
            call_fact("2", at=clock.now(), contact=contact),
            call_fact("3", at=clock.now(), contact="+12145550999"),
            call_fact("4", at=clock.now(), contact=contact, account=OTHER_ACCOUNT),
        )
        clock.advance(31 * 86_400)
        await appended(store, call_fact("5", at=clock.now(), contact=contact))
        assert await _repeats(store, "1", "2", "3", "5") == [False, True, False, False]
        other = await store.calls.call(OTHER_ACCOUNT, call_named("4", OTHER_ACCOUNT))
        assert other is not None
        assert other.data.repeat_caller is False

    async def test_a_contact_that_calls_twice_in_one_batch_is_a_repeat_the_second_time(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        contact, first = "+12145550123", clock.now()
        clock.advance(60)
        await appended(
            store,
            call_fact("1", at=first, contact=contact),
            call_fact("2", at=clock.now(), contact=contact),
        )
        assert await _repeats(store, "1", "2") == [False, True]

    async def test_calls_from_test_keys_make_nobody_a_repeat(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        contact = "+12145550123"
        await appended(store, call_fact("1", at=clock.now(), contact=contact, test=True))
        clock.advance(60)
        await appended(store, call_fact("2", at=clock.now(), contact=contact))
        assert await _repeats(store, "2") == [False]

    async def test_an_older_call_that_arrives_late_has_the_later_ones_looked_at_again(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        contact, early = "+12145550123", clock.now()
        clock.advance(3_600)
        await appended(store, call_fact("late", at=clock.now(), contact=contact))
        clock.advance(60)
        await appended(store, call_fact("early", at=early, contact=contact))
        due = await store.timers.due_timers(range(store.log.partitions), 10)
        assert [(timer.key, timer.kind) for timer in due] == [
            (call_named("late"), "recheck_repeat")
        ]


async def _tail(
    store: ConformingStore, partition: int, appenders: "asyncio.Future[list[None]]"
) -> list[LogEvent]:
    """Follow a partition until all appenders are done and nothing more comes."""
    seen: list[LogEvent] = []
    after = 0
    while True:
        last = appenders.done()
        slice_ = await store.log.read(partition, after, 7, 1 << 20)
        seen += slice_.events
        after = slice_.read_to
        if last and not slice_.events:
            return seen
        await asyncio.sleep(0)


async def _repeats(store: ConformingStore, *names: str) -> list[bool | None]:
    calls = [await store.calls.call(DEFAULT_ACCOUNT, call_named(name)) for name in names]
    return [None if call is None else call.data.repeat_caller for call in calls]
