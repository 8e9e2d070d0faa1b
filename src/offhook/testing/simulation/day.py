"""One day of a call centre, as facts in order of time."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from offhook.testing.simulation import inbound, outbound, shapes
from offhook.testing.simulation.cast import Cast
from offhook.testing.simulation.story import Step, Story


@dataclass(frozen=True, slots=True)
class Centre:
    """How busy the centre is, and how much of it is dialling out."""

    calls_per_day: int = 5_000
    outbound_share: float = 0.2


def simulate_day(rnd: Random, midnight: datetime, centre: Centre | None = None) -> Iterator[Step]:
    """The facts of all calls that begin on the day that starts at ``midnight``, in order of time.

    Every call comes to its end, the last ones in the first hours of the next day. The same state
    of ``rnd``, midnight and centre give the same facts. Only the calls that run at one time are
    held in memory, beside one number for each call of the day.
    """
    centre = centre or Centre()
    cast = Cast(rnd, centre.calls_per_day)
    starts_s = sorted(shapes.second_of_day(rnd) for _ in range(centre.calls_per_day))
    running: list[tuple[datetime, int, int, Step]] = []
    for number, start_s in enumerate(starts_s):
        start = midnight + timedelta(milliseconds=round(start_s * 1000))
        while running and running[0][0] <= start:
            yield heapq.heappop(running)[-1]
        for order, step in enumerate(_tell(rnd, cast, start, centre.outbound_share)):
            heapq.heappush(running, (step.at, number, order, step))
    while running:
        yield heapq.heappop(running)[-1]


def _tell(rnd: Random, cast: Cast, start: datetime, outbound_share: float) -> list[Step]:
    story = Story(f"sim-{rnd.getrandbits(64):016x}", start)
    tell = outbound.tell if rnd.random() < outbound_share else inbound.tell
    tell(rnd, cast, story)
    return story.steps
