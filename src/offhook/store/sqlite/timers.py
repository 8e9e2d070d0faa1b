"""Durable timers on SQLite; appends write them, and all are of its one partition."""

from collections.abc import Collection

import msgspec

from offhook.log.entries import DueTimer
from offhook.store.sqlite.database import Database
from offhook.store.sqlite.packing import PARTITION

_DUE = msgspec.json.Decoder(list[DueTimer])


class SqliteTimers:
    """The timers' port."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due_timers(self, partitions: Collection[int], limit: int) -> list[DueTimer]:
        """Timers that are due by the store's clock, oldest first."""
        if PARTITION not in partitions:
            return []
        now_ms = self._database.now_ms()
        return self._database.read(
            lambda it: it.rows("timers_due", _DUE, now_ms=now_ms, limit=limit)
        )

    async def next_timer_ms(self, partitions: Collection[int]) -> int | None:
        """When the earliest timer is due, in Unix milliseconds."""
        if PARTITION not in partitions:
            return None
        next_ms: int | None = self._database.read(lambda it: it.value("timer_next"))
        return next_ms
