"""A dead endpoint is left alone but for a probe now and then: checked at each request.

What is known here is less than what the process itself knows: a failure counts once it is recorded,
an acceptance at once. So whatever is taken to be left alone here, the process has to.
"""

from dataclasses import dataclass
from math import inf

from offhook.testing.simulated.ledger import Sending

_AFTER_FAILURES = 10
_AFTER_S = 30.0
_FIRST_PAUSE_S = 5.0
_LONGEST_PAUSE_S = 60.0
_ROUNDING_S = 0.003


@dataclass(slots=True)
class _Failing:
    """What a process recorded of an endpoint since it accepted something last."""

    enabled_since_s: float
    since_s: float = inf
    last_s: float = -inf
    failures: int = 0
    pause_s: float = 0.0
    left_alone_from_s: float = inf

    @property
    def until_s(self) -> float:
        """Until when nothing may begin."""
        return self.left_alone_from_s + self.pause_s if self.pause_s else -inf


@dataclass(slots=True)
class _Heard:
    """Failures that a process heard of since something was accepted."""

    first_s: float
    last_s: float
    failures: int = 0

    @property
    def long(self) -> bool:
        return self.last_s >= self.first_s + _AFTER_S


class Sparing:
    """Each process judges by what it saw itself."""

    def __init__(self) -> None:
        self._failing: dict[tuple[str, str], _Failing] = {}
        self._heard: dict[tuple[str, str], _Heard] = {}
        self._accepted_s: dict[tuple[str, str], float] = {}

    def too_early_s(self, sending: Sending, enabled_since_s: float) -> float:
        """By how much this begins before it may; not above 0: it may."""
        failing = self._failing.get(_of(sending))
        if failing is None or failing.enabled_since_s != enabled_since_s:
            return 0.0
        return failing.until_s - sending.began_s - _ROUNDING_S

    def may_probe(self, sending: Sending) -> bool:
        """Whether its sender may have left the endpoint alone, and probes it with this."""
        heard = self._heard.get(_of(sending))
        return heard is not None and heard.failures >= _AFTER_FAILURES and heard.long

    def heard(self, sending: Sending) -> None:
        """Its sender has the answer."""
        ended_s = sending.ended_s or 0.0
        if sending.told_accepted:
            self._failing.pop(_of(sending), None)
            self._heard.pop(_of(sending), None)
            self._accepted_s[_of(sending)] = ended_s
        else:
            heard = self._heard.setdefault(_of(sending), _Heard(ended_s, ended_s))
            heard.failures, heard.last_s = heard.failures + 1, ended_s

    def failed(self, sending: Sending, now_s: float, enabled_since_s: float) -> None:
        """Its sender has recorded that it failed."""
        ended_s = sending.ended_s or 0.0
        if ended_s <= self._accepted_s.get(_of(sending), -inf):
            return
        failing = self._failing.get(_of(sending))
        if failing is None or failing.enabled_since_s != enabled_since_s:
            failing = self._failing[_of(sending)] = _Failing(enabled_since_s)
        failing.failures += 1
        failing.since_s = min(failing.since_s, now_s)
        failing.last_s = max(failing.last_s, ended_s)
        if failing.pause_s:
            # What began before was no probe.
            if sending.began_s >= failing.until_s - _ROUNDING_S:
                failing.pause_s = min(failing.pause_s * 2, _LONGEST_PAUSE_S)
                failing.left_alone_from_s = ended_s
        elif failing.failures >= _AFTER_FAILURES and ended_s >= failing.since_s + _AFTER_S:
            failing.pause_s, failing.left_alone_from_s = _FIRST_PAUSE_S, failing.last_s


def _of(sending: Sending) -> tuple[str, str]:
    return sending.host.name, sending.endpoint
