"""Deliveries over PostgreSQL with a week's events in the log, against an empty one."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.backlog import backlog
from benchmarks.cost import Cost, fastest
from benchmarks.places import Postgres
from benchmarks.scaling import delivered
from benchmarks.table import Figure

_EVENTS: Final = 1_000_000
_ENDPOINTS: Final = 8
"""Enough that what a process plans once, at its start, does not count for much."""
_TARGET: Final = "0.90"


async def deep_log(
    folder: Path, postgres: Postgres, items: Sequence[bytes], rounds: int
) -> list[Figure]:
    """One process delivers the same backlog from one and from the other, in turn: each one's
    fastest round, and the median over the rounds of their ratio."""
    empty: list[Cost] = []
    deep: list[Cost] = []
    async with (
        postgres.schema() as (url, place),
        postgres.schema() as (deep_url, deep_place),
        backlog(folder / "empty", place, url, items, _ENDPOINTS) as alone,
        backlog(folder / "deep", deep_place, deep_url, items, _ENDPOINTS) as late,
    ):
        events = await late.deepen(_EVENTS)
        for number in range(rounds):
            empty.append(await delivered(folder / f"empty-{number}", place, alone, 1))
            deep.append(await delivered(folder / f"deep-{number}", deep_place, late, 1))
    return [_figure(postgres.name, events, deep, empty)]


def _figure(name: str, events: int, deep: Sequence[Cost], empty: Sequence[Cost]) -> Figure:
    ratio = median(late.per_s / alone.per_s for late, alone in zip(deep, empty, strict=True))
    what = f"deliveries with {events:,} events in the log, {name}"
    beside = f"empty log {fastest(empty)}"
    return Figure(what, str(fastest(deep)), "", beside, f"{ratio:.2f}", _TARGET)
