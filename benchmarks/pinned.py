"""Runs a module on the measured core: ``python -m benchmarks.pinned [--profile FILE] MODULE ...``.

Pinning before the module is loaded keeps every thread that it starts on that core.
"""

import argparse
import contextlib
import cProfile
import runpy
import sys
from pathlib import Path

from benchmarks.machine import MEASURED_CORE, pin


def main() -> None:
    """Pin, then run the module as ``__main__`` with the remaining arguments."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--profile", type=Path)
    parser.add_argument("module")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    pin(MEASURED_CORE)
    sys.argv = [options.module, *options.arguments]
    if options.profile is None:
        runpy.run_module(options.module, run_name="__main__", alter_sys=True)
        return
    with cProfile.Profile() as profile, contextlib.suppress(SystemExit):
        runpy.run_module(options.module, run_name="__main__", alter_sys=True)
    profile.dump_stats(options.profile)


if __name__ == "__main__":
    main()
