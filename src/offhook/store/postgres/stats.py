"""Counts of attempts, and of what waits, on PostgreSQL."""

from collections.abc import Mapping

from offhook.delivery.stats.figures import Backlog, Backlogs, Cell, SlotCount
from offhook.model.ids import WebhookId
from offhook.store.postgres.database import Database
from offhook.store.postgres.session import named

_COLUMNS = ("webhooks", "minutes", "classes", "buckets", "attempts")


class PostgresStats:
    """The port of stats."""

    def __init__(self, database: Database, partitions: int) -> None:
        self._database = database
        self._partitions = partitions

    async def add_attempts(self, cells: Mapping[Cell, int]) -> None:
        """Add to each cell. All processes take the rows in one order, so that none waits for
        another in a circle."""
        rows = [(*cell, attempts) for cell, attempts in sorted(cells.items())]
        async with self._database.transaction() as session:
            await session.run("endpoint_minute_add", **named(_COLUMNS, rows))

    async def forget_attempts(self, before_minute: int, limit: int) -> int:
        """Take away old cells."""
        async with self._database.transaction() as session:
            return await session.run(
                "endpoint_minute_forget", before_minute=before_minute, limit=limit
            )

    async def attempt_counts(
        self, webhook: WebhookId, since_minute: int, width: int
    ) -> list[SlotCount]:
        """Attempts since a minute, by slot, class and bucket."""
        async with self._database.reading() as session:
            rows = await session.rows(
                "endpoint_minutes", webhook=webhook, since_minute=since_minute, width=width
            )
        return [SlotCount(*row) for row in rows]

    async def backlog(self, webhook: WebhookId, most: int) -> Backlog:
        """What waits for an endpoint."""
        async with self._database.reading() as session:
            row = await session.only_row(
                "backlog", webhook=webhook, most=most, partitions=self._partitions
            )
        return Backlog(*row)

    async def backlogs(self, most: int) -> Backlogs:
        """What waits for all endpoints."""
        now_ms = self._database.now_ms()
        async with self._database.reading() as session:
            row = await session.only_row(
                "backlogs", most=most, partitions=self._partitions, now_ms=now_ms
            )
        return Backlogs(*row)
