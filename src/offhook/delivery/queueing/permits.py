"""Permits: how many requests may be under way in all, and how many of them may be slow. Pure.

Times are monotonic seconds.
"""

from collections import deque

_SLOW_AFTER_S = 1.0


class Permit:
    """One request under way. ``slow`` once it counts among those that are."""

    __slots__ = ("ended", "slow", "started_s")

    def __init__(self, started_s: float, *, slow: bool) -> None:
        self.started_s = started_s
        self.slow = slow
        self.ended = False


class Permits:
    """At most ``bound`` requests under way that are quick, or may be, three quarters of them; those
    older than a second, and those to endpoints that hang, have a quarter between them.

    What turns slow leaves its place to others, so that endpoints that hang take nothing from those
    that answer. In all there are never more than twice the bound.
    """

    def __init__(self, bound: int) -> None:
        self._most = 2 * bound
        self._most_slow = max(1, bound // 4)
        self._most_quick = max(1, bound - self._most_slow)
        self._young: deque[Permit] = deque()
        self._quick = 0
        self._slow = 0

    def age(self, now_s: float) -> None:
        """Those older than a second are slow from now on."""
        while self._young and (
            self._young[0].ended or now_s - self._young[0].started_s > _SLOW_AFTER_S
        ):
            permit = self._young.popleft()
            if not permit.ended:
                permit.slow = True
                self._quick -= 1
                self._slow += 1

    def free(self, *, slow: bool) -> bool:
        """Whether another one may begin, to an endpoint that hangs or to another."""
        if self._quick + self._slow >= self._most:
            return False
        return self._slow < self._most_slow if slow else self._quick < self._most_quick

    def take(self, now_s: float, *, slow: bool) -> Permit:
        """One begins."""
        permit = Permit(now_s, slow=slow)
        if slow:
            self._slow += 1
        else:
            self._quick += 1
            self._young.append(permit)
        return permit

    def give_back(self, permit: Permit) -> None:
        """It ended."""
        permit.ended = True
        if permit.slow:
            self._slow -= 1
        else:
            self._quick -= 1
