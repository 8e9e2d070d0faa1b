"""The stopped installation on SQLite, which is read and left as it is."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import apsw

from offhook.model.errors import Invalid, NotFound, OffhookError
from offhook.moving.rules import Row
from offhook.store.migrations import known_migrations
from offhook.store.sqlite.folder import DATABASE, owned
from offhook.store.sqlite.migrations import DIALECT
from offhook.store.statements import Statements

STATEMENTS = Statements(DIALECT, "offhook.moving")


class Source:
    """Rows of a database that nobody writes to."""

    def __init__(self, raw: apsw.Connection) -> None:
        self._raw = raw

    def rows(self, name: str) -> Iterator[Row]:
        """What a statement brings, row by row, in what PostgreSQL can store."""
        return map(_storable, self._raw.execute(STATEMENTS[name]))

    def row(self, name: str) -> Row:
        """The one row that a statement brings."""
        found: Row = next(self.rows(name))
        return found


def _storable(row: Row) -> Row:
    """The row without NUL in texts, which PostgreSQL refuses: an attempt's error may quote what
    came over the network."""
    if not any(type(value) is str and "\x00" in value for value in row):
        return row
    return tuple(
        value.replace("\x00", "\ufffd") if isinstance(value, str) else value for value in row
    )


@contextmanager
def opened(place: str) -> Iterator[Source]:
    """Own the data folder of a stopped server and read its database.

    ``place`` is the folder, or ``sqlite:///path`` of it. Raises ``OffhookError`` where there is no
    installation, a server still runs on it, or another release wrote it.
    """
    folder = _folder(place)
    if not (folder / DATABASE).is_file():
        raise NotFound(
            f"There is no installation in {folder} (no file {DATABASE}): give the folder that the "
            "server had as --data."
        )
    with owned(folder) as path:
        raw = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        with closing(raw):
            source = Source(raw)
            _check_schema(source, folder)
            yield source


def _folder(place: str) -> Path:
    parts = urlsplit(place)
    if "://" not in place:
        path = Path(place)
    elif parts.scheme == "sqlite" and not parts.netloc and parts.path:
        path = Path(unquote(parts.path))
    else:
        raise Invalid(
            f"--from {place!r} is no installation on SQLite: give its data folder, or "
            "sqlite:///path/of/the/folder."
        )
    return path.parent if path.name == DATABASE else path


def _check_schema(source: Source, folder: Path) -> None:
    [found] = source.row("schema_version")
    known = known_migrations(DIALECT)[-1].version
    if found < known:
        raise OffhookError(
            f"The database in {folder} is of an older release (schema {found}; this one knows "
            f"{known}): run offhook migrate --data {folder} first.",
            code="schema_older",
        )
    if found > known:
        raise OffhookError(
            f"The database in {folder} was written by a newer Offhook (schema {found}; this "
            f"release knows up to {known}): copy it with that release.",
            code="schema_newer",
        )
