"""Reads what there is to know about a data folder and the database in it. Writes nothing: a server
may be at work there."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import apsw

from offhook.doctor.folder_rules import FolderFacts, Integrity
from offhook.doctor.log_rules import OVERDUE_MS, Backlog, LeaseFact, LogFacts, MemberFact
from offhook.store.sqlite.folder import DATABASE, holder_of
from offhook.store.sqlite.migrations import DIALECT
from offhook.store.statements import Statements

STATEMENTS = Statements(DIALECT, "offhook.doctor")

CHECK_S = 20.0
"""How long the file is read for faults."""

_LOOK_EVERY = 10_000
_WHOLE = "ok"


def read_folder(folder: Path) -> FolderFacts | None:
    """The folder; ``None`` where there is no installation."""
    database = folder / DATABASE
    if not database.is_file():
        return None
    wal = database.with_name(f"{DATABASE}-wal")
    return FolderFacts(
        path=str(folder),
        mode=folder.stat().st_mode & 0o777,
        writable=os.access(folder, os.W_OK | os.X_OK) and os.access(database, os.R_OK | os.W_OK),
        free_bytes=shutil.disk_usage(folder).free,
        database_bytes=database.stat().st_size,
        wal_bytes=wal.stat().st_size if wal.exists() else 0,
        holder=holder_of(folder),
    )


class SqliteFacts:
    """What a database in a file says of itself."""

    def __init__(self, raw: apsw.Connection) -> None:
        self._raw = raw

    def schema(self) -> int:
        """Its version; 0 where there is none."""
        return self._value("schema_version") if self._value("schema_exists") else 0

    def log(self, now_ms: int) -> LogFacts:
        """The log at this moment."""
        asked = {"now_ms": now_ms, "overdue_ms": OVERDUE_MS}
        [backlog] = self._raw.execute(STATEMENTS["backlog"], asked)
        return LogFacts(
            now_ms=now_ms,
            newest_ms=next((row[0] for row in self._raw.execute(STATEMENTS["newest"])), None),
            leases=[LeaseFact(*row) for row in self._raw.execute(STATEMENTS["leases"])],
            members=[MemberFact(*row) for row in self._raw.execute(STATEMENTS["members"])],
            backlog=Backlog(*backlog),
            held=[row[0] for row in self._raw.execute(STATEMENTS["held"])],
        )

    def sealed(self) -> tuple[str | None, int]:
        """The key that secrets are sealed with, by its fingerprint, and how many with another."""
        [(sealed_with, others)] = self._raw.execute(STATEMENTS["sealed"])
        return sealed_with, others

    def integrity(self, within_s: float = CHECK_S) -> Integrity:
        """Whether the file is whole, as far as can be read in that time."""
        ends_at = time.monotonic() + within_s
        self._raw.set_progress_handler(lambda: time.monotonic() > ends_at, _LOOK_EVERY)
        try:
            told = [row[0] for row in self._raw.execute(STATEMENTS["quick_check"])]
        except apsw.InterruptError:
            return Integrity((), finished=False)
        finally:
            self._raw.set_progress_handler(None)
        return Integrity(tuple(line for line in told if line != _WHOLE), finished=True)

    def _value(self, name: str) -> int:
        [(value,)] = self._raw.execute(STATEMENTS[name])
        return int(value)


@contextmanager
def opened(folder: Path) -> Iterator[SqliteFacts]:
    """Read the database of a folder. Raises what apsw raises."""
    path = str(folder / DATABASE)
    with closing(apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)) as raw:
        yield SqliteFacts(raw)
