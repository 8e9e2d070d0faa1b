"""What shares of bounds and the health of endpoints guarantee on any store.

Subclass with the fixtures ``store`` and ``clock``.
"""

import asyncio

from offhook.delivery.announcing import HealthNote
from offhook.delivery.bounds.sharing import BoundAsk, BoundKind
from offhook.delivery.health import UNTRIED, EndpointHealth, failure, success
from offhook.model.event import to_ms
from offhook.model.ids import DEFAULT_ACCOUNT, WebhookId
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import (
    OTHER_ACCOUNT,
    URL,
    WEBHOOK,
    change,
    make_webhook,
)
from offhook.testing.conformance.stores import ConformingStore

TTL_S = 6.0
OTHER = WebhookId("wh_b")


def ask_for(
    wanted: int,
    used: int = 0,
    *,
    bound: int = 16,
    webhook: WebhookId = WEBHOOK,
    window_s: float = 0.0,
) -> BoundAsk:
    """An ask about requests in flight or, with a window, about a rate."""
    kind = BoundKind.RATE if window_s else BoundKind.IN_FLIGHT
    return BoundAsk(webhook, kind, bound, wanted, used, window_s)


async def share(store: ConformingStore, owner: str, *asks: BoundAsk) -> list[int]:
    """How much the owner may use of each."""
    granted = await store.bounds.share(owner, asks, TTL_S)
    assert [(it.webhook, it.kind) for it in granted] == [(it.webhook, it.kind) for it in asks]
    return [it.allowed for it in granted]


