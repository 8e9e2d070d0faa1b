"""How an endpoint behaves for a while, and what it does with one request. Pure but for the dice."""

import random
from enum import StrEnum

import msgspec

from offhook.delivery.entries import Answer, FailureKind

OK = Answer(200)
_BUSY = (429, 503)
_BROKEN = (500, 502, 503, 504)
_REFUSALS = (400, 404, 418)
_ITS_TIME = "Tue, 20 Nov 2040 10:00:00 GMT"
"""What an endpoint takes the time to be: nobody else's clock says so."""

ASKED_S = {"1": 1.0, "3": 3.0, "8": 8.0, "Tue, 20 Nov 2040 10:00:05 GMT": 5.0, "²": 0.0}
"""What endpoints say in ``Retry-After``, and how long they ask to be left alone by it."""


class Mood(StrEnum):
    """What an endpoint is like."""

    FINE = "fine"
    SLOW = "slow"
    HANGING = "hanging"
    DOWN = "down"
    BROKEN = "broken"
    BUSY = "busy"
    RESETTING = "resetting"
    FLAKY = "flaky"
    REFUSING = "refusing"
    GONE = "gone"


class Fate(msgspec.Struct, frozen=True):
    """What becomes of a request: after ``takes_s`` it is accepted or not, and after ``returns_s``
    more its sender has the answer; ``None``: it never has."""

    takes_s: float
    accepted: bool
    returns_s: float | None
    answer: Answer


def decide(mood: Mood, rnd: random.Random) -> Fate:
    """What an endpoint in this mood does with a request."""
    quick_s = rnd.uniform(0.001, 0.02)
    match mood:
        case Mood.FINE:
            return Fate(quick_s, True, quick_s, OK)
        case Mood.SLOW:
            return Fate(rnd.uniform(0.1, 3), True, rnd.uniform(0, 1), OK)
        case Mood.HANGING:
            return Fate(rnd.uniform(0, 20), rnd.random() < 0.5, None, OK)
        case Mood.DOWN:
            return Fate(quick_s, False, quick_s, Answer(None, FailureKind.CONNECT))
        case Mood.BROKEN:
            return Fate(quick_s, False, quick_s, Answer(rnd.choice(_BROKEN)))
        case Mood.BUSY:
            wait = rnd.choice([None, *ASKED_S])
            busy = Answer(rnd.choice(_BUSY), retry_after=wait, date=_ITS_TIME)
            return Fate(quick_s, False, quick_s, busy)
        case Mood.RESETTING:
            accepted = rnd.random() < 0.5
            return Fate(quick_s, accepted, quick_s, Answer(None, FailureKind.DISCONNECTED))
        case Mood.REFUSING:
            return Fate(quick_s, False, quick_s, Answer(rnd.choice(_REFUSALS)))
        case Mood.GONE:
            return Fate(quick_s, False, quick_s, Answer(410))
        case Mood.FLAKY:
            return decide(rnd.choice(_FLAKES), rnd)


_FLAKES = (
    Mood.FINE,
    Mood.FINE,
    Mood.FINE,
    Mood.SLOW,
    Mood.HANGING,
    Mood.DOWN,
    Mood.BROKEN,
    Mood.BUSY,
    Mood.RESETTING,
)
