"""Counts of attempts, and of what waits, on SQLite."""

from collections.abc import Mapping

import msgspec

from offhook.delivery.stats.figures import Backlog, Backlogs, Cell, SlotCount
from offhook.model.ids import WebhookId
from offhook.store.sqlite.connection import Connection
from offhook.store.sqlite.database import Database
from offhook.store.sqlite.packing import PARTITION

_COUNTS = msgspec.json.Decoder(list[SlotCount])


class SqliteStats:
    """The port of stats."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_attempts(self, cells: Mapping[Cell, int]) -> None:
        """Add to each cell."""
        rows = [(*cell, attempts) for cell, attempts in sorted(cells.items())]
        await self._database.write(lambda it: it.connection.insert("endpoint_minute_add", rows))

    async def forget_attempts(self, before_minute: int, limit: int) -> int:
        """Take away old cells."""
        return await self._database.write(
            lambda it: it.connection.run(
                "endpoint_minute_forget", before_minute=before_minute, limit=limit
            )
        )

    async def attempt_counts(
        self, webhook: WebhookId, since_minute: int, width: int
    ) -> list[SlotCount]:
        """Attempts since a minute, by slot, class and bucket."""
        return await self._database.query(
            lambda it: it.rows(
                "endpoint_minutes",
                _COUNTS,
                webhook=webhook,
                since_minute=since_minute,
                width=width,
            )
        )

    async def backlog(self, webhook: WebhookId, most: int) -> Backlog:
        """What waits for an endpoint."""

        def work(connection: Connection) -> Backlog:
            row = connection.row("backlog", webhook=webhook, most=most, partition=PARTITION)
            assert row is not None  # noqa: S101 - an aggregate without a group has one row
            return Backlog(*row)

        return await self._database.query(work)

    async def backlogs(self, most: int) -> Backlogs:
        """What waits for all endpoints."""
        now_ms = self._database.now_ms()

        def work(connection: Connection) -> Backlogs:
            row = connection.row("backlogs", most=most, now_ms=now_ms, partition=PARTITION)
            assert row is not None  # noqa: S101 - an aggregate without a group has one row
            return Backlogs(*row)

        return await self._database.query(work)
