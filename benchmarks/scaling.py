"""Deliveries over PostgreSQL by one process and by several: how many, and what each one costs."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.backlog import Backlog, backlog
from benchmarks.places import Place, Postgres
from benchmarks.servers import engines
from benchmarks.table import Figure

COUNTS: Final = (1, 2, 4)
_ENDPOINTS: Final = 2
_TARGET: Final = "at most 1.15"


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one run: deliveries a second, and processor seconds for each, of engines and database."""

    per_s: float
    engine_s: float
    database_s: float

    @property
    def cpu_s(self) -> float:
        """Both together."""
        return self.engine_s + self.database_s

    def __str__(self) -> str:
        parts = f"{self.engine_s * 1000:.2f} + {self.database_s * 1000:.2f}"
        return f"{self.per_s:,.0f}/s, {parts} ms CPU"


async def scaling(
    folder: Path, postgres: Postgres, items: Sequence[bytes], rounds: int
) -> list[Figure]:
    """One line for each number of processes. Of several rounds the cheapest counts: what else runs
    on the machine only ever adds."""
    taken: dict[int, list[Cost]] = {count: [] for count in COUNTS}
    async with (
        postgres.schema() as (url, place),
        backlog(folder / "scaling", place, url, items, _ENDPOINTS) as waiting,
    ):
        for number in range(rounds):
            for count in COUNTS:
                here = folder / f"scaling-{number}-{count}"
                taken[count].append(await delivered(here, place, waiting, count))
    best = {count: min(costs, key=lambda cost: cost.cpu_s) for count, costs in taken.items()}
    return [_figure(postgres.name, count, best[count], best[COUNTS[0]]) for count in COUNTS]


async def delivered(folder: Path, place: Place, waiting: Backlog, count: int) -> Cost:
    """What delivering the backlog costs with so many engines, from the first delivery until the
    cursors are at the end."""
    sink, loop = waiting.sink, asyncio.get_running_loop()
    await waiting.clear()
    async with engines(folder, place, count) as running:
        before = sink.received
        await waiting.load()
        await waiting.begun()
        began_s, database_s = loop.time(), place.cpu_s()
        engine_s = sum(engine.own_cpu_s() for engine in running)
        await waiting.done()
        elapsed_s = loop.time() - began_s
        deliveries = sink.received - before
        return Cost(
            deliveries / elapsed_s,
            (sum(engine.own_cpu_s() for engine in running) - engine_s) / deliveries,
            (place.cpu_s() - database_s) / deliveries,
        )


def _figure(name: str, count: int, cost: Cost, alone: Cost) -> Figure:
    processes = "1 process" if count == 1 else f"{count} processes"
    told = (f"deliveries, {processes} over {name}", str(cost), "")
    if count == 1:
        return Figure(*told)
    return Figure(*told, "CPU of 1 process", f"{cost.cpu_s / alone.cpu_s:.2f}", _TARGET)
