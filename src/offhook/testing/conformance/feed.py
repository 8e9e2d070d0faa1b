"""What the feed, the calls and the timers guarantee on any store; needs ``store`` and ``clock``."""

from datetime import timedelta

from offhook.log.entries import FeedFilter, Submission
from offhook.log.queries import CallFilter
from offhook.model.event import LogEvent
from offhook.model.fact import CallFact, FactKind, TimerKind
from offhook.model.ids import DEFAULT_ACCOUNT, AccountId
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import (
    OTHER_ACCOUNT,
    append,
    appended,
    call_fact,
    call_named,
    heads,
    plain,
    sequences,
    whole_log,
)
from offhook.testing.conformance.retention import DAY_S, trim_events
from offhook.testing.conformance.stores import ConformingStore

_ANY = FeedFilter()


class FeedConformance:
    """A reader of the feed sees its account's events, each once, in order per key."""

    async def test_pages_follow_each_other_without_a_gap(self, store: ConformingStore) -> None:
        for batch in range(6):
            await appended(store, *(plain(f"k{n}", batch) for n in range(5)))
        events = await _follow(store, limit=7)
        assert len({event.id for event in events}) == len(events) == 30
        for key in ("k0", "k4"):
            assert sequences(events, key) == [1, 2, 3, 4, 5, 6]

    async def test_at_the_end_it_says_so_and_goes_on_from_there(
        self, store: ConformingStore
    ) -> None:
        await appended(store, plain("k", 1))
        first = await store.feed.feed(DEFAULT_ACCOUNT, {}, 10, FeedFilter())
        assert (len(first.events), first.more) == (1, False)
        nothing = await store.feed.feed(DEFAULT_ACCOUNT, first.after, 10, FeedFilter())
        assert (nothing.events, nothing.after, nothing.more) == ((), first.after, False)
        await appended(store, plain("k", 2))
        rest = await store.feed.feed(DEFAULT_ACCOUNT, nothing.after, 10, FeedFilter())
        assert sequences(list(rest.events), "k") == [2]

    async def test_an_empty_filtered_page_still_moves_on(self, store: ConformingStore) -> None:
        await appended(store, *(plain("k", n) for n in range(5)))
        wanted = FeedFilter(types=("custom.rare",))
        empty = await store.feed.feed(DEFAULT_ACCOUNT, {}, 10, wanted)
        assert empty.events == ()
        await appended(store, plain("k", type_="custom.rare"))
        found = await store.feed.feed(DEFAULT_ACCOUNT, empty.after, 10, wanted)
        assert [event.sequence for event in found.events] == [6]
        unfiltered = await store.feed.feed(DEFAULT_ACCOUNT, empty.after, 10, FeedFilter())
        assert [event.sequence for event in unfiltered.events] == [6]

    async def test_types_are_exact_or_prefixes_and_nothing_else(
        self, store: ConformingStore
    ) -> None:
        types = ("custom.a", "custom.ab", "custom.b", "message.sent", "custom_a.x")
        await appended(store, *(plain("k", type_=type_) for type_ in types))
        for asked, found in (
            (("custom.a",), ["custom.a"]),
            (("custom.*",), ["custom.a", "custom.ab", "custom.b"]),
            (("custom.b", "message.*"), ["custom.b", "message.sent"]),
            (("custom.a*",), []),
            (("*",), []),
            (("c%",), []),
            ((), []),
        ):
            page = await store.feed.feed(DEFAULT_ACCOUNT, {}, 10, FeedFilter(types=asked))
            assert [event.type for event in page.events] == found, asked

    async def test_a_key_has_its_timeline_page_by_page(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        for batch in range(4):
            await appended(store, plain("k", batch), plain("other"), plain("k", batch))
        await appended(store, call_fact("1", at=clock.now()), plain(call_named("1")))
        timeline = await _follow(store, limit=3, wanted=FeedFilter(key="k"))
        assert [(event.key, event.sequence) for event in timeline] == [
            ("k", sequence) for sequence in range(1, 9)
        ]
        call = await _follow(store, limit=3, wanted=FeedFilter(key=call_named("1")))
        assert [event.type for event in call] == ["call.started", "custom.noted"]
        typed = FeedFilter(key=call_named("1"), types=("custom.*",))
        assert [event.sequence for event in await _follow(store, limit=3, wanted=typed)] == [2]

    async def test_an_event_that_is_its_own_key_is_found_by_it(
        self, store: ConformingStore
    ) -> None:
        [event] = await appended(store, plain(None))
        page = await store.feed.feed(DEFAULT_ACCOUNT, {}, 10, FeedFilter(key=event.key))
        assert [found.id for found in page.events] == [event.id]
        unknown = await store.feed.feed(DEFAULT_ACCOUNT, {}, 10, FeedFilter(key="nobody"))
        assert (unknown.events, unknown.more) == ((), False)

    async def test_times_are_half_open_over_created(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        moments = []
        for _ in range(5):
            moments.append(clock.now())
            await appended(store, plain("k"), plain("j"))
            clock.advance(10)
        for since, until, wanted in (
            (moments[1], moments[3], [2, 3]),
            (moments[1] + timedelta(seconds=1), None, [3, 4, 5]),
            (None, moments[2], [1, 2]),
            (clock.now(), None, []),
            (None, moments[0], []),
            (None, clock.now(), [1, 2, 3, 4, 5]),
        ):
            events = await _follow(store, limit=3, wanted=FeedFilter(since=since, until=until))
            assert sequences(events, "k") == sequences(events, "j") == wanted

    async def test_accounts_never_see_one_anothers_events(self, store: ConformingStore) -> None:
        own, others = await appended(store, plain("k"), plain("k", account=OTHER_ACCOUNT))
        for account, event, foreign in (
            (DEFAULT_ACCOUNT, own, others),
            (OTHER_ACCOUNT, others, own),
        ):
            for wanted in (FeedFilter(), FeedFilter(key="k"), FeedFilter(types=("custom.*",))):
                page = await store.feed.feed(account, {}, 10, wanted)
                assert [found.id for found in page.events] == [event.id]
            found = await store.feed.event(account, event.id)
            assert found is not None
            assert found.account == account
            assert await store.feed.event(account, foreign.id) is None

    async def test_a_page_tells_up_to_when_in_time_it_read(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        nothing = await store.feed.feed(DEFAULT_ACCOUNT, {}, 10, _ANY)
        assert nothing.at_ms == 0
        for batch in range(8):
            await appended(store, *(plain(f"k{n}", batch) for n in range(batch + 1)))
            clock.advance(30)
        events = await whole_log(store)
        for wanted in (_ANY, FeedFilter(types=("custom.rare",)), FeedFilter(key="k0")):
            concerned = [event for event in events if wanted.key in (None, event.key)]
            after, at_ms, more = dict[int, int](), 0, True
            while more:
                page = await store.feed.feed(DEFAULT_ACCOUNT, after, 5, wanted)
                after, at_ms, more = page.after, max(at_ms, page.at_ms), page.more
                left = [it for it in concerned if it.position > after.get(it.partition, 0)]
                assert all(event.created_ms >= at_ms for event in left)
            assert at_ms >= max(event.created_ms for event in concerned)

    async def test_no_event_of_a_page_is_older_than_the_one_in_front_of_it(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        for n in range(20):
            await appended(store, plain(f"k{n}"))
            clock.advance(1)
        page = await store.feed.feed(DEFAULT_ACCOUNT, {}, 50, _ANY)
        assert [event.key for event in page.events] == [f"k{n}" for n in range(20)]

    async def test_a_position_past_the_head_is_told(self, store: ConformingStore) -> None:
        await appended(store, *(plain(f"k{n}") for n in range(20)))
        last = await heads(store)
        busy = max(last, key=lambda partition: last[partition])
        for after, past_head in (
            ({}, False),
            (last, False),
            ({busy: last[busy] + 1}, True),
            ({**last, busy: last[busy] + 1_000}, True),
        ):
            page = await store.feed.feed(DEFAULT_ACCOUNT, after, 50, _ANY)
            assert page.past_head is past_head, after
            if past_head:
                assert (page.events, page.after, page.more) == ((), after, False)

    async def test_positions_that_retention_took_are_not_past_the_head(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        await appended(store, plain("k", 1), plain("k", 2))
        page = await store.feed.feed(DEFAULT_ACCOUNT, {}, 10, _ANY)
        clock.advance(40 * DAY_S)
        await trim_events(store)
        empty = await store.feed.feed(DEFAULT_ACCOUNT, page.after, 10, _ANY)
        assert (empty.events, empty.past_head) == ((), False)
        await appended(store, plain("k", 3))
        rest = await store.feed.feed(DEFAULT_ACCOUNT, empty.after, 10, _ANY)
        assert [event.sequence for event in rest.events] == [3]


class CallConformance:
    """Calls of one account, as they stand."""

    async def test_calls_are_listed_newest_start_first_page_by_page(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        for n in (2, 0, 3, 1, 4, 5):
            at = clock.now() + timedelta(seconds=n // 2)
            await appended(store, call_fact(str(n), at=at))
        listed, before = list[str](), None
        while page := await store.calls.calls(DEFAULT_ACCOUNT, CallFilter(), before, 2):
            listed += [call.data.external_id or "" for call in page]
            last = page[-1].data
            assert last.started_at is not None
            before = (int(last.started_at.timestamp() * 1000), last.call_id)
        assert sorted(listed) == ["0", "1", "2", "3", "4", "5"]
        assert [int(name) // 2 for name in listed] == [2, 2, 1, 1, 0, 0]

    async def test_each_filter_keeps_what_it_names(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        early = clock.now()
        late = early + timedelta(hours=1)
        await appended(
            store,
            call_fact("plain", at=early),
            call_fact("tagged", at=late, campaign_id="cmp_1", buyer_id="buy_1"),
            call_fact("calling", at=late, contact="+12145550123"),
            call_fact("answered", "call.answered", at=late),
            call_fact("double", at=late, duplicate_of="call_x"),
        )
        for wanted, names in (
            (CallFilter(), {"plain", "tagged", "calling", "answered"}),
            (CallFilter(duplicates=True), {"plain", "tagged", "calling", "answered", "double"}),
            (CallFilter(campaign_id="cmp_1"), {"tagged"}),
            (CallFilter(buyer_id="buy_1", campaign_id="cmp_2"), set()),
            (CallFilter(caller_id="+12145550123"), {"calling"}),
            (CallFilter(status="answered"), {"answered"}),
            (CallFilter(outcome="answered"), {"answered"}),
            (CallFilter(until=late), {"plain"}),
            (CallFilter(since=late), {"tagged", "calling", "answered"}),
        ):
            found = await store.calls.calls(DEFAULT_ACCOUNT, wanted, None, 10)
            assert {call.data.external_id for call in found} == names, wanted

    async def test_accounts_never_see_one_anothers_calls(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        await appended(store, call_fact("1", at=clock.now(), account=OTHER_ACCOUNT))
        foreign = call_named("1", OTHER_ACCOUNT)
        assert await store.calls.call(DEFAULT_ACCOUNT, foreign) is None
        assert await store.calls.call(OTHER_ACCOUNT, foreign) is not None
        assert await _listed(store, DEFAULT_ACCOUNT) == []
        assert await _listed(store, OTHER_ACCOUNT) == [foreign]


class TimerConformance:
    """A timer waits for its time, and stays until its fact is in the log."""

    async def test_a_timer_is_due_at_its_time_and_cleared_by_its_fact(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        key = call_named("1")
        assert await store.timers.next_timer_ms(range(store.log.partitions)) is None
        await appended(store, call_fact("1", at=clock.now()))
        await append(store, call_fact("1", "call.ended", at=clock.now()))
        assert await store.timers.due_timers(range(store.log.partitions), 10) == []
        due_ms = await store.timers.next_timer_ms(range(store.log.partitions))
        assert due_ms == int(clock.now().timestamp() * 1000) + 15_000
        clock.advance(15)
        [timer] = await store.timers.due_timers(range(store.log.partitions), 10)
        assert (timer.account, timer.key, timer.kind) == (DEFAULT_ACCOUNT, key, TimerKind.SETTLE)
        assert await store.timers.due_timers(range(store.log.partitions), 10) == [timer]
        settle = CallFact(key, FactKind.SETTLE, None, {})
        await append(store, Submission(DEFAULT_ACCOUNT, key, settle, 1))
        assert await store.timers.due_timers(range(store.log.partitions), 10) == []
        assert await store.timers.next_timer_ms(range(store.log.partitions)) is None

    async def test_what_a_timer_says_of_a_test_call_is_a_test_event(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        key = call_named("1")
        for type_ in ("call.started", "call.ended"):
            await append(store, call_fact("1", type_, at=clock.now(), test=True))
        clock.advance(15)
        settle = CallFact(key, FactKind.SETTLE, None, {})
        await append(store, Submission(DEFAULT_ACCOUNT, key, settle, 1))
        events = await whole_log(store)
        assert events[-1].type == "call.missed"
        assert all(event.test for event in events)

    async def test_timers_come_oldest_first_and_no_more_than_asked(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        for name in "abc":
            await appended(store, call_fact(name, at=clock.now()))
            await append(store, call_fact(name, "call.ended", at=clock.now()))
            clock.advance(1)
        clock.advance(60)
        due = await store.timers.due_timers(range(store.log.partitions), 2)
        assert [timer.key for timer in due] == [call_named("a"), call_named("b")]


async def _follow(
    store: ConformingStore, *, limit: int, wanted: FeedFilter = _ANY
) -> list[LogEvent]:
    """All pages, one after the other."""
    events: list[LogEvent] = []
    after: dict[int, int] = {}
    more = True
    while more:
        page = await store.feed.feed(DEFAULT_ACCOUNT, after, limit, wanted)
        assert len(page.events) <= limit
        events += page.events
        after, more = page.after, page.more
    return events


async def _listed(store: ConformingStore, account: AccountId) -> list[str]:
    found = await store.calls.calls(account, CallFilter(), None, 10)
    return [call.data.call_id for call in found]
