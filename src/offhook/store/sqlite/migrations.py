"""Numbered, forward-only steps from an empty file to the schema this release knows."""

from contextlib import closing
from pathlib import Path

from offhook.model.errors import OffhookError
from offhook.store.migrations import Migrated, Migration, known_migrations
from offhook.store.sqlite.connection import Connection, open_writer
from offhook.store.sqlite.folder import owned

DIALECT = "sqlite"


def migrate_folder(folder: Path, now_ms: int) -> Migrated:
    """Bring the schema of a data folder that no process uses up to date, making it if need be.

    Raises ``OffhookError`` when a process uses it, it cannot be used, or a newer release wrote it.
    """
    with owned(folder) as path, closing(open_writer(path)) as connection:
        return migrate(connection, now_ms)


def migrate(connection: Connection, now_ms: int) -> Migrated:
    """Bring the schema up to date, each step in its own transaction.

    Raises ``OffhookError`` when a newer release wrote the database.
    """
    connection.run("schema_version_create")
    found: int = connection.value("schema_version")
    steps = known_migrations(DIALECT)
    if found > steps[-1].version:
        raise OffhookError(
            f"The database was written by a newer Offhook (schema {found}; this release knows up "
            f"to {steps[-1].version}): upgrade Offhook, or give another folder with --data.",
            code="schema_newer",
        )
    for step in steps[found:]:
        _apply(connection, step, now_ms)
    return Migrated(found, tuple(steps[found:]))


def _apply(connection: Connection, step: Migration, now_ms: int) -> None:
    with connection.transaction():
        connection.script(step.script)
        connection.run(
            "schema_version_add", version=step.version, name=step.name, applied_ms=now_ms
        )
