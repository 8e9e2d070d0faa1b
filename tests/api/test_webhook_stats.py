"""``GET /v1/webhooks/{id}/stats``: how an endpoint did, and what waits for it."""

from typing import Any

import pytest

from conftest import BOB, READER, Served
from offhook.delivery.engine.dispatcher import CONSUMER
from offhook.delivery.entries import HeldRange, PartitionChanges, PendingRow, PendingState
from offhook.delivery.lists.waiting import MOST_READ
from offhook.delivery.stats.figures import Cell, bucket_of
from offhook.delivery.stats.routes import MOST_COUNTED
from offhook.model.event import to_ms
from offhook.model.ids import AccountId, EventId, WebhookId
from offhook.testing.conformance.material import appended, attempt_on, plain


async def stats(api: Served, webhook: str, window: str = "1h") -> dict[str, Any]:
    answer = await api.get(f"/v1/webhooks/{webhook}/stats?window={window}", key=READER)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def minute(api: Served, ago: int = 0) -> int:
    return to_ms(api.clock.now()) // 60_000 - ago


async def test_an_endpoint_that_nothing_happened_to(api: Served) -> None:
    webhook = (await api.webhook())["id"]
    told = await stats(api, webhook)
    buckets = told.pop("buckets")
    assert told == {
        "webhook_id": webhook,
        "window": "1h",
        "since": "2026-11-20T09:01:00.000Z",
        "until": "2026-11-20T10:00:00.000Z",
        "bucket_s": 60,
        "attempts": 0,
        "accepted": 0,
        "success_rate": None,
        "p50_ms": None,
        "p95_ms": None,
        "p99_ms": None,
        "attempts_by_status": {"none": 0, "2xx": 0, "3xx": 0, "4xx": 0, "5xx": 0},
        "pending": 0,
        "pending_at_least": False,
        "oldest_pending_at": None,
        "held_ranges": 0,
        "oldest_held_at": None,
        "enabled": True,
        "health": {
            "status": "healthy",
            "consecutive_failures": 0,
            "failing_since": None,
            "last_success_at": None,
        },
    }
    assert len(buckets) == 60
    assert buckets[-1]["start"] == "2026-11-20T10:00:00.000Z"


async def test_rates_latencies_and_statuses_of_the_window_and_of_its_buckets(api: Served) -> None:
    webhook = WebhookId((await api.webhook())["id"])
    await api.store.stats.add_attempts(
        {
            Cell(webhook, minute(api, 1), 2, bucket_of(20)): 95,
            Cell(webhook, minute(api), 5, bucket_of(200)): 4,
            Cell(webhook, minute(api), 0, bucket_of(15_000)): 1,
            Cell(webhook, minute(api, 90), 2, bucket_of(20)): 1_000,
        }
    )
    told = await stats(api, webhook)
    assert (told["attempts"], told["accepted"], told["success_rate"]) == (100, 95, 0.95)
    expected = {"none": 1, "2xx": 95, "3xx": 0, "4xx": 0, "5xx": 4}
    assert told["attempts_by_status"] == expected
    assert told["p50_ms"] == pytest.approx(20, rel=0.1)
    assert told["p99_ms"] == pytest.approx(200, rel=0.1)
    *_, before, last = told["buckets"]
    assert (before["attempts"], before["success_rate"]) == (95, 1.0)
    assert (last["attempts"], last["success_rate"]) == (5, 0.0)
    longer = await stats(api, webhook, "6h")
    assert (longer["attempts"], longer["bucket_s"], len(longer["buckets"])) == (1_100, 600, 37)


async def test_what_waits_is_counted_up_to_a_bound(api: Served) -> None:
    webhook = WebhookId((await api.webhook())["id"])
    (lease,) = (await api.store.leases.acquire(CONSUMER, "a test", 60)).taken
    made_ms = to_ms(api.clock.now())
    rows = tuple(
        PendingRow(
            webhook=webhook,
            partition=0,
            position=position,
            account=AccountId("acc_alice"),
            event_id=EventId(f"evt_{made_ms + position:012x}{position:08x}"),
            event_type="custom.x",
            key="a",
            lane=None,
            state=PendingState.RETRY,
            number=1,
            due_ms=1,
            since_ms=1,
        )
        for position in range(1, MOST_COUNTED + 2)
    )
    await api.store.dispatch.apply([PartitionChanges(lease, 0, rows=rows[:7])])
    few = await stats(api, webhook)
    assert (few["pending"], few["pending_at_least"]) == (7, False)
    await api.store.dispatch.apply([PartitionChanges(lease, 0, rows=rows)])
    many = await stats(api, webhook)
    assert (many["pending"], many["pending_at_least"]) == (MOST_COUNTED, True)


async def test_what_an_endpoint_has_not_come_to_counts_as_pending(api: Served) -> None:
    webhook = WebhookId((await api.webhook(events=["custom.note"]))["id"])
    events = []
    for type_ in ("custom.note", "custom.other", "custom.note", "custom.note"):
        told = await api.event(type=type_, data={})
        event = await api.store.feed.event(AccountId("acc_alice"), told["id"])
        assert event is not None
        events.append(event)
        api.clock.advance(1)
    fresh = await stats(api, webhook)
    assert (fresh["pending"], fresh["pending_at_least"]) == (3, False)
    assert fresh["oldest_pending_at"] == "2026-11-20T10:00:00.000Z"
    (lease,) = (await api.store.leases.acquire(CONSUMER, "a test", 60)).taken
    first, *_, last = events
    held = HeldRange(webhook, 0, first.position + 1)
    tried = (attempt_on(first, webhook, accepted=True), attempt_on(last, webhook, accepted=True))
    changes = PartitionChanges(lease, last.position, tried, held=(held,))
    await api.store.dispatch.apply([changes])
    behind = await stats(api, webhook)
    assert (behind["pending"], behind["pending_at_least"], behind["held_ranges"]) == (1, False, 1)
    assert behind["oldest_pending_at"] == "2026-11-20T10:00:02.000Z"
    assert behind["oldest_held_at"] == "2026-11-20T10:00:01.000Z"


async def test_what_an_endpoint_has_not_come_to_is_read_up_to_a_bound(api: Served) -> None:
    webhook = (await api.webhook())["id"]
    facts = [plain("k", n, account=AccountId("acc_alice")) for n in range(MOST_READ + 1)]
    await appended(api.store, *facts)
    told = await stats(api, webhook)
    assert (told["pending"], told["pending_at_least"]) == (MOST_READ, True)
    assert told["oldest_pending_at"] == "2026-11-20T10:00:00.000Z"


@pytest.mark.parametrize("window", ["5m", "59m", "1h", "24h", "7d", "30d"])
async def test_windows_from_five_minutes_to_thirty_days(api: Served, window: str) -> None:
    told = await stats(api, (await api.webhook())["id"], window)
    assert 5 <= len(told["buckets"]) <= 62


@pytest.mark.parametrize("window", ["4m", "31d", "1w", "-5m", "5", "", "1h1m", "60s", "99999999d"])
async def test_what_is_no_window_is_refused(api: Served, window: str) -> None:
    webhook = (await api.webhook())["id"]
    answer = await api.get(f"/v1/webhooks/{webhook}/stats?window={window}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "query.window"


async def test_nobody_elses(api: Served) -> None:
    webhook = (await api.webhook())["id"]
    answer = await api.get(f"/v1/webhooks/{webhook}/stats", key=BOB)
    assert answer.status_code == 404
