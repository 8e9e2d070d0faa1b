"""How long things take and when calls come, as random draws. Durations are in seconds.

Fitted to the anonymous bank's February 1999 (33,344 calls), unless a function says otherwise.
"""

from collections.abc import Mapping
from itertools import accumulate
from random import Random
from typing import Final, TypeVar

_T = TypeVar("_T")

_CALLS_PER_HALF_HOUR: Final = (
    *(82, 40, 23, 11, 10, 11, 4, 3, 1, 8, 6, 16),
    *(14, 98, 367, 543, 863, 1368, 1150, 1352, 1433, 1367, 1329, 1264),
    *(1099, 1088, 1406, 1203, 1206, 1196, 1152, 1165, 1193, 1159, 1035, 881),
    *(891, 817, 781, 807, 642, 715, 660, 736, 669, 527, 550, 403),
)
_CURVE: Final = tuple(accumulate(_CALLS_PER_HALF_HOUR))


def second_of_day(rnd: Random) -> float:
    """When a call comes in, in seconds from midnight: by the half hour as observed, evenly
    within it."""
    (half_hour,) = rnd.choices(range(48), cum_weights=_CURVE)
    return (half_hour + rnd.random()) * 1800


def ivr_s(rnd: Random) -> float:
    """Time in the voice menu: lognormal, mean 9.8 s."""
    return _tenths(rnd.lognormvariate(2.125, 0.562))


def wait_s(rnd: Random) -> float:
    """Wait in the queue of a call that is answered: none for 48.1 %, else exponential with mean
    78.6 s (observed coefficient of variation 1.007). Mean of all: 40.8 s."""
    return 0.0 if rnd.random() < 0.481 else _tenths(rnd.expovariate(1 / 78.6))


def patience_s(rnd: Random) -> float:
    """Wait in the queue of a caller who gives up: exponential, mean 66 s."""
    return _tenths(rnd.expovariate(1 / 66.0))


def talk_s(rnd: Random) -> float:
    """Talk time: 6.7 % are over within ten seconds, the rest is lognormal. Mean 176 s."""
    if rnd.random() < 0.067:
        return _tenths(rnd.uniform(1, 10))
    return _tenths(rnd.lognormvariate(4.792, 0.944))


def ring_s(rnd: Random) -> float:
    """Ringing before an agent or a far end picks up. Not in the data: a usual two to twelve."""
    return _tenths(rnd.triangular(2, 12, 4))


def wrap_s(rnd: Random) -> float:
    """Work after the call. Not in the data: lognormal, median 20 s."""
    return _tenths(rnd.lognormvariate(3.0, 0.6))


def known_contact(rnd: Random, population: int) -> int:
    """Which known contact calls, as an index below ``population``: heavy-tailed, so that the
    busiest of 4,081 contacts makes 1.2 % of their calls, as observed."""
    return int(population * rnd.random() ** 1.88)


def draw(rnd: Random, shares: Mapping[_T, float]) -> _T:
    """One of the keys, with probabilities in proportion to the values."""
    return rnd.choices(list(shares), weights=list(shares.values()))[0]


def _tenths(seconds: float) -> float:
    return round(seconds, 1)
