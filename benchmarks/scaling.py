"""Deliveries over PostgreSQL by one process and by several: how many, and what each one costs."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.backlog import Backlog, backlog
from benchmarks.cost import Cost, Meter, cheapest
from benchmarks.places import Place, Postgres
from benchmarks.servers import engines
from benchmarks.table import Figure

_COUNTS: Final = (1, 2, 4)
_ENDPOINTS: Final = 8
_TARGET: Final = "at most 1.15"


async def scaling(
    folder: Path, postgres: Postgres, items: Sequence[bytes], rounds: int
) -> list[Figure]:
    """One line for each number of processes: its cheapest round, and the median over the rounds of
    what a delivery costs against one process in the same round."""
    taken: dict[int, list[Cost]] = {count: [] for count in _COUNTS}
    async with (
        postgres.schema() as (url, place),
        backlog(folder / "scaling", place, url, items, _ENDPOINTS) as waiting,
    ):
        for number in range(rounds):
            for count in _COUNTS:
                here = folder / f"scaling-{number}-{count}"
                taken[count].append(await delivered(here, place, waiting, count))
    alone = taken[_COUNTS[0]]
    return [_figure(postgres.name, count, taken[count], alone) for count in _COUNTS]


async def delivered(folder: Path, place: Place, waiting: Backlog, count: int) -> Cost:
    """What delivering the backlog costs with so many engines, from the first delivery until the
    cursors are at the end."""
    await waiting.clear()
    async with engines(folder, place, count) as running:
        before = waiting.sink.received
        await waiting.load()
        await waiting.begun()
        meter = Meter(running)
        await waiting.done()
        return meter.read(waiting.sink.received - before)


def _figure(name: str, count: int, costs: Sequence[Cost], alone: Sequence[Cost]) -> Figure:
    what = f"deliveries by {count} process{'es' if count > 1 else ''}, {name}, CPU of both for each"
    ratio = median(cost.cpu_s / one.cpu_s for cost, one in zip(costs, alone, strict=True))
    beside = "" if count == 1 else f"1 process {cheapest(alone)}"
    return Figure(what, str(cheapest(costs)), "", beside, f"{ratio:.2f}", _TARGET)
