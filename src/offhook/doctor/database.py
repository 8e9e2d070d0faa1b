"""Reads what there is to know about a PostgreSQL server and the log on it. Writes nothing."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from offhook.doctor.database_rules import LONG_S, OpenTransaction, ServerFacts, Slot
from offhook.doctor.log_rules import OVERDUE_MS, Backlog, LeaseFact, LogFacts, MemberFact
from offhook.store.postgres.database import connect
from offhook.store.postgres.migrations import DIALECT
from offhook.store.statements import Statements

STATEMENTS = Statements(DIALECT, "offhook.doctor")

DAYS_AHEAD = 2
"""How many days to come should have their tables already."""


class PostgresFacts:
    """What a server and a database say of themselves."""

    def __init__(self, raw: "asyncpg.Connection") -> None:
        self._raw = raw

    async def server(self) -> ServerFacts:
        """The server, and this user's place on it."""
        [row] = await self._raw.fetch(STATEMENTS["server"])
        return ServerFacts(*row)

    async def skew_ms(self) -> tuple[float, float]:
        """By how much the database's clock is ahead of this machine's, give or take the second
        number, in milliseconds."""
        before_ms = time.time() * 1000
        theirs_ms = await self._raw.fetchval(STATEMENTS["now"])
        after_ms = time.time() * 1000
        return theirs_ms - (before_ms + after_ms) / 2, (after_ms - before_ms) / 2

    async def open_transactions(self) -> list[OpenTransaction]:
        """Those of others that have been open for long."""
        rows = await self._raw.fetch(STATEMENTS["transactions"], LONG_S)
        return [OpenTransaction(*row) for row in rows]

    async def slots(self) -> list[Slot]:
        """Replication slots that nobody reads."""
        return [Slot(*row) for row in await self._raw.fetch(STATEMENTS["slots"])]

    async def schema(self) -> int:
        """The version of the schema; 0 where there is none."""
        exists = await self._raw.fetchval(STATEMENTS["schema_exists"])
        return int(await self._raw.fetchval(STATEMENTS["schema_version"])) if exists else 0

    async def missing_days(self) -> list[str]:
        """Tables of days to come that are not there."""
        return [row[0] for row in await self._raw.fetch(STATEMENTS["days"], DAYS_AHEAD)]

    async def unvacuumed(self) -> list[str]:
        """Tables that have autovacuum switched off."""
        return [row[0] for row in await self._raw.fetch(STATEMENTS["unvacuumed"])]

    async def sealed(self) -> tuple[str | None, int]:
        """The key that secrets are sealed with, by its fingerprint, and how many with another."""
        [row] = await self._raw.fetch(STATEMENTS["sealed"])
        return row[0], row[1]

    async def log(self) -> LogFacts:
        """The log now, by the database's clock."""
        now_ms = await self._raw.fetchval(STATEMENTS["now"])
        [backlog] = await self._raw.fetch(STATEMENTS["backlog"], now_ms, OVERDUE_MS)
        return LogFacts(
            now_ms=now_ms,
            newest_ms=await self._raw.fetchval(STATEMENTS["newest"]),
            leases=[LeaseFact(*row) for row in await self._raw.fetch(STATEMENTS["leases"])],
            members=[MemberFact(*row) for row in await self._raw.fetch(STATEMENTS["members"])],
            backlog=Backlog(*backlog),
            held=[row[0] for row in await self._raw.fetch(STATEMENTS["held"])],
        )


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[PostgresFacts]:
    """A connection to the database. Raises what asyncpg raises."""
    raw = await connect(url)
    try:
        yield PostgresFacts(raw)
    finally:
        await raw.close()
