"""Numbered, forward-only steps from an empty schema to the one this release knows."""

import asyncpg

from offhook.model.errors import OffhookError
from offhook.store.migrations import Migration, known_migrations
from offhook.store.postgres.session import Session

DIALECT = "postgres"
_LOCK = 0x0FF_400C


async def migrate(raw: "asyncpg.Connection", partitions: int, now_ms: int | None) -> int:
    """Bring the schema up to date, each step in its own transaction, while others wait; returns its
    version. ``partitions`` counts only where the log is made.

    Raises ``OffhookError`` when a newer release wrote the database.
    """
    session = Session(raw)
    await session.row("migrations_lock", lock=_LOCK)
    try:
        await session.run("schema_version_create")
        found: int = await session.value("schema_version")
        steps = known_migrations(DIALECT)
        if found > steps[-1].version:
            raise newer(found, steps[-1].version)
        for step in steps[found:]:
            await _apply(raw, session, step, now_ms)
        await session.run("partition_heads_create", partitions=partitions)
        return steps[-1].version
    finally:
        if not raw.is_closed():
            await session.row("migrations_unlock", lock=_LOCK)


def newer(found: int, known: int) -> OffhookError:
    """The refusal of a database that a later release wrote."""
    return OffhookError(
        f"The database was written by a newer Offhook (schema {found}; this release knows up "
        f"to {known}): upgrade Offhook, or give another database with --database.",
        code="schema_newer",
    )


async def _apply(
    raw: "asyncpg.Connection", session: Session, step: Migration, now_ms: int | None
) -> None:
    async with raw.transaction():
        await session.script(step.script)
        await session.run(
            "schema_version_add", version=step.version, name=step.name, applied_ms=now_ms
        )
