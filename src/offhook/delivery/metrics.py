"""What Prometheus is told of deliveries."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from offhook.delivery.sending import Sent

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class DeliveryMetrics:
    """``offhook_delivery_attempts_total`` by outcome, ``offhook_delivery_attempt_seconds``,
    ``offhook_delivery_lag_seconds``: from commit to the first acceptance, and
    ``offhook_filter_errors_total``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        attempts = Counter(
            "offhook_delivery_attempts", "Attempts made.", ("outcome",), registry=registry
        )
        self._accepted = attempts.labels("accepted")
        self._refused = attempts.labels("refused")
        self._unanswered = attempts.labels("unanswered")
        self._seconds = Histogram(
            "offhook_delivery_attempt_seconds",
            "Time from sending to the answer's end.",
            buckets=_BUCKETS,
            registry=registry,
        )
        self._lag = Histogram(
            "offhook_delivery_lag_seconds",
            "Time from an event's commit to its first acceptance.",
            buckets=_BUCKETS,
            registry=registry,
        )
        self.filter_errors = Counter(
            "offhook_filter_errors",
            "Events that an endpoint's filter could not be evaluated on.",
            registry=registry,
        )
        self.in_flight = Gauge(
            "offhook_delivery_in_flight", "Requests under way.", registry=registry
        )
        self.partitions = Gauge(
            "offhook_delivery_partitions",
            "Partitions of the log that this process delivers from.",
            registry=registry,
        )

    def record(self, sent: Sent) -> None:
        """Note one attempt that came back."""
        answer = sent.answer
        self._seconds.observe(answer.duration_ms / 1000)
        if answer.status is None:
            self._unanswered.inc()
        elif 200 <= answer.status < 300:
            self._accepted.inc()
            lag_ms = sent.started_ms + answer.duration_ms - sent.delivery.event.created_ms
            self._lag.observe(lag_ms / 1000)
        else:
            self._refused.inc()
