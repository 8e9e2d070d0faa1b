"""``python -m benchmarks``: measures, prints ratios beside their targets, and fails on none."""

import argparse
import pstats
import tempfile
from pathlib import Path
from typing import Final

import uvloop

from benchmarks import delivery, ingest
from benchmarks.calls import facts, spread
from benchmarks.machine import describe, fsync_ms, other_core, pin
from benchmarks.table import Figure, show

_CALLS: Final = 15_000
_DELIVERED_FACTS: Final = 15_000
_SPREAD_CALLS: Final = 3_000
_ROUNDS: Final = 3
_PROFILED_LINES: Final = 40


async def measure(folder: Path, profiles: Path | None) -> list[Figure]:
    """All figures, one after the other; each on a server and a folder of its own."""
    items, rounds = facts(_CALLS, seed=1), 1 if profiles else _ROUNDS
    single, ingested_per_s = await ingest.single(folder, items, rounds, _named(profiles, "single"))
    batch = await ingest.batch(folder, items, _named(profiles, "batch"))
    in_process = await ingest.batch_in_process(folder, items)
    delivered, delivered_per_s = await delivery.throughput(
        folder, items[:_DELIVERED_FACTS], rounds, _named(profiles, "delivery")
    )
    # One core does both for each event: it is full at the rate whose two shares add up to one.
    capacity_per_s = 1 / (1 / ingested_per_s + 1 / delivered_per_s)
    late = await delivery.latency(folder, spread(_SPREAD_CALLS, seed=2), capacity_per_s / 2)
    return [delivered, single, batch, in_process, *late]


def _named(profiles: Path | None, name: str) -> Path | None:
    return None if profiles is None else profiles / f"{name}.prof"


def _print_profiles(profiles: Path) -> None:
    for file in sorted(profiles.glob("*.prof")):
        print(f"\n{file.stem}: where the server spent its time")
        pstats.Stats(str(file)).sort_stats("tottime").print_stats(_PROFILED_LINES)


def main() -> None:
    """Measure in a temporary folder and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    options = parser.parse_args()
    pin(other_core())
    with tempfile.TemporaryDirectory(prefix="offhook-bench-") as name:
        folder = Path(name)
        machine = f"{describe()}; fsync {fsync_ms(folder):.2f} ms"
        profiles = folder if options.profile else None
        show(uvloop.run(measure(folder, profiles)), machine)
        if profiles is not None:
            _print_profiles(profiles)


if __name__ == "__main__":
    main()
