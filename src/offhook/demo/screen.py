"""What is seen while the demo runs: a live table on a terminal, a line now and then elsewhere."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table

from offhook.demo.feeding import Progress
from offhook.demo.summary import milliseconds
from offhook.demo.tally import Report

_LINE_EVERY_S: Final = 2.0
_RATE_OVER_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Frame:
    """One moment of the run."""

    elapsed_s: float
    facts: int
    at: str
    report: Report
    per_s: float


class Pace:
    """The rate of distinct events over the last two seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def per_s(self, now_s: float, distinct: int) -> float:
        """Note a count; returns the rate since the oldest one still looked at."""
        self._seen.append((now_s, distinct))
        while self._seen[0][0] < now_s - _RATE_OVER_S:
            self._seen.popleft()
        then_s, before = self._seen[0]
        return (distinct - before) / (now_s - then_s) if now_s > then_s else 0.0


class Screen(Protocol):
    """Where frames are shown."""

    def show(self, frame: Frame) -> None:
        """Show the latest frame, if it is time for one."""
        ...


class _LiveTable:
    def __init__(self, live: Live) -> None:
        self._live = live

    def show(self, frame: Frame) -> None:
        self._live.update(_table(frame))


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._next_s = _LINE_EVERY_S

    def show(self, frame: Frame) -> None:
        if frame.elapsed_s < self._next_s:
            return
        self._next_s = frame.elapsed_s + _LINE_EVERY_S
        values = ", ".join(f"{name} {value}" for name, value in _rows(frame))
        self._console.print(values, soft_wrap=True)


class _Silent:
    def show(self, frame: Frame) -> None:
        """Nothing: the end alone is wanted."""


@contextmanager
def screen_on(console: Console) -> Iterator[Screen]:
    """The screen that suits the console."""
    if console.quiet:
        yield _Silent()
    elif console.is_terminal:
        with Live(console=console, refresh_per_second=4, transient=True) as live:
            yield _LiveTable(live)
    else:
        yield _Lines(console)


def frame_of(elapsed_s: float, progress: Progress, report: Report, pace: Pace) -> Frame:
    """This moment's frame."""
    per_s = pace.per_s(elapsed_s, report.distinct)
    return Frame(elapsed_s, progress.facts, progress.at, report, per_s)


def _rows(frame: Frame) -> list[tuple[str, str]]:
    report = frame.report
    return [
        ("at", frame.at),
        ("facts posted", f"{frame.facts:,}"),
        ("calls ended", f"{report.calls:,}"),
        ("events", f"{report.distinct:,}"),
        ("deliveries/s", f"{frame.per_s:,.0f}"),
        ("retries", f"{report.retries:,}"),
        ("failed on purpose", f"{report.failed_on_purpose:,}"),
        ("duplicates", f"{report.duplicates:,}"),
        ("p50", milliseconds(report.p50_ms)),
        ("p99", milliseconds(report.p99_ms)),
    ]


def _table(frame: Frame) -> Table:
    table = Table(title=f"Offhook demo, {frame.elapsed_s:.0f} s", title_justify="left")
    table.show_header = False
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True, min_width=12)
    for name, value in _rows(frame):
        table.add_row(name, value)
    return table
