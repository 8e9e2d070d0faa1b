"""What a copy shows: a progress bar while it runs, and its report."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from offhook.moving.copying import Compared, CopyReport, Watch

_STEP_WIDTH = 28
_DIGITS = 10


class _Bar:
    """One bar over all steps, named for the one that it is at."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("starting", total=None)

    def expect(self, rows: int) -> None:
        """About so many rows are to be read."""
        self._progress.update(self._task, total=rows)

    def passed(self, step: str, rows: int) -> None:
        """So many more rows were read in this step."""
        self._progress.update(self._task, description=step.ljust(_STEP_WIDTH), advance=rows)


@contextmanager
def progress(console: Console) -> Iterator[Watch]:
    """Draw a bar on a terminal; yields what a copy tells."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    unseen = console.quiet or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=unseen) as bar:
        yield _Bar(bar)


def as_json(report: CopyReport) -> str:
    """The whole report, for programs."""
    tables = [{**msgspec.to_builtins(each), "same": each.same} for each in report.tables]
    document = {**msgspec.to_builtins(report), "tables": tables, "verified": report.same}
    return msgspec.json.encode(document).decode()


def as_table(report: CopyReport) -> Table:
    """Both sides of each table, for people; checksums are shortened where they are the same."""
    table = Table(
        title=f"{report.source} to {report.target}", title_justify="left", box=SIMPLE_HEAD
    )
    table.add_column("table")
    table.add_column("rows", justify="right")
    table.add_column("checksum")
    table.add_column("copied", justify="right")
    table.add_column("checksum")
    table.add_column("")
    for each in report.tables:
        table.add_row(*_cells(each))
    return table


def as_text(report: CopyReport) -> str:
    """What comes after the table, if all is the same: what to do now."""
    lines = [
        f"Verified: both sides hold the same, in {report.partitions} partitions.",
        f"Start servers on {report.target} now, and none on {report.source} any more:",
        "what is pending would be sent twice. Delivery ids and feed cursors are new.",
    ]
    if report.clock_behind_ms:
        lines.append(
            f"The database's clock is {report.clock_behind_ms / 1000:.1f} s behind the newest "
            "event: new ones are dated like it until the clock has caught up."
        )
    return "\n".join(lines)


def _cells(each: Compared) -> tuple[str, ...]:
    old, new = each.checksum[:_DIGITS], each.new_checksum[:_DIGITS]
    same = "same" if each.same else "DIFFERENT"
    return each.table, f"{each.rows:,}", old, f"{each.new_rows:,}", new, same
