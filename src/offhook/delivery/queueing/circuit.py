"""What an endpoint is spared, and what it is kept from costing, by how it answered lately. Pure.

Each process judges by what it saw itself: it needs nobody else to leave a dead endpoint alone.
Times are monotonic seconds.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from math import inf

from offhook.delivery.entries import Answer, FailureKind

OPEN_AFTER_FAILURES = 10
OPEN_AFTER_S = 30.0
FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 60.0

_CHOOSE_AFTER_S = 2.0
_MOST_TRIED = 100

_OVERLOADED = frozenset({429, 502, 504})
_WIDEST = 1_000
_FIRST_GAP_S = 0.25
_LONGEST_GAP_S = 8.0
_LONGEST_WAIT_S = 60.0


class CircuitState(StrEnum):
    """Whether an endpoint is sent to."""

    CLOSED = "closed"
    """As its bounds allow."""
    OPEN = "open"
    """Not at all, for a while."""
    HALF_OPEN = "half_open"
    """One request at a time, to see whether it is back."""


@dataclass(slots=True)
class Circuit:
    """Opens after ten failures in a row over half a minute or more; then one request probes, after
    5 s, 10 s, 20 s, ... up to a minute, until one is accepted.

    Half a minute: shorter troubles are what retries are for, and the retries of a short profile are
    not to be put off by it.
    """

    state: CircuitState = CircuitState.CLOSED
    failures: int = 0
    failing_since_s: float = inf
    pause_s: float = FIRST_PAUSE_S
    probe_at_s: float = inf
    may_choose: bool = False
    """Whether the probe may be something that is not due: nothing that is came for a while."""
    fresh: bool = False
    """Whether that is to be something that was not tried yet. In turn: what fails may do so by
    itself, and others be accepted."""
    passed: bool = False
    """Whether nothing like that was found: what failed may probe in its turn."""
    idle: bool = False
    """Whether there is nothing else either that was not tried yet: a replay may probe, too."""
    tried: set[tuple[int, int]] = field(default_factory=set)
    """Partition and position of what failed and probed in vain, or may not probe yet: the others
    come first."""

    def accepted(self) -> None:
        """It took a request: all is well."""
        self.state, self.failures = CircuitState.CLOSED, 0
        self.failing_since_s, self.probe_at_s, self.pause_s = inf, inf, FIRST_PAUSE_S
        self.tried.clear()
        self.may_choose = self.passed = self.idle = False

    def failed(self, now_s: float) -> bool:
        """It did not; returns whether the circuit opens by it."""
        self.failures += 1
        self.failing_since_s = min(self.failing_since_s, now_s)
        match self.state:
            case CircuitState.OPEN:
                return False
            case CircuitState.HALF_OPEN:
                self.pause_s = min(self.pause_s * 2, LONGEST_PAUSE_S)
                self.fresh = not self.fresh
            case CircuitState.CLOSED:
                long = now_s >= self.failing_since_s + OPEN_AFTER_S
                if self.failures < OPEN_AFTER_FAILURES or not long:
                    return False
        self.trip(now_s)
        return True

    def trip(self, now_s: float) -> None:
        """It is left alone from now on, whatever it did before."""
        self.state, self.probe_at_s = CircuitState.OPEN, now_s + self.pause_s
        self.may_choose = self.passed = self.idle = False

    def tick(self, now_s: float) -> None:
        """Let a probe through once it is time to: something that is due, or something else where
        that is wanted, or after a while there is no such thing."""
        if self.state is CircuitState.OPEN and now_s >= self.probe_at_s:
            self.state = CircuitState.HALF_OPEN
        if self.state is CircuitState.HALF_OPEN and now_s >= self._choose_at_s:
            self.may_choose = True

    def found_none(self, now_s: float, *, idle: bool = False) -> None:
        """There was nothing to probe with: look again in a while, and let others go first."""
        self.probe_at_s, self.may_choose = now_s, False
        self.passed, self.idle = True, idle

    def look_on(self) -> None:
        """There was nothing to probe with as far as was looked: go on, and let others go first."""
        self.passed = True

    def others_before(self, partition: int, position: int) -> None:
        """What failed before is tried out of its time, or may not be: next time something else
        is."""
        if len(self.tried) >= _MOST_TRIED:
            self.tried.clear()
        self.tried.add((partition, position))

    @property
    def seeks_fresh(self) -> bool:
        """Whether its turn is that of something that was not tried yet."""
        return self.fresh and not self.passed

    @property
    def due_s(self) -> float:
        """When ``tick`` will change something next."""
        if self.state is CircuitState.OPEN:
            return self.probe_at_s
        closed = self.state is CircuitState.CLOSED
        return inf if closed or self.may_choose else self._choose_at_s

    @property
    def _choose_at_s(self) -> float:
        return self.probe_at_s if self.seeks_fresh else self.probe_at_s + _CHOOSE_AFTER_S


@dataclass(slots=True)
class Pace:
    """How fast an endpoint is sent to, within its bounds.

    ``window``: requests under way at once. A time-out or a 429, 502 or 504 halves it, each success
    adds one. After the latter, requests also keep a gap, which doubles with each of them and halves
    with each success; a ``Retry-After`` is waited for, a minute at most.
    """

    window: int = _WIDEST
    gap_s: float = 0.0
    not_before_s: float = -inf
    hangs: bool = False
    """Whether its last answer was none within the time-out."""
    untried: bool = True
    """Whether nothing is known of it yet."""

    def accepted(self, bound: int) -> None:
        """It took a request; ``bound`` is how many may be under way at most."""
        self.window = min(self.window + 1, bound)
        self.gap_s = self.gap_s / 2 if self.gap_s > _FIRST_GAP_S else 0.0
        self.hangs = self.untried = False

    def failed(self, answer: Answer, now_s: float, bound: int, asked_s: float = 0.0) -> None:
        """It did not, and asked to be left alone for ``asked_s``."""
        self.hangs, self.untried = answer.failure is FailureKind.TIMEOUT, False
        if self.hangs or answer.status in _OVERLOADED:
            self.window = max(1, min(self.window, bound) // 2)
        if answer.status not in _OVERLOADED:
            return
        self.gap_s = min(max(self.gap_s * 2, _FIRST_GAP_S), _LONGEST_GAP_S)
        wait_s = max(self.gap_s, min(asked_s, _LONGEST_WAIT_S))
        self.not_before_s = max(self.not_before_s, now_s + wait_s)

    def started(self, now_s: float) -> None:
        """A request begins."""
        if self.gap_s:
            self.not_before_s = max(self.not_before_s, now_s + self.gap_s)
