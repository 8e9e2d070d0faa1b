"""The file of rejected rows: what was wrong, then the row as it stood, to mend and import again."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from offhook.integrations.files import Table
from offhook.model.errors import Invalid


@dataclass(frozen=True, slots=True)
class Rejection:
    """One fault of a rejected row. ``row`` counts like a spreadsheet; ``column`` is the column, or
    the columns, it came from, else the field of the call; ``value`` is what stood there."""

    row: int
    column: str
    value: str
    reason: str


class RejectsFile:
    """A CSV of rejected rows: ``row``, ``column``, ``reason``, then the input's own columns."""

    def __init__(self, file: TextIO, header: Sequence[str]) -> None:
        self._writer = csv.writer(file)
        self._writer.writerow(("row", "column", "reason", *header))

    def write(self, cells: Sequence[str], rejections: Sequence[Rejection]) -> None:
        """Add a row, with all that is wrong with it on one line."""
        columns = "; ".join(rejection.column for rejection in rejections)
        reasons = "; ".join(rejection.reason for rejection in rejections)
        self._writer.writerow((rejections[0].row, columns, reasons, *cells))


@contextmanager
def open_rejects(path: Path, table: Table, source: Path) -> Iterator[RejectsFile]:
    """Make the file, over an older one. Raises ``Invalid`` if it is the file being imported."""
    if path.resolve() == source.resolve():
        raise Invalid(f"{path} is the file being imported; write the rejected rows elsewhere.")
    with path.open("w", encoding="utf-8", newline="") as file:
        yield RejectsFile(file, table.header)
