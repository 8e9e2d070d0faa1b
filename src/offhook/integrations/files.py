"""Files of calls: CSV and TSV as the world writes them, row by row, none lost silently."""

import codecs
import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from offhook.model.errors import FieldError, Invalid, Unreadable

MAX_FIELD_CHARS = 65_536
DELIMITERS = (",", ";", "\t", "|")
_BY_SUFFIX = {".tsv": "\t", ".tab": "\t"}
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CHUNK_BYTES = 1 << 20
_HEAD_CHARS = 1 << 20


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it stands in the file. ``number`` counts like a spreadsheet: the header is 1."""

    number: int
    cells: tuple[str, ...]
    record: dict[str, object]


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that is none: of another width than the header, or not to be parsed at all."""

    number: int
    cells: tuple[str, ...]
    column: str
    value: str
    reason: str


class Table:
    """An open file of calls: its header at once, its rows one by one."""

    def __init__(self, file: TextIO, encoding: str, delimiter: str) -> None:
        self.encoding = encoding
        """``utf-8``, or ``cp1252`` where the file is not UTF-8."""
        self.delimiter = delimiter
        self._parsed = csv.reader(file, delimiter=delimiter, strict=True)
        self.header = _header(self._parsed)

    def rows(self) -> Iterator[Row | BrokenRow]:
        """Every row after the header that is not blank."""
        header = self.header
        width = len(header)
        number = 1
        while True:
            line = self._parsed.line_num + 1
            number += 1
            try:
                cells = next(self._parsed)
            except StopIteration:
                return
            except csv.Error as error:
                yield BrokenRow(number, (), "", "", _unparsed(error, line, self._parsed.line_num))
                continue
            if len(cells) == width:
                yield Row(number, tuple(cells), dict(zip(header, cells, strict=True)))
            elif cells:
                yield _ragged(number, cells, header)


@contextmanager
def open_table(path: Path) -> Iterator[Table]:
    """Open a file of calls.

    The delimiter is a tab for ``.tsv`` and ``.tab``, else whichever of ``, ; tab |`` splits the
    header most. Raises ``Unreadable`` for a file that is no such text, ``Invalid`` for a header
    that does not name each column once.
    """
    encoding, codec = _encoding(path)
    csv.field_size_limit(MAX_FIELD_CHARS)
    with path.open(encoding=codec, newline="") as file:
        delimiter = _BY_SUFFIX.get(path.suffix.lower()) or _sniff(file)
        yield Table(file, encoding, delimiter)


def _encoding(path: Path) -> tuple[str, str]:
    """The encoding to tell, and the codec that reads it: the whole file is looked at, so that no
    byte of it fails later."""
    with path.open("rb") as file:
        if file.read(2) in _UTF16:
            raise Unreadable(f"{path.name} is UTF-16; save it as UTF-8.")
    for encoding, codec in (("utf-8", "utf-8-sig"), ("cp1252", "cp1252")):
        if _decodes(path, codec):
            return encoding, codec
    raise Unreadable(f"{path.name} is neither UTF-8 nor Windows-1252 text; save it as UTF-8.")


def _decodes(path: Path, codec: str) -> bool:
    decoder = codecs.getincrementaldecoder(codec)()
    with path.open("rb") as file:
        try:
            while chunk := file.read(_CHUNK_BYTES):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _sniff(file: TextIO) -> str:
    head = file.readline(_HEAD_CHARS)
    file.seek(0)
    return max(DELIMITERS, key=lambda mark: len(next(csv.reader([head], delimiter=mark), [])))


def _header(parsed: Iterator[list[str]]) -> tuple[str, ...]:
    try:
        names = tuple(name.strip() for name in next(parsed, []))
    except csv.Error as error:
        raise Unreadable(f"The header, line 1, cannot be read: {error}.") from None
    faults = tuple(_header_faults(names))
    if faults:
        told = "; ".join(fault.message for fault in faults)
        raise Invalid(f"The header must name each column by a name of its own: {told}.", *faults)
    return names


def _header_faults(names: Sequence[str]) -> Iterator[FieldError]:
    if not names:
        yield FieldError("header", "the first line is empty")
    seen: dict[str, int] = {}
    for place, name in enumerate(names, 1):
        if not name:
            yield FieldError("header", f"column {place} has no name")
        elif name in seen:
            yield FieldError("header", f'columns {seen[name]} and {place} are both "{name}"')
        seen.setdefault(name, place)


def _unparsed(error: csv.Error, first: int, last: int) -> str:
    lines = f"line {first}" if first >= last else f"lines {first} to {last}"
    return f"{lines} of the file cannot be parsed: {error}"


def _ragged(number: int, cells: Sequence[str], header: Sequence[str]) -> BrokenRow:
    width, count = len(header), len(cells)
    reason = f"the row has {count} fields, the header {width}"
    if count < width:
        return BrokenRow(number, tuple(cells), header[count], "", reason)
    return BrokenRow(number, tuple(cells), f"column {width + 1}", cells[width], reason)
