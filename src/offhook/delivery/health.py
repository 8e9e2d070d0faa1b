"""An endpoint's health over all processes. Pure.

What one process saw in a while and what is stored have the same shape and are merged by one rule,
in any order. Times are Unix milliseconds.
"""

from enum import StrEnum

import msgspec


class HealthStatus(StrEnum):
    """What a user sees of an endpoint's health."""

    HEALTHY = "healthy"
    FAILING = "failing"


class EndpointHealth(msgspec.Struct, frozen=True):
    """Attempts that failed since the last one that was accepted: how many, the first and the last
    of them; and that last accepted one."""

    failures: int = 0
    failing_since_ms: int | None = None
    last_failure_ms: int | None = None
    last_success_ms: int | None = None

    @property
    def status(self) -> HealthStatus:
        """Failing from the first failure to the next acceptance."""
        return HealthStatus.FAILING if self.failures else HealthStatus.HEALTHY


UNTRIED = EndpointHealth()


def success(at_ms: int) -> EndpointHealth:
    """What an attempt says that was accepted."""
    return EndpointHealth(last_success_ms=at_ms)


def failure(at_ms: int) -> EndpointHealth:
    """What an attempt says that failed."""
    return EndpointHealth(1, at_ms, at_ms)


def merge(one: EndpointHealth, other: EndpointHealth) -> EndpointHealth:
    """Both together: failures add, and those before the last success of either do not count.

    Where that success falls among the failures of one, so that nobody knows how many followed it,
    they count as one: the last.
    """
    successes = [it.last_success_ms for it in (one, other) if it.last_success_ms is not None]
    last_success_ms = max(successes, default=None)
    left = [_after(it, last_success_ms) for it in (one, other)]
    return EndpointHealth(
        failures=sum(it.failures for it in left),
        failing_since_ms=min(
            (it.failing_since_ms for it in left if it.failing_since_ms is not None), default=None
        ),
        last_failure_ms=max(
            (it.last_failure_ms for it in left if it.last_failure_ms is not None), default=None
        ),
        last_success_ms=last_success_ms,
    )


def _after(health: EndpointHealth, success_ms: int | None) -> EndpointHealth:
    since_ms, last_ms = health.failing_since_ms, health.last_failure_ms
    if since_ms is None or last_ms is None or success_ms is None or since_ms > success_ms:
        return health
    return failure(last_ms) if last_ms > success_ms else UNTRIED
