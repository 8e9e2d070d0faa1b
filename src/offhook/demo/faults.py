"""How the demo's receiver fails on purpose. Pure but for the given randomness."""

from enum import Enum
from random import Random
from typing import Final


class Fault(Enum):
    """What goes wrong with one request."""

    NONE = "none"
    REFUSED = "answered 503, nothing kept"
    DROPPED_BEFORE = "connection closed, nothing kept"
    DROPPED_AFTER = "kept, but the connection was closed without an answer"
    SLOW = "kept, but answered after the sender's patience"


_SINGLE: Final = {
    Fault.REFUSED: 0.69,
    Fault.DROPPED_BEFORE: 0.15,
    Fault.DROPPED_AFTER: 0.15,
    Fault.SLOW: 0.01,
}
_BURST_LENGTH: Final = 25
_BURST_SHARE: Final = 1 / 3


class Faults:
    """A stream of faults that makes up ``share`` of all requests (0 to 0.5).

    A third of them come in bursts of 25 refusals, the rest singly. With bursts as ``b`` of all
    requests, a request outside of them fails with probability ``(share - b) / (1 - b)``, and begins
    one with probability ``b / (1 - b) / 25``.
    """

    def __init__(self, rnd: Random, share: float) -> None:
        self._rnd = rnd
        in_bursts = share * _BURST_SHARE
        self._single = (share - in_bursts) / (1 - in_bursts)
        self._begins = in_bursts / (1 - in_bursts) / _BURST_LENGTH
        self._burst_left = 0

    def next(self) -> Fault:
        """What happens to the next request."""
        if self._burst_left:
            self._burst_left -= 1
            return Fault.REFUSED
        if self._rnd.random() < self._begins:
            self._burst_left = _BURST_LENGTH
        if self._rnd.random() >= self._single:
            return Fault.NONE
        return self._rnd.choices(list(_SINGLE), weights=list(_SINGLE.values()))[0]
