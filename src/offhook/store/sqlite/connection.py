"""One connection to the database, which speaks in named statements."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import apsw
import msgspec

from offhook.store.statements import Statements

Value = None | int | float | bytes | str
Row = tuple[Any, ...]

T = TypeVar("T")

STATEMENTS = Statements("sqlite")

_PAGE_BYTES = 16_384
_CHECKPOINT_PAGES = 2_048
_CACHE_KIB = 65_536
_BUSY_MS = 5_000
_MOST_ROWS = 256
_CACHED_STATEMENTS = 300


class Connection:
    """Runs statements by name.

    SQLite gives the interpreter lock away at each step of a statement and, while another thread is
    busy, gets it back only after that thread's time slice. So a question is asked in one step,
    whatever it brings: sets of keys go in as one JSON text, rows come back as one, and inserts are
    many rows wide.
    """

    def __init__(self, raw: apsw.Connection) -> None:
        self._raw = raw
        self.lock = threading.RLock()
        """Held for a whole transaction, as a database in memory has one connection for all."""

    def transaction(self) -> apsw.Connection:
        """A context: a transaction, or inside one a savepoint; undone when the block raises."""
        return self._raw

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open: some errors end it on their own."""
        return self._raw.in_transaction

    def run(self, name: str, /, **bindings: Value) -> int:
        """Run a statement that changes rows; returns how many."""
        self._raw.execute(STATEMENTS[name], bindings)
        return self._raw.changes()

    def row(self, name: str, /, **bindings: Value) -> Row | None:
        """The first row, if there is one."""
        return self._raw.execute(STATEMENTS[name], bindings).fetchone()

    def value(self, name: str, /, **bindings: Value) -> Any:
        """The first column of the first row; ``None`` without one."""
        row = self.row(name, **bindings)
        return None if row is None else row[0]

    def rows(self, name: str, into: msgspec.json.Decoder[T], /, **bindings: Value) -> T:
        """The rows that a statement gathers into one JSON text, decoded and checked."""
        return into.decode(self.value(name, **bindings))

    def insert(self, name: str, rows: Sequence[Sequence[Value]]) -> None:
        """Run an insert of one row for many, in as few steps as may be: powers of two at a time, so
        that few texts are ever prepared."""
        at = 0
        while at < len(rows):
            count = min(_MOST_ROWS, 1 << (len(rows) - at).bit_length() - 1)
            taken = rows[at : at + count]
            statement = STATEMENTS.for_rows(name, count)
            self._raw.execute(statement, tuple(chain.from_iterable(taken)))
            at += count

    def script(self, text: str) -> None:
        """Run a migration's statements."""
        self._raw.execute(text)

    @contextmanager
    def overwriting(self) -> Iterator[None]:
        """What is deleted or replaced inside the block is overwritten in the file, and is left in
        no write-ahead log after it."""
        self._raw.pragma("secure_delete", value=True)
        try:
            yield
            self._raw.pragma("wal_checkpoint", "truncate")
        finally:
            self._raw.pragma("secure_delete", value=False)

    def close(self) -> None:
        """Close; an open transaction is undone."""
        with self.lock:
            self._raw.close()


def open_writer(path: Path | None) -> Connection:
    """The one connection that writes; ``None`` is a database in memory."""
    raw = apsw.Connection(
        ":memory:" if path is None else str(path), statementcachesize=_CACHED_STATEMENTS
    )
    raw.set_busy_timeout(_BUSY_MS)
    raw.transaction_mode = "IMMEDIATE"
    _set(
        raw,
        page_size=_PAGE_BYTES,
        journal_mode="wal",
        synchronous="full",
        cache_size=-_CACHE_KIB,
        wal_autocheckpoint=_CHECKPOINT_PAGES,
        foreign_keys=False,
    )
    return Connection(raw)


def open_reader(path: Path) -> Connection:
    """A connection that reads what is committed."""
    raw = apsw.Connection(
        str(path), flags=apsw.SQLITE_OPEN_READONLY, statementcachesize=_CACHED_STATEMENTS
    )
    raw.set_busy_timeout(_BUSY_MS)
    _set(raw, cache_size=-_CACHE_KIB // 4)
    return Connection(raw)


def _set(raw: apsw.Connection, **pragmas: Value) -> None:
    for name, value in pragmas.items():
        raw.pragma(name, value)


def as_json(rows: Iterable[Value | Sequence[Value]]) -> str:
    """A set of keys as the one binding that statements unfold with ``json_each``."""
    return msgspec.json.encode(list(rows)).decode()
