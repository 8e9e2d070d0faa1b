"""Lists of what endpoints have not come to, or were not sent; needs ``store`` and ``clock``."""

from offhook.delivery.entries import (
    DeliveryFilter,
    DeliveryStatus,
    HeldRange,
    PartitionChanges,
    PendingState,
)
from offhook.delivery.lists.listing import MOST_LOOKED_AT
from offhook.delivery.lists.traces import PASSED
from offhook.log.entries import Lease
from offhook.model.event import LogEvent
from offhook.model.ids import DEFAULT_ACCOUNT, WebhookId, partition_of
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.lists import listed, listing_of
from offhook.testing.conformance.material import (
    OTHER_ACCOUNT,
    WEBHOOK,
    attempt_on,
    change,
    lease_for,
    make_webhook,
    pending_for,
    placed,
    plain,
)
from offhook.testing.conformance.stores import ConformingStore

PENDING, CANCELED, DELIVERED = (
    DeliveryStatus.PENDING,
    DeliveryStatus.CANCELED,
    DeliveryStatus.DELIVERED,
)
OTHER = WebhookId("wh_b")
DAY_MS = 86_400_000


class AheadConformance:
    """Whoever asks what is undelivered is told of all of it, whether or not it was tried."""

    async def test_what_nobody_came_to_yet_is_listed_as_pending_with_the_reason(
        self, store: ConformingStore
    ) -> None:
        await make_webhook(store)
        await make_webhook(store, OTHER, events=["call.*"])
        events = await placed(store, *(plain(f"k{n}") for n in range(300)))
        await placed(store, plain("k", account=OTHER_ACCOUNT))
        for wanted in (
            DeliveryFilter(status=PENDING),
            DeliveryFilter(undelivered=True, webhook=WEBHOOK),
            DeliveryFilter(),
            DeliveryFilter(type="custom.*"),
        ):
            views = await listed(store, wanted, limit=70)
            assert len(views) == 300
            assert {(view.event_id, view.webhook) for view in views} == {
                (event.id, WEBHOOK) for event in events
            }
            assert {(view.status, view.reason) for view in views} == {
                (PENDING, "the endpoint has not come to it yet")
            }
        [view] = await listed(store, DeliveryFilter(event=events[7].id))
        assert (view.webhook, view.status) == (WEBHOOK, PENDING)
        assert await listed(store, DeliveryFilter(key="k7")) == [view]
        assert await listed(store, DeliveryFilter(status=DELIVERED)) == []
        assert await listed(store, DeliveryFilter(webhook=OTHER)) == []

    async def test_an_endpoint_that_fell_behind_shows_its_rows_and_what_it_is_held_at(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        await make_webhook(store)
        await make_webhook(store, OTHER)
        events = []
        for _ in range(60):
            events += await placed(store, plain("k"))
            clock.advance(1)
        lease = await lease_for(store, "k")
        row = pending_for(events[10], PendingState.RETRY, due_ms=5)
        accepted = [*events[:10], *events[20:25]]
        changes = PartitionChanges(
            lease,
            events[-2].position,
            attempts=(
                *(attempt_on(event, accepted=True) for event in accepted),
                *(attempt_on(event, OTHER, accepted=True) for event in events[:-1]),
                attempt_on(events[10]),
            ),
            rows=(row,),
            held=(HeldRange(WEBHOOK, lease.partition, events[11].position),),
        )
        await store.dispatch.apply([changes])
        waiting = [*events[10:20], *events[25:]]
        for limit in (1, 9, 100):
            views = await listed(store, DeliveryFilter(undelivered=True), limit=limit)
            assert [(view.event_id, view.webhook) for view in views] == [
                *[(events[-1].id, OTHER), (events[-1].id, WEBHOOK)],
                *((event.id, WEBHOOK) for event in waiting[-2::-1]),
            ]
        whole = await listed(store, DeliveryFilter(webhook=WEBHOOK), limit=13)
        assert [view.event_id for view in whole] == [event.id for event in events[::-1]]

    async def test_a_page_looks_at_so_much_and_goes_on_with_the_next(
        self, store: ConformingStore
    ) -> None:
        await make_webhook(store)
        count = MOST_LOOKED_AT // 2
        await placed(store, plain("k", type_="custom.rare"))
        await placed(store, *(plain("k", n) for n in range(count)))
        listing, wanted = listing_of(store), DeliveryFilter(type="custom.rare")
        first = await listing.page(DEFAULT_ACCOUNT, wanted, None, 10)
        assert not first.views
        assert first.rest
        [found] = await listed(store, wanted)
        assert (found.event_type, found.status) == ("custom.rare", PENDING)

    async def test_what_an_endpoint_is_past_without_a_trace_was_canceled(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        await make_webhook(store)
        await make_webhook(store, OTHER, events=["call.*"])
        [event] = await placed(store, plain("k"))
        lease = await lease_for(store, "k")
        await store.dispatch.apply([PartitionChanges(lease, event.position)])
        listing = listing_of(store, clock, attempts_kept_ms=DAY_MS)
        place = (WEBHOOK, event.partition, event.position)
        view = await listing.one(DEFAULT_ACCOUNT, place)
        assert view is not None
        assert (view.status, view.reason, view.attempts) == (CANCELED, PASSED, 0)
        assert (await listing.page(DEFAULT_ACCOUNT, DeliveryFilter(event=event.id), None, 9)) == (
            [view],
            {},
        )
        unasked = await listing.one(DEFAULT_ACCOUNT, (OTHER, event.partition, event.position))
        assert unasked is not None
        assert unasked.status is DeliveryStatus.UNKNOWN
        clock.advance(2 * DAY_MS / 1000)
        old = await listing.one(DEFAULT_ACCOUNT, place)
        assert old is not None
        assert old.status is DeliveryStatus.UNKNOWN

    async def test_what_a_disabled_endpoint_was_held_at_is_listed_as_canceled(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        await make_webhook(store)
        events = []
        for _ in range(6):
            events += await placed(store, plain("k"))
            clock.advance(1)
        lease = await lease_for(store, "k")
        held = HeldRange(WEBHOOK, lease.partition, events[2].position)
        changes = PartitionChanges(
            lease,
            events[-1].position,
            attempts=tuple(attempt_on(event, accepted=True) for event in events[:2]),
            held=(held,),
        )
        await store.dispatch.apply([changes])
        await change(store, enabled=False)
        assert await listed(store, DeliveryFilter(status=PENDING)) == []
        for wanted in (
            DeliveryFilter(status=CANCELED),
            DeliveryFilter(undelivered=True, webhook=WEBHOOK),
        ):
            views = await listed(store, wanted, limit=3)
            assert [view.event_id for view in views] == [event.id for event in events[:1:-1]]
            assert {(view.status, view.reason) for view in views} == {(CANCELED, PASSED)}
        whole = await listed(store, DeliveryFilter())
        assert [view.status for view in whole] == [CANCELED] * 4 + [DELIVERED] * 2

    async def test_what_was_canceled_without_a_row_has_one_once_a_retry_is_asked_for(
        self, store: ConformingStore
    ) -> None:
        await make_webhook(store)
        [event] = await placed(store, plain("k"))
        lease = await lease_for(store, "k")
        await store.dispatch.apply([PartitionChanges(lease, event.position)])
        listing = listing_of(store)
        view = await listing.one(DEFAULT_ACCOUNT, (WEBHOOK, event.partition, event.position))
        assert view is not None
        row = listing.canceled_row(DEFAULT_ACCOUNT, view)
        for _ in range(2):
            await store.deliveries.request_retry(WEBHOOK, event.partition, event.position, row)
        asked = await store.dispatch.requests([event.partition], 10)
        assert [request.row for request in asked] == [row, row]

    async def test_deliveries_of_a_key_are_listed_also_of_events_that_are_only_kept(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        await make_webhook(store)
        events = []
        for _ in range(3):
            events += await placed(store, plain("k"))
            clock.advance(DAY_MS / 1000)
        lease = await _settled(store, events)
        assert lease.partition == partition_of(DEFAULT_ACCOUNT, "k", store.log.partitions)
        clock.advance(40 * DAY_MS / 1000)
        while (await store.retention.trim_events(DAY_MS)).more:
            pass
        views = await listed(store, DeliveryFilter(key="k", status=DeliveryStatus.FAILED))
        assert [view.event_id for view in views] == [events[1].id]
        assert await listed(store, DeliveryFilter(event=events[1].id)) == views


async def _settled(store: ConformingStore, events: list[LogEvent]) -> Lease:
    """The first and last were accepted, the one between was given up."""
    lease = await lease_for(store, "k")
    attempts = tuple(attempt_on(event, accepted=True) for event in (events[0], events[2]))
    row = pending_for(events[1], PendingState.FAILED, laned=False)
    await store.dispatch.apply(
        [PartitionChanges(lease, events[2].position, attempts=attempts, rows=(row,))]
    )
    return lease
