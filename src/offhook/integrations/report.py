"""What an import shows: a progress bar while it runs, and its report."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from offhook.integrations.importing import ImportReport
from offhook.integrations.importing import Progress as OnProgress
from offhook.integrations.rejects import Rejection

_SHOWN = 20
_CHUNK = 1 << 20


@contextmanager
def progress(path: Path, console: Console) -> Iterator[OnProgress]:
    """Draw a bar over the rows of a file, on a terminal; yields what an import reports to."""
    columns = (TextColumn(path.name), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    unseen = console.quiet or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=unseen) as bar:
        task = bar.add_task("rows", total=max(_lines(path) - 1, 0))
        yield lambda report: bar.update(task, completed=report.rows_read)


def as_json(report: ImportReport) -> str:
    """The whole report, for programs."""
    return msgspec.json.encode(asdict(report)).decode()


def as_text(report: ImportReport) -> str:
    """The report, for people: the counts, then the first rejected rows with their reasons."""
    counts = f"{report.new} new, {report.unchanged} known already, {report.rejected} rejected"
    lines = [f"{report.rows_read} rows read: {counts}"]
    if report.adjusted:
        lines.append(f"{report.adjusted} with a local time that a change of clocks made doubtful")
    lines += map(_told, report.rejections[:_SHOWN])
    if len(report.rejections) > _SHOWN:
        lines.append("... and more; --rejects FILE writes all of them")
    return "\n".join(lines)


def _told(rejection: Rejection) -> str:
    value = f" = {rejection.value!r}" if rejection.value else ""
    where = f", {rejection.column}{value}" if rejection.column else ""
    return f"row {rejection.row}{where}: {rejection.reason}"


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(_CHUNK), b""))
