"""What goes from any store when it is old, and what stays; needs ``store`` and ``clock``."""

from msgspec.structs import replace

from offhook.delivery.entries import (
    DeliveryFilter,
    DeliveryStatus,
    DeliveryView,
    HeldRange,
    PartitionChanges,
    PendingRow,
    PendingState,
)
from offhook.delivery.replays.entries import ReplayCounts, ReplayJob, ReplayProgress, ReplayScope
from offhook.log.entries import Blocked, FeedFilter, Lease, Trimmed
from offhook.log.ports import RetentionStore
from offhook.log.timers import CONSUMER as TIMERS
from offhook.model.event import LogEvent, to_ms
from offhook.model.ids import DEFAULT_ACCOUNT, ReplayId, WebhookId
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.lists import listed, listing_of
from offhook.testing.conformance.material import (
    CONSUMER,
    WEBHOOK,
    appended,
    attempt_on,
    call_fact,
    call_named,
    heads,
    lease_for,
    make_webhook,
    pending_for,
    placed,
    plain,
    sequences,
    whole_log,
)
from offhook.testing.conformance.stores import ConformingStore

DAY_S = 86_400.0
_AGE_MS = 30 * 86_400_000
_EVERYTHING = FeedFilter()


class RetentionConformance:
    """Old events go; positions, sequences and ids are never used again."""

    async def test_positions_are_never_given_again(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        old = await placed(store, *(plain("k") for _ in range(5)))
        ends = await heads(store)
        clock.advance(40 * DAY_S)
        await trim_events(store)
        assert await whole_log(store) == []
        assert await heads(store) == ends
        clock.advance(-3600)
        [new] = await placed(store, plain("k"))
        assert new.position == old[-1].position + 1
        assert new.sequence == 6
        assert new.created_ms >= old[-1].created_ms
        assert new.id not in {event.id for event in old}

    async def test_the_oldest_go_and_the_rest_is_read_on(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        old = await placed(store, *(plain("k", n) for n in range(4)))
        clock.advance(40 * DAY_S)
        young = await placed(store, *(plain("k", n) for n in range(6)))
        await trim_events(store)
        rest = await store.log.read(old[0].partition, 0, 100, 1 << 20)
        assert list(rest.events) == young
        page = await store.feed.feed(DEFAULT_ACCOUNT, {}, 100, _EVERYTHING)
        assert sequences(list(page.events), "k") == [5, 6, 7, 8, 9, 10]
        timeline = await store.feed.feed(DEFAULT_ACCOUNT, {}, 100, FeedFilter(key="k"))
        assert timeline.events == page.events
        assert await store.feed.event(DEFAULT_ACCOUNT, old[0].id) is None

    async def test_what_is_young_stays(self, store: ConformingStore, clock: FakeClock) -> None:
        await make_webhook(store)
        events = await placed(store, plain("k"), plain("k"))
        lease = await lease_for(store, "k")
        failed = pending_for(events[0], PendingState.FAILED, laned=False)
        attempts = (attempt_on(events[0]), attempt_on(events[1], accepted=True))
        await store.dispatch.apply(
            [PartitionChanges(lease, events[1].position, attempts=attempts, rows=(failed,))]
        )
        clock.advance(29 * DAY_S)
        await _trim_all(store)
        assert await whole_log(store) == events
        assert [(await _view(store, it)).status for it in events] == [
            DeliveryStatus.FAILED,
            DeliveryStatus.DELIVERED,
        ]

    async def test_times_are_found_over_the_gaps(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        for _ in range(4):
            await appended(store, plain("k"))
            clock.advance(20 * DAY_S)
        await trim_events(store)
        assert sequences(await whole_log(store), "k") == [4]
        moment = clock.now()
        await appended(store, plain("k"))
        since = await store.feed.feed(DEFAULT_ACCOUNT, {}, 10, FeedFilter(since=moment))
        assert sequences(list(since.events), "k") == [5]

    async def test_what_a_consumer_or_a_range_still_needs_stays_and_says_for_whom(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        await make_webhook(store)
        events = await _one_a_day(store, clock, 3)
        clock.advance(40 * DAY_S)
        lease = await lease_for(store, "k")
        assert (await _trimmed(store, events)).by == lease.consumer
        held = HeldRange(WEBHOOK, lease.partition, events[1].position)
        await store.dispatch.apply([PartitionChanges(lease, events[1].position, held=(held,))])
        assert (await _trimmed(store, events[1:])).by == WEBHOOK
        await store.dispatch.apply([PartitionChanges(lease, events[1].position, met=(WEBHOOK,))])
        blocked = await _trimmed(store, events[2:])
        assert (blocked.by, blocked.partition) == (lease.consumer, lease.partition)
        assert 9 * DAY_S * 1000 < blocked.overdue_ms < 12 * DAY_S * 1000
        await store.dispatch.apply([PartitionChanges(lease, events[2].position)])
        assert (await trim_events(store)).blocked is None
        assert await whole_log(store) == []

    async def test_a_range_that_begins_before_the_oldest_keeps_what_is_left(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        await make_webhook(store)
        events = await _one_a_day(store, clock, 2)
        clock.advance(28.6 * DAY_S)
        lease = await lease_for(store, "k")
        await store.dispatch.apply([PartitionChanges(lease, events[1].position)])
        await trim_events(store)
        assert await whole_log(store) == events[1:]
        held = HeldRange(WEBHOOK, lease.partition, events[0].position)
        await store.dispatch.apply([PartitionChanges(lease, events[1].position, held=(held,))])
        clock.advance(10 * DAY_S)
        assert (await _trimmed(store, events[1:])).by == WEBHOOK

    async def test_a_consumer_that_reads_no_log_needs_none_of_it(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        await appended(store, plain("k"))
        await lease_for(store, "k", consumer=TIMERS)
        clock.advance(40 * DAY_S)
        assert (await trim_events(store)).blocked is None
        assert await whole_log(store) == []

    async def test_a_call_outlives_its_events(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        await appended(store, call_fact("1", at=clock.now()))
        clock.advance(40 * DAY_S)
        await trim_events(store)
        assert await store.calls.call(DEFAULT_ACCOUNT, call_named("1")) is not None
        await appended(store, call_fact("1", "call.answered", at=clock.now()))
        assert sequences(await whole_log(store), call_named("1")) == [2]

    async def test_a_reader_is_told_of_a_gap_and_begins_at_the_oldest_without_a_cursor(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        events = await _one_a_day(store, clock, 4)
        partition = events[0].partition
        clock.advance(28.6 * DAY_S)
        await trim_events(store)
        gone = len(events) - len(await whole_log(store))
        assert 0 < gone < 4
        for wanted in (_EVERYTHING, FeedFilter(key="k")):
            for read in range(4):
                after = {partition: events[read].position}
                page = await store.feed.feed(DEFAULT_ACCOUNT, after, 10, wanted)
                assert page.trimmed is (read < gone - 1), read
                assert list(page.events) == ([] if page.trimmed else events[read + 1 :])
            page = await store.feed.feed(DEFAULT_ACCOUNT, {}, 10, wanted)
            assert (list(page.events), page.trimmed) == (events[gone:], False)


class RowRetentionConformance:
    """Rows of deliveries outlive the log's events, and find them; attempts and rows go too."""

    async def test_an_event_that_a_row_names_is_found_until_the_row_goes(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        lease, events = await _attempted(store, clock, PendingState.RETRY, due_ms=1)
        await trim_events(store)
        assert await whole_log(store) == []
        [item] = (await store.dispatch.due([lease.partition], 10, [])).items
        assert item.event == events[1]
        for backlog in (await store.stats.backlog(WEBHOOK, 9), await store.stats.backlogs(9)):
            assert backlog.oldest_ms == events[1].created_ms
        await _release(store)
        assert await store.feed.event(DEFAULT_ACCOUNT, events[1].id) == events[1]
        assert await store.feed.event(DEFAULT_ACCOUNT, events[0].id) is None
        [view] = await _listed(store, DeliveryFilter(event=events[1].id))
        assert view.status is DeliveryStatus.PENDING
        settled = ((WEBHOOK, events[1].position),)
        await store.dispatch.apply([PartitionChanges(lease, events[2].position, settled=settled)])
        await _release(store)
        assert await store.feed.event(DEFAULT_ACCOUNT, events[1].id) is None

    async def test_what_was_given_up_can_be_tried_again_after_its_event_went(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        lease, events = await _attempted(store, clock, PendingState.FAILED)
        await trim_events(store)
        await _release(store)
        view = await _view(store, events[1])
        assert (view.status, view.event_id) == (DeliveryStatus.FAILED, events[1].id)
        await store.deliveries.request_retry(WEBHOOK, events[1].partition, events[1].position)
        [request] = await store.dispatch.requests([lease.partition], 10)
        assert request.row is not None
        again = pending_for(events[1], PendingState.RETRY, due_ms=1)
        changes = PartitionChanges(lease, events[2].position, rows=(again,), requests=(request.id,))
        await store.dispatch.apply([changes])
        [item] = (await store.dispatch.due([lease.partition], 10, [])).items
        assert item.event == events[1]

    async def test_those_of_a_time_are_tried_again_also_after_their_events_went(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        await make_webhook(store)
        old = await _one_a_day(store, clock, 3)
        clock.advance(40 * DAY_S)
        young = await _one_a_day(store, clock, 2)
        events = [*old, *young]
        lease = await lease_for(store, "k")
        rows = tuple(pending_for(event, PendingState.FAILED, laned=False) for event in events)
        await store.dispatch.apply([PartitionChanges(lease, young[1].position, rows=rows)])
        await trim_events(store)
        assert await whole_log(store) == young
        for since, until, within in (
            (None, old[0], []),
            (None, old[2], old[:2]),
            (old[1], None, events[1:]),
            (old[1], old[2], old[1:2]),
            (old[2], young[1], [old[2], young[0]]),
            (young[1], None, young[1:]),
            (None, None, events),
        ):
            wanted = DeliveryFilter(
                since_ms=None if since is None else since.created_ms,
                until_ms=None if until is None else until.created_ms,
            )
            asked = await store.deliveries.request_retries(DEFAULT_ACCOUNT, wanted, 100)
            made = await store.dispatch.requests([lease.partition], 100)
            assert sorted(it.position for it in made) == [event.position for event in within]
            assert asked.requested == len(within)
            done = tuple(it.id for it in made)
            await store.dispatch.apply([PartitionChanges(lease, young[1].position, requests=done)])

    async def test_attempts_go_when_their_deliveries_are_no_longer_tried(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        lease, events = await _attempted(store, clock, PendingState.RETRY, due_ms=1)
        await _until_done(store.retention, "trim_attempts")
        assert len(await _attempts(store, events[1])) == 1
        settled = ((WEBHOOK, events[1].position),)
        await store.dispatch.apply([PartitionChanges(lease, events[2].position, settled=settled)])
        await _until_done(store.retention, "trim_attempts")
        assert [await _attempts(store, event) for event in events] == [[], [], []]
        listing = listing_of(store, clock, attempts_kept_ms=_AGE_MS)
        place = (WEBHOOK, events[0].partition, events[0].position)
        view = await listing.one(DEFAULT_ACCOUNT, place)
        assert view is not None
        assert view.status is DeliveryStatus.UNKNOWN

    async def test_an_attempt_that_a_new_owner_has_to_know_of_stays(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        await make_webhook(store)
        events = await _one_a_day(store, clock, 2)
        lease = await lease_for(store, "k")
        made = (attempt_on(events[1], accepted=True),)
        await store.dispatch.apply([PartitionChanges(lease, events[0].position, attempts=made)])
        clock.advance(40 * DAY_S)
        await _trim_all(store)
        settled = await store.dispatch.settled_after(lease.partition, events[0].position)
        assert settled == {(WEBHOOK, events[1].position)}

    async def test_what_was_accepted_does_not_seem_to_have_failed_once_its_attempt_went(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        """Though a replay of it was given up."""
        await make_webhook(store)
        events = await _one_a_day(store, clock, 3)
        lease = await lease_for(store, "k")
        clock.advance(20 * DAY_S)
        now_ms = to_ms(clock.now())
        replay = ReplayId("rpl_1")
        given_up = [
            replace(pending_for(event, PendingState.FAILED, laned=False), since_ms=now_ms)
            for event in events
        ]
        rows = (*(replace(row, replay=replay) for row in given_up[:2]), given_up[2])
        failed = replace(attempt_on(events[0]), replay=replay, started_ms=now_ms)
        attempts = (attempt_on(events[0], accepted=True), attempt_on(events[1]), failed)
        await store.dispatch.apply(
            [PartitionChanges(lease, events[2].position, attempts=attempts, rows=rows)]
        )
        assert (await _view(store, events[0])).status is DeliveryStatus.DELIVERED
        clock.advance(15 * DAY_S)
        await _trim_all(store)
        marks = await store.replays.row_marks(WEBHOOK, lease.partition, 0, 1 << 40, 10)
        assert [it.position for it in marks] == [events[1].position, events[2].position]

    async def test_replays_go_some_time_after_they_were_over(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        leases = (await store.leases.acquire(CONSUMER, "suite", 10)).taken
        for number in range(3):
            await make_webhook(store, f"wh_{number}")
            assert await store.replays.create_replay(_replay_of(number), most=9) is not None
        over = ReplayProgress(ReplayId("rpl_0"), WebhookId("wh_0"), 0, ReplayCounts(), done=True)
        await store.dispatch.apply(
            [PartitionChanges(it, it.cursor, replays=(over,)) for it in leases]
        )
        clock.advance(20 * DAY_S)
        await store.webhooks.delete_webhook(DEFAULT_ACCOUNT, WebhookId("wh_1"))
        clock.advance(20 * DAY_S)
        await _trim_all(store)
        assert await _replays(store) == ["rpl_2", "rpl_1"]
        clock.advance(20 * DAY_S)
        await _trim_all(store)
        assert await _replays(store) == ["rpl_2"]
        opened = await store.replays.open_replays(range(store.log.partitions))
        assert {it.job.id for it in opened} == {"rpl_2"}

    async def test_given_up_and_canceled_deliveries_go_and_those_still_tried_stay(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        await make_webhook(store)
        events = await _one_a_day(store, clock, 4)
        clock.advance(40 * DAY_S)
        [young] = await placed(store, plain("k"))
        lease = await lease_for(store, "k")
        rows = (
            pending_for(events[0], PendingState.FAILED, laned=False),
            pending_for(events[1], PendingState.CANCELED, laned=False),
            pending_for(events[2], PendingState.RETRY, due_ms=1),
            pending_for(events[3], PendingState.WAITING),
            pending_for(young, PendingState.FAILED, laned=False),
        )
        await store.dispatch.apply([PartitionChanges(lease, young.position, rows=rows)])
        await _trim_all(store)
        left = await _listed(store, DeliveryFilter())
        assert [view.position for view in left] == [
            event.position for event in (young, events[3], events[2])
        ]
        await _release(store)
        assert await store.feed.event(DEFAULT_ACCOUNT, events[0].id) is None
        assert await store.feed.event(DEFAULT_ACCOUNT, events[2].id) == events[2]


def _replay_of(number: int) -> ReplayJob:
    """A replay of ``wh_<number>``."""
    return ReplayJob(
        id=ReplayId(f"rpl_{number}"),
        account=DEFAULT_ACCOUNT,
        webhook=WebhookId(f"wh_{number}"),
        scope=ReplayScope.ALL,
        since_ms=None,
        until_ms=None,
        types=None,
        rate_per_s=1,
    )


async def _replays(store: ConformingStore) -> list[str]:
    views = await store.replays.list_replays(DEFAULT_ACCOUNT, None, None, 10)
    return [view.job.id for view in views]


async def trim_events(store: ConformingStore) -> Trimmed:
    """Take away all events older than thirty days that may go; what the last step came to."""
    return await _until_done(store.retention, "trim_events")


async def _until_done(retention: RetentionStore, name: str) -> Trimmed:
    trims = {
        "trim_events": retention.trim_events,
        "trim_attempts": retention.trim_attempts,
        "trim_given_up": retention.trim_given_up,
        "trim_replays": retention.trim_replays,
    }
    while (trimmed := await trims[name](_AGE_MS)).more:
        pass
    return trimmed


async def _trim_all(store: ConformingStore) -> None:
    await _release(store)
    for name in ("trim_events", "trim_attempts", "trim_given_up", "trim_replays"):
        await _until_done(store.retention, name)


async def _release(store: ConformingStore) -> None:
    while (await store.retention.release_events()).more:
        pass


async def _trimmed(store: ConformingStore, left: list[LogEvent]) -> Blocked:
    """Trim; these are left, because somebody needs them."""
    blocked = (await trim_events(store)).blocked
    assert await whole_log(store) == left
    assert blocked is not None
    return blocked


async def _one_a_day(store: ConformingStore, clock: FakeClock, days: int) -> list[LogEvent]:
    """An event of one key on each of so many days; it is the day after the last then."""
    events = []
    for number in range(days):
        events += await placed(store, plain("k", number))
        clock.advance(DAY_S)
    return events


async def _attempted(
    store: ConformingStore, clock: FakeClock, state: PendingState, due_ms: int | None = None
) -> tuple[Lease, list[LogEvent]]:
    """Three old events that were read to the end; the one in the middle was tried in vain and has a
    row in this state."""
    await make_webhook(store)
    events = await _one_a_day(store, clock, 3)
    lease = await lease_for(store, "k")
    row: PendingRow = pending_for(events[1], state, due_ms=due_ms, laned=due_ms is not None)
    attempts = (attempt_on(events[0], accepted=True), attempt_on(events[1]))
    await store.dispatch.apply(
        [PartitionChanges(lease, events[2].position, attempts=attempts, rows=(row,))]
    )
    clock.advance(40 * DAY_S)
    return lease, events


async def _attempts(store: ConformingStore, event: LogEvent) -> list[int]:
    found = await store.deliveries.attempts(
        DEFAULT_ACCOUNT, WEBHOOK, event.partition, event.position
    )
    return [attempt.number for attempt in found]


async def _view(store: ConformingStore, event: LogEvent) -> DeliveryView:
    view = await listing_of(store).one(DEFAULT_ACCOUNT, (WEBHOOK, event.partition, event.position))
    assert view is not None
    return view


async def _listed(store: ConformingStore, wanted: DeliveryFilter) -> list[DeliveryView]:
    return await listed(store, wanted)
