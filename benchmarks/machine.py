"""The machine: who runs on which core, and what it is called."""

import os
import platform
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")

MEASURED_CORE: Final = 0
"""The core of a process that is measured alone; load and receiver run on another."""


def pin(core: int) -> None:
    """Keep this process, and what it starts, on one core, where the system can do that."""
    if sys.platform == "linux":
        os.sched_setaffinity(0, {core % (os.cpu_count() or 1)})


def spread() -> None:
    """Let this process, and what it starts, run on every core, beside load and receiver."""
    if sys.platform == "linux":
        os.sched_setaffinity(0, range(os.cpu_count() or 1))


@contextmanager
def spreading() -> Iterator[None]:
    """What is started in the block may run on every core."""
    if sys.platform != "linux":
        yield
        return
    before = os.sched_getaffinity(0)
    spread()
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def other_core() -> int:
    """The core for everything but the measured process."""
    return min(MEASURED_CORE + 1, (os.cpu_count() or 1) - 1)


def describe() -> str:
    """Processor, cores and interpreter in one line."""
    cores = os.cpu_count() or 1
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{_processor()}, {cores} cores, {platform.system()}, {python}"


def fsync_ms(folder: Path) -> float:
    """What making a few bytes durable costs here: the median of fifty."""
    costs = []
    with (folder / "fsync").open("wb") as file:
        for _ in range(50):
            began = time.perf_counter()
            file.write(b"x" * 512)
            file.flush()
            os.fsync(file.fileno())
            costs.append(time.perf_counter() - began)
    return statistics.median(costs) * 1000


def cpu_s(pid: int) -> float | None:
    """Processor time that a process has used so far, all threads; ``None`` where unknown."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return None
    user, system = stat.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / _TICKS_A_SECOND


def tree_cpu_s(pid: int) -> float:
    """Processor time of a process and all that it ever started, those that ended among them; 0
    where that is unknown."""
    parents: dict[int, int] = {}
    used: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        child = int(stat.parent.name)
        parents[child] = int(fields[1])
        # Its own and that of children that ended, user and system.
        used[child] = sum(int(ticks) for ticks in fields[11:15])
    members = {pid} | {child for child, parent in parents.items() if parent == pid}
    return sum(used.get(member, 0) for member in members) / _TICKS_A_SECOND


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
