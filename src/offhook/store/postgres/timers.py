"""Durable timers on PostgreSQL; appends write them."""

from collections.abc import Collection

from offhook.log.entries import DueTimer
from offhook.model.fact import TimerKind
from offhook.store.postgres.database import Database


class PostgresTimers:
    """The timers' port."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due_timers(self, partitions: Collection[int], limit: int) -> list[DueTimer]:
        """Timers of these partitions that are due by the store's clock, oldest first."""
        async with self._database.reading() as session:
            rows = await session.rows(
                "timers_due",
                partitions=list(partitions),
                limit=limit,
                now_ms=self._database.now_ms(),
            )
        return [DueTimer(row[0], row[1], TimerKind(row[2])) for row in rows]

    async def next_timer_ms(self, partitions: Collection[int]) -> int | None:
        """When the earliest timer of these partitions is due, in Unix milliseconds."""
        async with self._database.reading() as session:
            next_ms: int | None = await session.value("timer_next", partitions=list(partitions))
        return next_ms