class BoundConformance:
    """What is granted of a bound is never more than it, and free again when its time is over."""

    async def test_bounds_are_shared_each_for_itself(self, store: ConformingStore) -> None:
        first = [ask_for(16), ask_for(4, bound=4, webhook=OTHER), ask_for(9, bound=9, window_s=1)]
        assert await share(store, "a", *first) == [16, 4, 9]
        assert await share(store, "b", ask_for(16), ask_for(1, bound=4, webhook=OTHER)) == [0, 0]
        assert await share(store, "a", *first) == [8, 3, 9]
        assert await share(store, "b", ask_for(16), ask_for(1, bound=4, webhook=OTHER)) == [8, 1]

    async def test_what_is_in_use_is_not_granted_to_others(self, store: ConformingStore) -> None:
        await share(store, "a", ask_for(16))
        await share(store, "b", ask_for(16))
        assert await share(store, "a", ask_for(16, used=12)) == [8]
        assert await share(store, "b", ask_for(16)) == [4]

    async def test_who_wants_nothing_more_leaves_all_to_the_others(
        self, store: ConformingStore
    ) -> None:
        await share(store, "a", ask_for(16), ask_for(5, bound=5, window_s=2))
        await share(store, "a", ask_for(0), ask_for(0, used=2, bound=5, window_s=2))
        assert await share(store, "b", ask_for(16), ask_for(5, bound=5, window_s=2)) == [16, 3]

    async def test_a_share_runs_out_and_what_a_rate_counts_a_window_later(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        await share(store, "a", ask_for(16), ask_for(5, bound=5, window_s=2))
        clock.advance(TTL_S + 0.1)
        assert await share(store, "b", ask_for(16), ask_for(5, bound=5, window_s=2)) == [16, 0]
        clock.advance(2)
        assert await share(store, "b", ask_for(16), ask_for(5, bound=5, window_s=2)) == [16, 5]

    async def test_asks_at_the_same_time_never_get_more_than_there_is(
        self, store: ConformingStore
    ) -> None:
        for round_ in range(5):
            webhook = WebhookId(f"wh_{round_}")
            shares = await asyncio.gather(
                *(share(store, owner, ask_for(16, webhook=webhook)) for owner in "abcdef")
            )
            assert sum(allowed for (allowed,) in shares) == 16

    async def test_with_more_processes_than_places_the_places_go_round(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        turns = dict.fromkeys("abc", 0)
        for _ in range(20):
            for owner in turns:
                [grant] = await store.bounds.share(owner, [ask_for(1, bound=1)], TTL_S)
                turns[owner] += grant.allowed
            clock.advance(0.26)
        assert grant.crowded
        assert min(turns.values()) > 3

    async def test_alone_is_who_shares_with_nobody_any_more(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        assert await store.bounds.alone("a")
        await share(store, "a", ask_for(16))
        assert await store.bounds.alone("a")
        assert await share(store, "b", ask_for(16)) == [16]
        assert not await store.bounds.alone("a")
        clock.advance(TTL_S + 0.1)
        assert await store.bounds.alone("a")

    async def test_a_deleted_webhook_leaves_no_share(self, store: ConformingStore) -> None:
        await make_webhook(store)
        await share(store, "a", ask_for(16))
        assert not await store.bounds.alone("b")
        assert await store.webhooks.delete_webhook(DEFAULT_ACCOUNT, WEBHOOK)
        assert await store.bounds.alone("b")


class HealthConformance:
    """What processes see of an endpoint is put together."""

    async def test_failures_add_up_until_a_success(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        at_ms = to_ms(clock.now())
        await make_webhook(store)
        assert await health(store) == UNTRIED
        await store.health.note_health([note(failure(at_ms))])
        await store.health.note_health(
            [note(EndpointHealth(4, at_ms + 5, at_ms + 9)), note(failure(at_ms), OTHER)]
        )
        assert await health(store) == EndpointHealth(5, at_ms, at_ms + 9)
        await store.health.note_health([note(success(at_ms + 20))])
        assert await health(store) == success(at_ms + 20)
        await store.health.note_health([note(failure(at_ms + 15))])
        assert await health(store) == success(at_ms + 20)

    async def test_notes_at_the_same_time_are_all_counted(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        at_ms = to_ms(clock.now())
        await make_webhook(store)
        await asyncio.gather(
            *(store.health.note_health([note(failure(at_ms + n))]) for n in range(20))
        )
        assert await health(store) == EndpointHealth(20, at_ms, at_ms + 19)

    async def test_health_is_shown_in_lists_too_and_goes_with_its_webhook(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        failing = failure(to_ms(clock.now()))
        await make_webhook(store)
        await make_webhook(store, OTHER)
        await store.health.note_health([note(failing)])
        listed = await store.webhooks.list_webhooks(DEFAULT_ACCOUNT, None, 10)
        assert {it.id: it.health for it in listed} == {WEBHOOK: failing, OTHER: UNTRIED}
        assert await store.webhooks.list_webhooks(OTHER_ACCOUNT, None, 10) == []
        await store.webhooks.delete_webhook(DEFAULT_ACCOUNT, WEBHOOK)
        await make_webhook(store)
        assert await health(store) == UNTRIED

    async def test_what_is_noted_late_of_an_endpoint_that_was_disabled_or_deleted_is_left_out(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        failing = failure(to_ms(clock.now()))
        await make_webhook(store)
        await store.health.note_health([note(failing)])
        await change(store, enabled=False)
        assert await store.health.note_health([note(failing)]) == {}
        await change(store, enabled=True)
        assert await health(store) == UNTRIED
        assert await store.health.note_health([note(failing)]) == {WEBHOOK: failing}
        await store.webhooks.delete_webhook(DEFAULT_ACCOUNT, WEBHOOK)
        assert await store.health.note_health([note(failing), note(failing, OTHER)]) == {}
        await make_webhook(store)
        assert await health(store) == UNTRIED

    async def test_at_another_url_an_endpoint_begins_anew_and_what_was_told_of_it_stays_told(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        at_ms = to_ms(clock.now())
        await make_webhook(store)
        await store.health.note_health([note(EndpointHealth(9, at_ms, at_ms + 9))])
        await change(store, timeout_s=20)
        assert (await health(store)).failures == 9
        new = "https://new.example/hook"
        await change(store, url=new)
        assert await health(store) == UNTRIED
        assert await store.health.note_health([note(failure(at_ms + 10))]) == {}
        await store.health.note_health([note(failure(at_ms + 20), url=new)])
        assert await health(store) == failure(at_ms + 20)
        await store.health.note_health([note(success(at_ms + 30), url=new)])
        assert await told(store) == ["webhook.failing", "webhook.recovered"]


async def told(store: ConformingStore) -> list[str]:
    """The types of what was announced."""
    found = await store.announcements.announcements(range(store.log.partitions), 100)
    return [announcement.type for _, announcement in found]


def note(seen: EndpointHealth, webhook: WebhookId = WEBHOOK, url: str = URL) -> HealthNote:
    """What a process saw of an endpoint."""
    return HealthNote(webhook, DEFAULT_ACCOUNT, url, 1, seen)


async def health(store: ConformingStore) -> EndpointHealth:
    """Of the suite's webhook, as it is shown."""
    stored = await store.webhooks.webhook(DEFAULT_ACCOUNT, WEBHOOK)
    assert stored is not None
    return stored.health
