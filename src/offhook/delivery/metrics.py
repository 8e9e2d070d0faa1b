"""What Prometheus is told of deliveries. No label names an endpoint: their number has no bound."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from offhook.delivery.engine.sending import Sent
from offhook.delivery.entries import FailureKind
from offhook.delivery.policy import Delivered, Disable, GiveUp, Verdict
from offhook.delivery.stats.figures import Backlogs
from offhook.delivery.stats.ports import StatsStore

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_BACKLOG_EVERY_S = 15.0

MOST_COUNTED = 100_000
"""Rows of all endpoints are counted up to here."""


class DeliveryMetrics:
    """What this process sends, and how that is answered."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._attempts = _AttemptCounters(registry)
        self._seconds = _histogram(
            registry, "offhook_delivery_attempt_seconds", "Time from sending to the answer's end."
        )
        self._lag = _histogram(
            registry,
            "offhook_delivery_lag_seconds",
            "Time from an event's commit to its first acceptance.",
        )
        self._exhausted = _counter(registry, "offhook_delivery_exhausted", "Deliveries given up.")
        self._gone = _counter(registry, "offhook_delivery_gone", "Endpoints that answered 410.")
        self._replayed = _counter(registry, "offhook_delivery_replayed", "Attempts of replays.")
        self._late = _counter(registry, "offhook_delivery_late", "Attempts out of their lane.")
        self.filter_errors = _counter(
            registry,
            "offhook_filter_errors",
            "Events that an endpoint's filter could not be evaluated on.",
        )
        self.lines_dropped = _counter(
            registry,
            "offhook_attempt_lines_dropped",
            "Log lines of attempts that nobody took in time.",
        )
        self.in_flight = _gauge(registry, "offhook_delivery_in_flight", "Requests under way.")
        self.partitions = _gauge(
            registry,
            "offhook_delivery_partitions",
            "Partitions of the log that this process delivers from.",
        )
        self.replay_ranges = _gauge(
            registry,
            "offhook_replay_ranges",
            "Replays in progress, counted in each partition that this process delivers from.",
        )
        self.circuits_open = _gauge(
            registry, "offhook_delivery_circuits_open", "Endpoints left alone as they fail."
        )
        self.left_out = _gauge(
            registry,
            "offhook_delivery_webhooks_left_out",
            "Webhooks that cannot be loaded as they are stored.",
        )

    def record(self, sent: Sent, verdict: Verdict | None) -> None:
        """Note one attempt that came back, and what it came to."""
        answer = sent.answer
        self._attempts.count(answer.status, answer.failure)
        self._seconds.observe(answer.duration_ms / 1000)
        if sent.delivery.replay is not None:
            self._replayed.inc()
        if sent.delivery.late is not None:
            self._late.inc()
        match verdict:
            case Delivered():
                lag_ms = sent.started_ms + answer.duration_ms - sent.delivery.event.created_ms
                self._lag.observe(lag_ms / 1000)
            case GiveUp():
                self._exhausted.inc()
            case Disable():
                self._gone.inc()
            case _:
                pass


class _AttemptCounters:
    """Attempts by outcome and status class, and failures without a status by kind."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._attempts = Counter(
            "offhook_delivery_attempts",
            "Attempts made.",
            ("outcome", "status"),
            registry=registry,
        )
        failures = Counter(
            "offhook_delivery_failures",
            "Attempts that no status came back from.",
            ("kind",),
            registry=registry,
        )
        self._failures = {kind: failures.labels(kind.value) for kind in FailureKind}
        self._of_class: dict[int, Counter] = {}

    def count(self, status: int | None, failure: FailureKind | None) -> None:
        """Count one."""
        first_digit = 0 if status is None else status // 100
        counter = self._of_class.get(first_digit)
        if counter is None:
            counter = self._of_class[first_digit] = self._attempts.labels(*_labels(first_digit))
        counter.inc()
        if failure is not None:
            self._failures[failure].inc()


class BacklogMeter:
    """A service that asks the store every fifteen seconds what waits, over all processes."""

    name = "backlog-meter"

    def __init__(
        self, *, registry: CollectorRegistry, store: StatsStore, now_ms: Callable[[], int]
    ) -> None:
        self._store = store
        self._now_ms = now_ms
        self._pending = _gauge(
            registry, "offhook_delivery_pending", "Deliveries that wait for a retry or behind one."
        )
        self._overdue = _gauge(registry, "offhook_delivery_overdue", "Retries whose time has come.")
        self._held = _gauge(
            registry, "offhook_delivery_held_ranges", "Parts of the log that endpoints wait for."
        )
        self._oldest = _gauge(
            registry,
            "offhook_delivery_oldest_pending_seconds",
            "How long ago the event was made that waits longest.",
        )
        self._failing = _gauge(
            registry, "offhook_endpoints_failing", "Endpoints whose last attempt failed."
        )
        self._disabled = _gauge(
            registry, "offhook_endpoints_disabled", "Endpoints that Offhook disabled."
        )

    async def run_once(self) -> float:
        """Ask once."""
        self.show(await self._store.backlogs(MOST_COUNTED))
        return _BACKLOG_EVERY_S

    def show(self, backlogs: Backlogs) -> None:
        """Tell Prometheus."""
        self._pending.set(backlogs.pending)
        self._overdue.set(backlogs.overdue)
        self._held.set(backlogs.held_ranges)
        oldest_ms = backlogs.oldest_ms
        self._oldest.set(0 if oldest_ms is None else max(0, self._now_ms() - oldest_ms) / 1000)
        self._failing.set(backlogs.failing)
        self._disabled.set(backlogs.disabled)

    def recover(self) -> None:
        """Nothing is kept."""

    async def stop(self) -> None:
        """Nothing is under way."""


def _labels(first_digit: int) -> tuple[str, str]:
    if first_digit == 0:
        return "unanswered", "none"
    return ("accepted" if first_digit == 2 else "refused"), f"{first_digit}xx"


def _counter(registry: CollectorRegistry, name: str, about: str) -> Counter:
    return Counter(name, about, registry=registry)


def _gauge(registry: CollectorRegistry, name: str, about: str) -> Gauge:
    return Gauge(name, about, registry=registry)


def _histogram(registry: CollectorRegistry, name: str, about: str) -> Histogram:
    return Histogram(name, about, buckets=_BUCKETS, registry=registry)
