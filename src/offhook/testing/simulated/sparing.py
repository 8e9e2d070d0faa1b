"""A dead endpoint is left alone but for a probe now and then: checked at each request.

What is known here is less than what the process itself knows: a failure counts once it is recorded,
an acceptance at once. So whatever is taken to be left alone here, the process has to. Since when it
does is not known to the failure: of those recorded together any may have been the one. An endpoint
never stands twice at the same URL, and what was seen of it at one says nothing of it at another.
"""

from dataclasses import dataclass
from math import inf

from offhook.testing.simulated.ledger import Sending

_AFTER_FAILURES = 10
_AFTER_S = 30.0
_FIRST_PAUSE_S = 5.0
_LONGEST_PAUSE_S = 60.0
_ROUNDING_S = 0.003

_Stand = tuple[str, str, str]
"""A process, an endpoint and where that stands."""


@dataclass(slots=True)
class _Failing:
    """What a process recorded of an endpoint since it accepted something last."""

    enabled_since_s: float
    since_s: float = inf
    last_s: float = -inf
    failures: int = 0
    pause_s: float = 0.0
    left_alone_from_s: float = inf
    at_the_latest_s: float = inf
    """The same, if it was the last failure that could be the one."""

    @property
    def until_s(self) -> float:
        """Until when nothing may begin."""
        return self.left_alone_from_s + self.pause_s if self.pause_s else -inf

    def leave_alone(self, pause_s: float, from_s: float, at_the_latest_s: float) -> None:
        """It is, so long, from some moment between these."""
        self.pause_s, self.left_alone_from_s = pause_s, from_s
        self.at_the_latest_s = at_the_latest_s

    def surely_probed(self, sending: Sending) -> bool:
        """Whether this is no request from before it was left alone."""
        return sending.began_s >= self.at_the_latest_s + self.pause_s - _ROUNDING_S


@dataclass(slots=True)
class _Heard:
    """Failures that a process heard of since something was accepted."""

    first_s: float
    failures: int = 0
    enough_s: float = inf
    """The first by which it may have left the endpoint alone."""

    def add(self, ended_s: float) -> None:
        self.failures += 1
        if self.failures >= _AFTER_FAILURES and ended_s >= self.first_s + _AFTER_S:
            self.enough_s = min(self.enough_s, ended_s)


class Sparing:
    """Each process judges by what it saw itself."""

    def __init__(self) -> None:
        self._failing: dict[_Stand, _Failing] = {}
        self._heard: dict[_Stand, _Heard] = {}
        self._accepted_s: dict[_Stand, float] = {}

    def too_early_s(self, sending: Sending, enabled_since_s: float) -> float:
        """By how much this begins before it may; not above 0: it may."""
        failing = self._failing.get(_of(sending))
        if failing is None or failing.enabled_since_s != enabled_since_s:
            return 0.0
        return failing.until_s - sending.began_s - _ROUNDING_S

    def may_probe(self, sending: Sending) -> bool:
        """Whether its sender may have left the endpoint alone, and probes it with this: chosen
        perhaps where it stood before, and sent to where it stands now."""
        host, name, _ = _of(sending)
        return any(
            heard.enough_s < inf and stand[:2] == (host, name)
            for stand, heard in self._heard.items()
        )

    def heard(self, sending: Sending) -> None:
        """Its sender has the answer."""
        ended_s = sending.ended_s or 0.0
        if sending.told_accepted:
            self._forget(sending)
            self._accepted_s[_of(sending)] = ended_s
        else:
            self._heard.setdefault(_of(sending), _Heard(ended_s)).add(ended_s)

    def _forget(self, sending: Sending) -> None:
        """What is known of the endpoint where it took this, and where it stood before."""
        host, name, _ = taken_at = _of(sending)
        before = [
            stand
            for stand, heard in self._heard.items()
            if stand[:2] == (host, name) and heard.first_s < sending.began_s
        ]
        for stand in [taken_at, *before]:
            self._failing.pop(stand, None)
            self._heard.pop(stand, None)

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
            if failing.surely_probed(sending):
                failing.leave_alone(min(failing.pause_s * 2, _LONGEST_PAUSE_S), ended_s, ended_s)
        elif failing.failures >= _AFTER_FAILURES and ended_s >= failing.since_s + _AFTER_S:
            enough_s = self._heard[_of(sending)].enough_s
            failing.leave_alone(_FIRST_PAUSE_S, enough_s, failing.last_s)


def _of(sending: Sending) -> _Stand:
    return sending.host.name, sending.endpoint, sending.request.url
