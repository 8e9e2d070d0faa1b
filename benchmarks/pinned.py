"""Runs a module where it is measured: ``python -m benchmarks.pinned [options] MODULE ...``.

That is the measured core, or with ``--spread`` every core. Pinning before the module is loaded
keeps every thread that it starts there.
"""

import argparse
import contextlib
import cProfile
import pstats
import runpy
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from benchmarks.machine import MEASURED_CORE, pin, spread


@contextmanager
def _profiled(file: Path) -> Iterator[None]:
    """Write what all threads did; cProfile by itself sees only the one that starts it."""
    profiles: list[cProfile.Profile] = []
    # A server that stops by the signal it was sent would leave nothing behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    run: Callable[[threading.Thread], None] = threading.Thread.run

    def run_profiled(thread: threading.Thread) -> None:
        with cProfile.Profile() as profile:
            profiles.append(profile)
            run(thread)

    with patch.object(threading.Thread, "run", run_profiled), cProfile.Profile() as main:
        yield
    stats = pstats.Stats(main)
    stats.add(*profiles)
    stats.dump_stats(file)


def main() -> None:
    """Pin, then run the module as ``__main__`` with the remaining arguments."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--profile", type=Path)
    parser.add_argument("--spread", action="store_true")
    parser.add_argument("module")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if options.spread:
        spread()
    else:
        pin(MEASURED_CORE)
    sys.argv = [options.module, *options.arguments]
    watching = contextlib.nullcontext() if options.profile is None else _profiled(options.profile)
    with watching, contextlib.suppress(SystemExit):
        runpy.run_module(options.module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
