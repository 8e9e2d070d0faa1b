"""What Prometheus is told: each attempt once, by how it went, and what waits in the store."""

from pieces import delivery, endpoint, sent
from prometheus_client import CollectorRegistry

from offhook.delivery.engine.sending import Sent
from offhook.delivery.entries import Answer, FailureKind
from offhook.delivery.metrics import BacklogMeter, DeliveryMetrics
from offhook.delivery.policy import Delivered, Disable, GiveUp, Retry, Verdict
from offhook.delivery.queueing.queues import EndpointQueue
from offhook.delivery.stats.figures import Backlogs
from offhook.model.event import to_ms
from offhook.model.ids import ReplayId
from offhook.store.sqlite import open_sqlite
from offhook.testing.clock import FakeClock

ATTEMPTS = "offhook_delivery_attempts_total"
FAILURES = "offhook_delivery_failures_total"


def attempt(answer: Answer) -> Sent:
    return sent(EndpointQueue(endpoint()), delivery(1), answer)


def recorded(*attempts: tuple[Answer, Verdict | None]) -> CollectorRegistry:
    registry = CollectorRegistry()
    metrics = DeliveryMetrics(registry)
    for answer, verdict in attempts:
        metrics.record(attempt(answer), verdict)
    return registry


def test_attempts_are_counted_by_outcome_and_status_class() -> None:
    blocked = Answer(None, FailureKind.BLOCKED)
    registry = recorded(
        (Answer(200), Delivered()),
        (Answer(204), Delivered()),
        (Answer(307), Retry(1, "")),
        (Answer(404), Retry(1, "")),
        (Answer(500), Retry(1, "")),
        (blocked, Retry(1, "")),
    )
    counted = {
        (outcome, status): registry.get_sample_value(
            ATTEMPTS, {"outcome": outcome, "status": status}
        )
        for outcome, status in [
            ("accepted", "2xx"),
            ("refused", "3xx"),
            ("refused", "4xx"),
            ("refused", "5xx"),
            ("unanswered", "none"),
        ]
    }
    assert list(counted.values()) == [2, 1, 1, 1, 1]
    assert registry.get_sample_value(FAILURES, {"kind": "blocked"}) == 1
    assert registry.get_sample_value(FAILURES, {"kind": "timeout"}) == 0
    assert registry.get_sample_value("offhook_delivery_lag_seconds_count") == 2
    assert registry.get_sample_value("offhook_delivery_attempt_seconds_count") == 6


def test_what_an_attempt_came_to_is_counted() -> None:
    registry = recorded(
        (Answer(500), GiveUp("it")),
        (Answer(410), Disable("it")),
        (Answer(500), None),
    )
    assert registry.get_sample_value("offhook_delivery_exhausted_total") == 1
    assert registry.get_sample_value("offhook_delivery_gone_total") == 1
    assert registry.get_sample_value("offhook_delivery_lag_seconds_count") == 0


def test_attempts_of_replays_and_late_ones_are_counted() -> None:
    registry = CollectorRegistry()
    made = attempt(Answer(200))
    made.delivery.replay, made.delivery.late = ReplayId("rep_1"), "a"
    DeliveryMetrics(registry).record(made, Delivered())
    assert registry.get_sample_value("offhook_delivery_replayed_total") == 1
    assert registry.get_sample_value("offhook_delivery_late_total") == 1


async def test_what_waits_is_read_from_the_store() -> None:
    clock, registry = FakeClock(), CollectorRegistry()
    store = open_sqlite(None, clock=clock)
    now_ms = to_ms(clock.now())
    meter = BacklogMeter(registry=registry, store=store.stats, now_ms=lambda: now_ms)
    assert await meter.run_once() > 0
    await store.close()
    assert registry.get_sample_value("offhook_delivery_pending") == 0
    assert registry.get_sample_value("offhook_delivery_oldest_pending_seconds") == 0
    meter.show(Backlogs(7, 3, 2, now_ms - 90_000, 4, 1))
    for name, value in {
        "offhook_delivery_pending": 7,
        "offhook_delivery_overdue": 3,
        "offhook_delivery_held_ranges": 2,
        "offhook_delivery_oldest_pending_seconds": 90,
        "offhook_endpoints_failing": 4,
        "offhook_endpoints_disabled": 1,
    }.items():
        assert registry.get_sample_value(name) == value, name
