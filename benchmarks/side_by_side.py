"""The same loads on both stores, one process each: SQLite in a folder, on one core as it is a part
of the process; PostgreSQL beside it, on every core."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from benchmarks import delivery, ingest
from benchmarks.calls import batch_requests, single_requests
from benchmarks.cost import Cost
from benchmarks.places import Place, Postgres, folder_place
from benchmarks.servers import Server, serving
from benchmarks.sink import Sink
from benchmarks.table import Figure, percentile

_DELIVERED: Final = 15_000
_BATCH: Final = 1_000
_PACE_PER_S: Final = 200.0

Load = Callable[[Server], Awaitable[Cost]]


async def side_by_side(
    folder: Path, postgres: Postgres, items: list[bytes], turns: Sequence[bytes]
) -> list[Figure]:
    """A line for each load, PostgreSQL beside SQLite; ``turns`` are facts that take turns over many
    calls, for latencies."""
    costs: list[tuple[Cost, Cost]] = []
    loads = _loads(items)
    for name, load in loads.items():
        sqlite = await _measured(folder / f"sqlite-{name}", load, None)
        async with postgres.schema() as (_, place):
            costs.append((await _measured(folder / f"postgres-{name}", load, place), sqlite))
    figures = [_figure(name, postgres.name, *pair) for name, pair in zip(loads, costs, strict=True)]
    return [*figures, *await _latency(folder, postgres, list(turns))]


def _loads(items: list[bytes]) -> dict[str, Load]:
    singles, batches = single_requests(items), batch_requests(items, _BATCH)

    async def deliver(server: Server) -> Cost:
        sink = Sink()
        url = f"http://127.0.0.1:{await sink.listen()}/hook"
        return await delivery.drained(server, sink, url, items[:_DELIVERED])

    return {
        "single-event ingest, durable": lambda server: ingest.singles(server, singles),
        "batch ingest of call events": lambda server: ingest.batches(server, batches),
        "webhook deliveries, one process": deliver,
    }


async def _measured(folder: Path, load: Load, place: Place | None) -> Cost:
    async with serving(folder, place=place or folder_place(folder)) as server:
        return await load(server)


async def _latency(folder: Path, postgres: Postgres, turns: list[bytes]) -> list[Figure]:
    """Both at the same rate, at which neither is near its limit."""
    sqlite = await delivery.lateness_ms(folder / "sqlite-late", turns, _PACE_PER_S)
    async with postgres.schema() as (_, place):
        late = await delivery.lateness_ms(folder / "postgres-late", turns, _PACE_PER_S, place)
    return [
        Figure(
            f"commit to request at {_PACE_PER_S:.0f} facts/s, p{percent}, {postgres.name}",
            f"{percentile(late, percent):.1f} ms",
            "",
            f"SQLite {percentile(sqlite, percent):.1f} ms",
            f"{percentile(late, percent) / percentile(sqlite, percent):.2f}",
        )
        for percent in (50, 99)
    ]


def _figure(load: str, name: str, postgres: Cost, sqlite: Cost) -> Figure:
    ratio = f"{postgres.per_s / sqlite.per_s:.2f}"
    return Figure(f"{load}, {name}", str(postgres), "", f"SQLite {sqlite}", ratio)
