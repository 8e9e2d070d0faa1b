"""Numbered, forward-only steps from an empty file to the schema this release knows."""

from offhook.model.errors import OffhookError
from offhook.store.migrations import Migrated, Migration, known_migrations
from offhook.store.sqlite.connection import Connection

DIALECT = "sqlite"


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
