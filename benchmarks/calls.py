"""What is posted: the facts of simulated calls, encoded beforehand."""

from collections import Counter
from datetime import UTC, datetime
from random import Random
from typing import Final

import msgspec

from benchmarks.load import post
from benchmarks.servers import KEY
from offhook.testing.simulation import Centre, Step, simulate_day

_MIDNIGHT: Final = datetime(2026, 11, 20, tzinfo=UTC)


def facts(calls: int, seed: int) -> list[bytes]:
    """The facts of a simulated day of so many calls, as JSON, in order of time."""
    steps = simulate_day(Random(seed), _MIDNIGHT, Centre(calls))
    return [msgspec.json.encode(step.body()) for step in steps]


def spread(calls: int, seed: int) -> list[bytes]:
    """The facts of so many calls, one of each call in turn, as if they all ran at one time."""
    told: Counter[object] = Counter()
    turns: list[tuple[int, Step]] = []
    for step in simulate_day(Random(seed), _MIDNIGHT, Centre(calls)):
        call = step.data["external_id"]
        turns.append((told[call], step))
        told[call] += 1
    turns.sort(key=lambda turn: turn[0])
    return [msgspec.json.encode(step.body()) for _, step in turns]


def single_requests(items: list[bytes]) -> list[bytes]:
    """One request for each fact."""
    return [post("/v1/events", KEY, item) for item in items]


def batch_requests(items: list[bytes], size: int) -> list[bytes]:
    """Requests of ``size`` facts each; what is left over is left out."""
    whole = range(0, len(items) - size + 1, size)
    bodies = (b'{"items":[' + b",".join(items[at : at + size]) + b"]}" for at in whole)
    return [post("/v1/events/batch", KEY, body) for body in bodies]
