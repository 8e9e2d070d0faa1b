"""An endpoint's health over all processes. Pure.

What one process saw in a while and what is stored have the same shape and are merged by one rule,
in any order. Times are Unix milliseconds.
"""

from enum import Enum, StrEnum, auto

import msgspec

from offhook.model.event import rfc3339_ms


class HealthStatus(StrEnum):
    """What a user sees of an endpoint's health."""

    HEALTHY = "healthy"
    FAILING = "failing"


class EndpointHealth(msgspec.Struct, frozen=True):
    """Attempts that failed since the last one that was accepted: how many, the first and the last
    of them; and that last accepted one. ``announced`` once it was told of that it fails."""

    failures: int = 0
    failing_since_ms: int | None = None
    last_failure_ms: int | None = None
    last_success_ms: int | None = None
    announced: bool = False

    @property
    def status(self) -> HealthStatus:
        """Failing from the first failure to the next acceptance."""
        return HealthStatus.FAILING if self.failures else HealthStatus.HEALTHY


UNTRIED = EndpointHealth()

FAILING_AFTER = 5
"""So many failures in a row are told of as ``webhook.failing``."""

_DISABLE_AFTER_MS = 5 * 86_400_000
_DISABLE_AFTER_FAILURES = 10


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
        announced=one.announced or other.announced,
    )


class _Standing(msgspec.Struct):
    url: str | None = None
    enabled: bool = True


_STANDING = msgspec.json.Decoder(_Standing)


class Renewal(Enum):
    """What a change of an endpoint's document makes of its health."""

    KEPT = auto()
    BEGUN_ANEW = auto()
    """It stands elsewhere: what was seen of it says nothing any more."""
    FORGOTTEN = auto()
    """It was enabled again."""


def renewal(before: bytes | str, after: bytes | str) -> Renewal:
    """What follows for an endpoint's health from its document as it was and as it is."""
    try:
        was, now = _STANDING.decode(before), _STANDING.decode(after)
    except msgspec.MsgspecError:
        # It could not be loaded, so nothing was seen of it for long.
        return Renewal.BEGUN_ANEW
    if now.enabled and not was.enabled:
        return Renewal.FORGOTTEN
    return Renewal.KEPT if now.url == was.url else Renewal.BEGUN_ANEW


def hopeless(health: EndpointHealth, now_ms: int) -> bool:
    """Whether the endpoint is to be disabled: five days after the first failure since its last
    success, and ten attempts or more."""
    return (
        health.failing_since_ms is not None
        and now_ms - health.failing_since_ms >= _DISABLE_AFTER_MS
        and health.failures >= _DISABLE_AFTER_FAILURES
    )


def describe_hopeless(health: EndpointHealth) -> str:
    """Why it is disabled."""
    since = (
        "" if health.failing_since_ms is None else f" since {rfc3339_ms(health.failing_since_ms)}"
    )
    return f"no attempt was accepted{since}: {health.failures} failed in a row"


def _after(health: EndpointHealth, success_ms: int | None) -> EndpointHealth:
    since_ms, last_ms = health.failing_since_ms, health.last_failure_ms
    if since_ms is None or last_ms is None or success_ms is None or since_ms > success_ms:
        return health
    return failure(last_ms) if last_ms > success_ms else UNTRIED
