"""``python -m benchmarks``: measures, prints ratios beside their targets, and fails on none."""

import argparse
import pstats
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvloop

from benchmarks import delivery, ingest, receiver
from benchmarks.calls import facts, spread
from benchmarks.deep_log import deep_log
from benchmarks.machine import describe, fsync_ms, other_core, pin
from benchmarks.million import million
from benchmarks.neighbours import neighbours
from benchmarks.places import postgres_in
from benchmarks.scaling import scaling
from benchmarks.side_by_side import side_by_side
from benchmarks.table import Figure, show

_CALLS: Final = 15_000
_DELIVERED_FACTS: Final = 15_000
_SHARED_FACTS: Final = 10_000
_SPREAD_CALLS: Final = 3_000
_ROUNDS: Final = 3
_PAIRS: Final = 5
_PROFILED_LINES: Final = 40


@dataclass(frozen=True, slots=True)
class _Run:
    """What every part is given."""

    folder: Path
    items: list[bytes]
    rounds: int
    profiles: Path | None

    def profile(self, name: str) -> Path | None:
        """Where to write how the time was spent, if that is wanted."""
        return None if self.profiles is None else self.profiles / f"{name}.prof"


async def _sqlite(run: _Run) -> list[Figure]:
    """One process with everything in a folder."""
    single, ingested_per_s = await ingest.single(
        run.folder, run.items, run.rounds, run.profile("single")
    )
    batch = await ingest.batch(run.folder, run.items, run.profile("batch"))
    in_process = await ingest.batch_in_process(run.folder, run.items)
    delivered, delivered_per_s = await delivery.throughput(
        run.folder, run.items[:_DELIVERED_FACTS], run.rounds, run.profile("delivery")
    )
    # One core does both for each event: it is full at the rate whose two shares add up to one.
    capacity_per_s = 1 / (1 / ingested_per_s + 1 / delivered_per_s)
    late = await delivery.latency(run.folder, spread(_SPREAD_CALLS, seed=2), capacity_per_s / 2)
    return [delivered, single, batch, in_process, *late]


async def _postgres(run: _Run) -> list[Figure]:
    """PostgreSQL beside SQLite, one process each."""
    with postgres_in(run.folder / "beside-postgres") as postgres:
        turns = spread(_SPREAD_CALLS, seed=2)
        return await side_by_side(run.folder, postgres, run.items, turns)


async def _neighbours(run: _Run) -> list[Figure]:
    """100 endpoints of which 30 hang."""
    return await neighbours(run.folder / "neighbours", run.rounds)


async def _million(run: _Run) -> list[Figure]:
    """a million deliveries behind, a million given up (only if asked for)."""
    return await million(run.folder / "million")


async def _scaling(run: _Run) -> list[Figure]:
    """1, 2 and 4 processes over PostgreSQL."""
    with postgres_in(run.folder / "scaling-postgres") as postgres:
        return await scaling(run.folder, postgres, run.items[:_SHARED_FACTS], _PAIRS)


async def _deep(run: _Run) -> list[Figure]:
    """A million events in the log, against an empty one."""
    with postgres_in(run.folder / "deep-postgres") as postgres:
        return await deep_log(run.folder, postgres, run.items[:_SHARED_FACTS], _PAIRS)


async def _receiver(run: _Run) -> list[Figure]:
    """The receiver kit while its handlers are slow or fail."""
    return await receiver.answering(run.folder)


_PARTS: Final[dict[str, Callable[[_Run], Awaitable[list[Figure]]]]] = {
    "sqlite": _sqlite,
    "postgres": _postgres,
    "scaling": _scaling,
    "deep": _deep,
    "receiver": _receiver,
    "neighbours": _neighbours,
    "million": _million,
}


_USUAL: Final = [name for name in _PARTS if name != "million"]
"""What is measured if nothing is named: a quarter of an hour for one part is too long."""


async def _measure(run: _Run, parts: Sequence[str]) -> list[Figure]:
    """All figures, one after the other; each on servers and a place of its own."""
    return [figure for part in parts for figure in await _PARTS[part](run)]


def _print_profiles(profiles: Path) -> None:
    for file in sorted(profiles.glob("*.prof")):
        print(f"\n{file.stem}: where the server spent its time")
        pstats.Stats(str(file)).sort_stats("tottime").print_stats(_PROFILED_LINES)


def _options() -> argparse.Namespace:
    about = "; ".join(f"{name}: {part.__doc__}" for name, part in _PARTS.items())
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"what to measure: {about}")
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    options = parser.parse_args()
    unknown = set(options.parts) - set(_PARTS)
    if unknown:
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join(_PARTS)}")
    return options


def main() -> None:
    """Measure in a temporary folder and print."""
    options = _options()
    pin(other_core())
    with tempfile.TemporaryDirectory(prefix="offhook-bench-") as name:
        folder = Path(name)
        machine = f"{describe()}; fsync {fsync_ms(folder):.2f} ms"
        profiles = folder if options.profile else None
        run = _Run(folder, facts(_CALLS, seed=1), 1 if profiles else _ROUNDS, profiles)
        show(uvloop.run(_measure(run, options.parts or _USUAL)), machine)
        if profiles is not None:
            _print_profiles(profiles)


if __name__ == "__main__":
    main()
