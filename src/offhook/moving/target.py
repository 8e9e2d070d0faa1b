"""The empty PostgreSQL database that a log is moved into, in one transaction."""

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager

import asyncpg

from offhook.model.errors import Conflict, Invalid, OffhookError
from offhook.moving.rules import Row
from offhook.moving.tables import Table
from offhook.store.postgres.database import connect
from offhook.store.postgres.migrations import DIALECT, migrate, sole
from offhook.store.postgres.reaching import reaching, shown, told
from offhook.store.statements import Statements

STATEMENTS = Statements(DIALECT, "offhook.moving")

_AT_ONCE = 500


class Target:
    """The new log's tables, to be filled and read back."""

    def __init__(self, raw: "asyncpg.Connection", partitions: int) -> None:
        self._raw = raw
        self.partitions = partitions

    async def make_days(self, parent: str, days: Collection[int]) -> None:
        """Have a table for each of these days; a day is the moment it begins, in Unix ms."""
        await self._raw.execute(STATEMENTS["days_make"], parent, sorted(days))

    async def fill(self, table: Table, rows: Iterable[Row]) -> None:
        """Write rows that have all of the table's columns."""
        await self._raw.copy_records_to_table(table.name, columns=table.columns, records=rows)

    async def sign(self, token_key: bytes, sealed_with: str | None) -> None:
        """Sign as the old log did, and be opened by the same key: what is sealed moves sealed."""
        await self._raw.execute(STATEMENTS["installation"], token_key, sealed_with)

    async def go_on_from(self, ends: Sequence[int], created_ms: int) -> None:
        """Have new events stand after these positions, one for each partition, and be later than
        that moment: an id names a moment and a place, and the old ids name places of the old
        log."""
        await self._raw.execute(STATEMENTS["heads_floor"], ends, created_ms + 1)

    async def analyze(self) -> None:
        """Have statements planned by what was filled in."""
        await self._raw.execute(STATEMENTS["analyze"])

    async def rows(self, table: Table) -> AsyncIterator[Sequence[Row]]:
        """What stands in a table, some rows at a time."""
        cursor = await self._raw.cursor(STATEMENTS[table.name])
        while found := await cursor.fetch(_AT_ONCE):
            yield [tuple(row) for row in found]

    async def now_ms(self) -> int:
        """The database's clock, in Unix milliseconds."""
        now_ms: int = await self._raw.fetchval(STATEMENTS["now"])
        return now_ms


@asynccontextmanager
async def opened(url: str, partitions: int) -> AsyncIterator[Target]:
    """A transaction on an empty database, which has its schema made first, with so many
    ``partitions`` unless it has some: committed when the block ends, undone when it raises. Servers
    that start meanwhile wait.

    Raises ``OffhookError`` where the database cannot be used or is not empty.
    """
    if not url.startswith(("postgresql://", "postgres://")):
        raise Invalid(
            "--to is no URL of a PostgreSQL database, such as "
            "postgresql://user:password@host:5432/offhook."
        )
    with reaching(url):
        raw = await connect(url, patient=True)
        try:
            async with sole(raw):
                await migrate(raw, partitions, None)
                async with _committed(raw, url):
                    yield await _taken(raw, url)
        finally:
            await raw.close()


@asynccontextmanager
async def _committed(raw: "asyncpg.Connection", url: str) -> AsyncIterator[None]:
    transaction = raw.transaction()
    await transaction.start()
    try:
        yield
    except BaseException:
        if not raw.is_closed():
            await transaction.rollback()
        raise
    try:
        await transaction.commit()
    except (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError) as error:
        raise OffhookError(
            f"The connection to {shown(url)} was lost in the commit ({told(error)}): all of it is "
            "there, or nothing. Copy again: a database that has it all is refused as not empty.",
            code="database_unusable",
        ) from error


async def _taken(raw: "asyncpg.Connection", url: str) -> Target:
    """The database to itself, if there is nothing in it."""
    await raw.execute(STATEMENTS["settings"])
    await raw.execute(STATEMENTS["lock"])
    filled = [row[0] for row in await raw.fetch(STATEMENTS["filled"])]
    if filled:
        raise Conflict(
            f"The database {shown(url)} is not empty: there are rows in {', '.join(filled)}. A log "
            "is moved into an empty one only; give another database, or drop the schema of this "
            "one if nothing in it is needed."
        )
    partitions: int = await raw.fetchval(STATEMENTS["partitions"])
    return Target(raw, partitions)
