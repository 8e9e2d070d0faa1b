"""Retry schedules: which failures are tried again, and after how long. Pure."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum

import msgspec

from offhook.delivery.entries import Answer

_DAY_S = 86_400.0
_LONGEST_RETRY_AFTER_S = 3_600.0
_LONGEST_DATE = 64


class Retries(StrEnum):
    """Which failures a schedule tries again."""

    EVERY_FAILURE = "every_failure"
    """Connection errors, timeouts and every status that is not 2xx."""
    SERVER_FAILURES = "server_failures"
    """Connection errors, timeouts and 5xx."""
    LISTED = "listed"
    """Connection errors, timeouts and the statuses that the schedule lists."""


class Schedule(msgspec.Struct, frozen=True):
    """When a failed delivery is tried again.

    ``delays_s[n]`` follows the n+1st attempt. With ``until_s`` the last delay repeats until that
    many seconds after trying began, and the last attempt falls on that moment; without it the
    delivery is given up once the delays are used up. ``jitter`` is a share of the delay.
    """

    delays_s: tuple[float, ...]
    until_s: float | None = None
    jitter: float = 0.0
    retries: Retries = Retries.EVERY_FAILURE
    statuses: frozenset[int] = frozenset()
    honours_retry_after: bool = True

    def retryable(self, answer: Answer) -> bool:
        """Whether this failure is tried again at all."""
        if answer.status is None or self.retries is Retries.EVERY_FAILURE:
            return True
        if self.retries is Retries.SERVER_FAILURES:
            return answer.status >= 500
        return answer.status in self.statuses

    def asked_s(self, answer: Answer, now_ms: int) -> float:
        """Seconds that the answer asks to be waited, where that is honoured; else none."""
        if not self.honours_retry_after:
            return 0.0
        return retry_after_s(answer.retry_after, answer.date, now_ms) or 0.0

    def delay_s(self, attempts: int, rnd: Callable[[], float]) -> float | None:
        """Seconds to wait after that many attempts, or ``None`` when there is no further one.

        ``rnd`` gives numbers in [0, 1).
        """
        if attempts > len(self.delays_s) and self.until_s is None:
            return None
        if not self.delays_s:
            return None
        base = self.delays_s[min(attempts, len(self.delays_s)) - 1]
        return base * (1 + self.jitter * (2 * rnd() - 1))


PROFILES: dict[str, Schedule] = {
    "24h": Schedule(
        (5.0, 30.0, 120.0, 600.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0), until_s=_DAY_S, jitter=0.2
    ),
    "brief": Schedule((1.0, 2.0, 4.0), retries=Retries.SERVER_FAILURES, honours_retry_after=False),
    "doubling": Schedule((2.0, 4.0, 8.0, 16.0, 32.0), honours_retry_after=False),
}


def retry_after_s(text: str | None, date: str | None, now_ms: int) -> float | None:
    """A ``Retry-After`` in seconds, from none to an hour; ``None`` when absent or neither a number
    of seconds nor an HTTP date (RFC 9110, 10.2.3). A date is taken against the response's own
    ``Date``, for the receiver's clock may be off, or against ``now_ms`` where it has none."""
    asked = "" if text is None else text.strip()
    if asked.isascii() and asked.isdigit():
        return min(float(asked), _LONGEST_RETRY_AFTER_S)
    until = _http_date(asked)
    if until is None:
        return None
    since = _http_date(date or "")
    since_s = now_ms / 1000 if since is None else since.timestamp()
    return min(max(until.timestamp() - since_s, 0.0), _LONGEST_RETRY_AFTER_S)


def _http_date(text: str) -> datetime | None:
    if len(text) > _LONGEST_DATE:
        return None
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    # A date without a zone, as of asctime(), is in UTC by RFC 9110, 5.6.7.
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found
