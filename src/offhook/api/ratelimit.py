"""The rate limit of keys: its port, and the limiter of one process."""

from collections import deque
from math import inf
from typing import Protocol

from offhook.api.quota import WINDOW_S, Quota, judge
from offhook.clock import Clock
from offhook.model.ids import KeyId


class RateLimit(Protocol):
    """Counts the requests of keys."""

    async def take(self, key: KeyId, limit: int) -> Quota:
        """Grant a request of the key, unless ``limit`` (1 or more) were granted in the second that
        ends now. One that is refused does not count. Never raises, and never waits long."""
        ...


class LocalRateLimit:
    """Counts the requests that this process sees.

    It holds the moments of what was granted in the last two seconds, and nothing of a key that was
    silent for as long.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._current: dict[KeyId, deque[float]] = {}
        self._earlier: dict[KeyId, deque[float]] = {}
        self._turn_s = -inf

    async def take(self, key: KeyId, limit: int) -> Quota:
        """Grant or refuse a request."""
        now_s = self._clock.monotonic()
        granted_s = self._granted(key, now_s)
        quota = judge(granted_s, now_s, limit)
        if quota.granted:
            granted_s.append(now_s)
        return quota

    @property
    def keys_held(self) -> int:
        """How many keys are remembered."""
        return len(self._current) + len(self._earlier)

    def _granted(self, key: KeyId, now_s: float) -> deque[float]:
        """The moments within the second that ends now."""
        if now_s >= self._turn_s:
            self._turn(now_s)
        granted_s = self._current.get(key)
        if granted_s is None:
            granted_s = self._current[key] = self._earlier.pop(key, deque())
        while granted_s and granted_s[0] <= now_s - WINDOW_S:
            granted_s.popleft()
        return granted_s

    def _turn(self, now_s: float) -> None:
        """Forget the keys that were not touched for a whole turn: none of their moments count."""
        self._earlier, self._current = self._current, {}
        self._turn_s = now_s + WINDOW_S
