"""What a store says of deliveries, and what retention leaves; needs ``store`` and ``clock``."""

from msgspec.structs import replace

from offhook.delivery.entries import (
    LAST_ATTEMPT,
    AttemptRecord,
    DeliveryFilter,
    DeliveryStatus,
    DeliveryView,
    HeldRange,
    PartitionChanges,
    PendingState,
)
from offhook.model.event import LogEvent
from offhook.model.ids import DEFAULT_ACCOUNT, AccountId, WebhookId
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.lists import listed, listing_of
from offhook.testing.conformance.material import (
    CONSUMER,
    OTHER_ACCOUNT,
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

DELIVERED, PENDING, UNKNOWN = (
    DeliveryStatus.DELIVERED,
    DeliveryStatus.PENDING,
    DeliveryStatus.UNKNOWN,
)
FAILED, CANCELED = DeliveryStatus.FAILED, DeliveryStatus.CANCELED
EVENTS = 7


class DeliveryViewConformance:
    """A delivery's status follows from its traces, and its account alone sees it."""

    async def test_each_status_follows_from_the_traces(self, store: ConformingStore) -> None:
        events = await _delivered(store)
        statuses = [(await _view(store, event)).status for event in events]
        assert statuses == [DELIVERED, UNKNOWN, FAILED, CANCELED, PENDING, PENDING, PENDING]

    async def test_a_view_tells_its_attempts_and_when_the_next_one_is(
        self, store: ConformingStore
    ) -> None:
        events = await _delivered(store)
        retried = await _view(store, events[4])
        assert (retried.attempts, retried.next_attempt_ms, retried.reason) == (2, 5, "HTTP 503")
        assert (retried.event_id, retried.event_type, retried.key) == (
            events[4].id,
            events[4].type,
            "k",
        )
        attempts = await store.deliveries.attempts(
            DEFAULT_ACCOUNT, WEBHOOK, events[4].partition, events[4].position
        )
        assert [attempt.number for attempt in attempts] == [2, 1]
        assert retried.last_attempt == attempts[0]
        assert attempts[0] == attempt_on(events[4], number=2, response=b"\x00\xffno")

    async def test_attempts_are_paged_without_a_gap(self, store: ConformingStore) -> None:
        await make_webhook(store)
        [event] = await placed(store, plain("k"))
        lease = await lease_for(store, "k")
        made = [
            replace(attempt_on(event, number=number), started_ms=event.created_ms + number // 2)
            for number in range(1, 8)
        ]
        await store.dispatch.apply([PartitionChanges(lease, 0, attempts=tuple(made))])
        place = (DEFAULT_ACCOUNT, WEBHOOK, event.partition, event.position)
        for limit in (1, 3, 7, 10):
            found, before = list[AttemptRecord](), LAST_ATTEMPT
            while page := await store.deliveries.attempts(*place, before, limit):
                assert len(page) <= limit
                found += page
                before = (page[-1].started_ms, page[-1].number)
            assert found == made[::-1]

    async def test_a_range_makes_what_it_still_has_to_bring_pending(
        self, store: ConformingStore
    ) -> None:
        events = await _delivered(store)
        lease = await lease_for(store, "k", consumer="other")
        held = HeldRange(WEBHOOK, lease.partition, events[0].position)
        await store.dispatch.apply([PartitionChanges(lease, 0, held=(held,))])
        assert (await _view(store, events[1])).status is PENDING
        assert (await _view(store, events[0])).status is DELIVERED

    async def test_what_was_there_before_the_endpoint_is_not_pending(
        self, store: ConformingStore
    ) -> None:
        [event] = await placed(store, plain("k"))
        await make_webhook(store)
        assert (await _view(store, event)).status is UNKNOWN

    async def test_lists_are_newest_first_and_tell_apart_the_endpoints_of_one_event(
        self, store: ConformingStore
    ) -> None:
        names = [WebhookId(f"wh_{name}") for name in "abc"]
        for name in names:
            await make_webhook(store, name)
        events = await placed(store, plain("k"), plain("k"))
        lease = await lease_for(store, "k")
        attempts = [attempt_on(event, name) for event in events for name in names]
        await store.dispatch.apply([PartitionChanges(lease, 2, attempts=tuple(attempts))])
        views = await listed(store, DeliveryFilter(), limit=2)
        assert [(view.position, view.webhook) for view in views] == [
            (event.position, name) for event in events[::-1] for name in names[::-1]
        ]

    async def test_lists_put_the_partitions_together_by_when_events_were_made(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        """Positions of different partitions say nothing about time: one of them is far ahead."""
        names = [WebhookId(f"wh_{name}") for name in "ab"]
        for name in names:
            await make_webhook(store, name)
        await placed(store, *(plain("busy") for _ in range(30)))
        events = []
        for number in range(40):
            clock.advance(1)
            events += await placed(store, plain(f"k{number % 12}"))
        share = await store.leases.acquire(CONSUMER, "suite", TTL_S)
        for lease in share.taken:
            own = [event for event in events if event.partition == lease.partition]
            settled, left = own[: len(own) // 2], own[len(own) // 2 :]
            attempts = tuple(attempt_on(event, name) for event in settled for name in names)
            rows = tuple(
                pending_for(event, PendingState.FAILED, webhook=names[0]) for event in left
            )
            cursor = settled[-1].position if settled else 0
            await store.dispatch.apply([PartitionChanges(lease, cursor, attempts, rows=rows)])
        expected = [(event.id, name) for event in events[::-1] for name in names[::-1]]
        recent = DeliveryFilter(since_ms=events[0].created_ms)
        for limit in (1, 7, 100):
            views = await listed(store, recent, limit=limit)
            assert [(view.event_id, view.webhook) for view in views] == expected

    async def test_each_filter_keeps_what_it_names(self, store: ConformingStore) -> None:
        events = await _delivered(store)
        positions = [event.position for event in events]
        for wanted, expected in (
            (DeliveryFilter(), positions),
            (DeliveryFilter(webhook=WEBHOOK), positions),
            (DeliveryFilter(webhook=WebhookId("wh_none")), []),
            (DeliveryFilter(event=events[2].id), positions[2:3]),
            (DeliveryFilter(key="k"), positions),
            (DeliveryFilter(key="other"), []),
            (DeliveryFilter(event=events[2].id, key="other"), []),
            (DeliveryFilter(type="custom.noted"), positions),
            (DeliveryFilter(type="custom.*"), positions),
            (DeliveryFilter(type="custom.*", status=FAILED), positions[2:3]),
            (DeliveryFilter(type="custom.*", key="k"), positions),
            (DeliveryFilter(type="*"), positions),
            (DeliveryFilter(type="call.*"), []),
            (DeliveryFilter(type="call.*", key="k"), []),
            (DeliveryFilter(type="custom.other"), []),
            (DeliveryFilter(status=DELIVERED), positions[:1]),
            (DeliveryFilter(status=UNKNOWN), positions[1:2]),
            (DeliveryFilter(status=FAILED), positions[2:3]),
            (DeliveryFilter(status=CANCELED, webhook=WEBHOOK), positions[3:4]),
            (DeliveryFilter(status=PENDING, key="k"), positions[4:]),
            (DeliveryFilter(status=PENDING), positions[4:]),
            (DeliveryFilter(undelivered=True), positions[2:]),
            (DeliveryFilter(undelivered=True, webhook=WEBHOOK), positions[2:]),
        ):
            for limit in (1, 100):
                views = await listed(store, wanted, limit=limit)
                assert [view.position for view in views[::-1]] == expected, wanted

    async def test_accounts_never_see_one_anothers_deliveries(self, store: ConformingStore) -> None:
        events = await _delivered(store)
        [foreign] = await placed(store, plain("k", account=OTHER_ACCOUNT))
        for wanted in (
            DeliveryFilter(),
            DeliveryFilter(webhook=WEBHOOK),
            DeliveryFilter(event=events[0].id),
            DeliveryFilter(key="k"),
        ):
            found = await listed(store, wanted, account=OTHER_ACCOUNT)
            assert found == []
        for account, event in ((OTHER_ACCOUNT, events[0]), (DEFAULT_ACCOUNT, foreign)):
            assert await _delivery(store, account, event) is None
        attempts = await store.deliveries.attempts(
            OTHER_ACCOUNT, WEBHOOK, events[0].partition, events[0].position
        )
        assert attempts == []

    async def test_there_is_no_delivery_of_an_unknown_event_or_to_an_unknown_endpoint(
        self, store: ConformingStore
    ) -> None:
        [event] = await placed(store, plain("k"))
        assert await _delivery(store, DEFAULT_ACCOUNT, event) is None
        await make_webhook(store)
        assert await _delivery(store, DEFAULT_ACCOUNT, event) is not None
        nowhere = await listing_of(store).one(
            DEFAULT_ACCOUNT, (WEBHOOK, event.partition, event.position + 1)
        )
        assert nowhere is None


async def _delivered(store: ConformingStore) -> list[LogEvent]:
    """Events of one key that were delivered, tried in vain, failed, canceled, are being retried,
    wait, and are not yet come to."""
    await make_webhook(store)
    events = await placed(store, *(plain("k") for _ in range(EVENTS)))
    lease = await lease_for(store, "k")
    attempts = [
        attempt_on(events[0], number=1),
        attempt_on(events[0], number=2, accepted=True),
        attempt_on(events[1]),
        attempt_on(events[2]),
        attempt_on(events[4], number=1),
        attempt_on(events[4], number=2, response=b"\x00\xffno"),
    ]
    rows = [
        pending_for(events[2], PendingState.FAILED, laned=False),
        pending_for(events[3], PendingState.CANCELED, laned=False),
        pending_for(events[4], PendingState.RETRY, due_ms=5, reason="HTTP 503"),
        pending_for(events[5], PendingState.WAITING),
    ]
    changes = PartitionChanges(
        lease, events[5].position, attempts=tuple(attempts), rows=tuple(rows)
    )
    await store.dispatch.apply([changes])
    return events


async def _delivery(
    store: ConformingStore, account: AccountId, event: LogEvent
) -> DeliveryView | None:
    place = (WEBHOOK, event.partition, event.position)
    return await listing_of(store).one(account, place)


async def _view(store: ConformingStore, event: LogEvent) -> DeliveryView:
    view = await _delivery(store, event.account, event)
    assert view is not None
    return view
