"""Deliveries over PostgreSQL by one process and by several: how many, and what each one costs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.backlog import Backlog, backlog
from benchmarks.cost import Cost, Meter, cheapest
from benchmarks.places import Place, Postgres
from benchmarks.servers import engines
from benchmarks.table import Figure

_COUNTS: Final = (1, 2, 4)
_ENDPOINTS: Final = 2
_TARGET: Final = "at most 1.15"


async def scaling(
    folder: Path, postgres: Postgres, items: Sequence[bytes], rounds: int
) -> list[Figure]:
    """One line for each number of processes, the cheapest of its rounds."""
    taken: dict[int, list[Cost]] = {count: [] for count in _COUNTS}
    async with (
        postgres.schema() as (url, place),
        backlog(folder / "scaling", place, url, items, _ENDPOINTS) as waiting,
    ):
        for number in range(rounds):
            for count in _COUNTS:
                here = folder / f"scaling-{number}-{count}"
                taken[count].append(await delivered(here, place, waiting, count))
    best = {count: cheapest(costs) for count, costs in taken.items()}
    return [_figure(postgres.name, count, best[count], best[_COUNTS[0]]) for count in _COUNTS]


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


def _figure(name: str, count: int, cost: Cost, alone: Cost) -> Figure:
    processes = "1 process" if count == 1 else f"{count} processes"
    told = (f"deliveries, {processes} over {name}", str(cost), "")
    if count == 1:
        return Figure(*told)
    return Figure(*told, "CPU of 1 process", f"{cost.cpu_s / alone.cpu_s:.2f}", _TARGET)
