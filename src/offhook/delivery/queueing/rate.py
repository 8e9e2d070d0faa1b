"""An endpoint's rate limit: a sliding log of when sends began. Pure.

Times are monotonic seconds.
"""

from collections import deque
from math import floor, inf

import msgspec

_LONGEST_WINDOW_S = 1e9


class RateLimit(msgspec.Struct, frozen=True):
    """At most ``count`` sends begin within any ``window_s`` seconds."""

    count: int
    window_s: float


def rate_limit(per_s: float) -> RateLimit:
    """The limit that a rate comes to: 10 is ten within a second, 0.2 is one within five, 2.5 is two
    within 0.8."""
    count = max(1, floor(per_s))
    return RateLimit(count, min(count / per_s, _LONGEST_WINDOW_S))


class Starts:
    """Sends to one endpoint that began, and those that are about to: these count too, for it is not
    known when they will have begun."""

    __slots__ = ("_at", "_reserved", "silent_since")

    def __init__(self, silent_since: float = -inf) -> None:
        self._at: deque[float] = deque()
        self._reserved = 0
        self.silent_since = silent_since
        """When somebody who is gone may have begun sends that nobody noted, as many as it could."""

    def used(self, limit: RateLimit, now_s: float) -> int:
        """How many count now."""
        while self._at and self._at[0] + limit.window_s <= now_s:
            self._at.popleft()
        return self._reserved + len(self._at)

    def free_at(self, limit: RateLimit, allowed: int, now_s: float) -> float:
        """When the next may begin if ``allowed`` may within a window; not after ``now_s``: now."""
        if allowed <= 0:
            return inf
        silent_until = self.silent_since + limit.window_s
        above = self.used(limit, now_s) - allowed
        if above < 0:
            return silent_until
        leaves_s = self._at[above] if above < len(self._at) else now_s
        return max(silent_until, leaves_s + limit.window_s)

    def reserve(self) -> None:
        """One is about to begin."""
        self._reserved += 1

    def begin(self, now_s: float) -> None:
        """One that was about to begin does."""
        if self._reserved:
            self._reserved -= 1
            self._at.append(now_s)

    def cancel(self) -> None:
        """One that was about to begin does not."""
        self._reserved = max(self._reserved - 1, 0)
