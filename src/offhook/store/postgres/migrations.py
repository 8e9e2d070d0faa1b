"""Numbered, forward-only steps from an empty schema to the one this release knows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import structlog

from offhook.model.errors import OffhookError
from offhook.store.migrations import Migrated, Migration, known_migrations
from offhook.store.postgres.database import connect
from offhook.store.postgres.reaching import reaching
from offhook.store.postgres.session import Session

DIALECT = "postgres"
_LOCK = 0x0FF_400C
_LOCK_WAIT_MS = 1_000
_PAUSE_S = 2.0

_log = structlog.get_logger(__name__)


async def migrate_database(url: str, partitions: int) -> Migrated:
    """Bring the schema of a database up to date, making it if need be. Servers may be at work: a
    step of the phase ``contract`` is for when none of an older release is.

    Raises ``OffhookError`` when the database cannot be used or a newer release wrote it.
    """
    with reaching(url):
        raw = await connect(url, patient=True)
        try:
            return await migrate(raw, partitions, None)
        finally:
            await raw.close()


async def migrate(raw: "asyncpg.Connection", partitions: int, now_ms: int | None) -> Migrated:
    """Bring the schema up to date, each step in its own transaction, while others wait.
    ``partitions`` counts only where the log is made.

    Raises ``OffhookError`` when a newer release wrote the database.
    """
    async with sole(raw):
        session = Session(raw)
        await session.run("schema_version_create")
        found: int = await session.value("schema_version")
        steps = known_migrations(DIALECT)
        if found > steps[-1].version:
            raise newer(found, steps[-1].version)
        for step in steps[found:]:
            await _apply(raw, session, step, now_ms)
        await session.run("partition_heads_create", partitions=partitions)
        return Migrated(found, tuple(steps[found:]))


@asynccontextmanager
async def sole(raw: "asyncpg.Connection") -> AsyncIterator[None]:
    """While the block runs, nobody else brings the schema up to date: whoever opens the store
    waits. May be nested."""
    session = Session(raw)
    await session.row("migrations_lock", lock=_LOCK)
    try:
        yield
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
    """Take a step, however long somebody reads a table that it changes: who waits for a table for
    long keeps all who come after waiting too, so it is asked for again and again."""
    while not await _applied(raw, session, step, now_ms):
        _log.warning("schema_step_waits", version=step.version, step=step.name)
        await asyncio.sleep(_PAUSE_S)


async def _applied(
    raw: "asyncpg.Connection", session: Session, step: Migration, now_ms: int | None
) -> bool:
    try:
        async with raw.transaction():
            await session.row("lock_timeout", timeout_ms=_LOCK_WAIT_MS)
            await session.script(step.script)
            await session.run(
                "schema_version_add", version=step.version, name=step.name, applied_ms=now_ms
            )
    except asyncpg.LockNotAvailableError:
        return False
    return True
