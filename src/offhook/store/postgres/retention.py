"""Taking old events out of the log, on PostgreSQL."""

from offhook.store.postgres.database import Database

_AT_ONCE = 1_000


class PostgresRetention:
    """The port of retention."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def trim(self, partition: int, through: int) -> int:
        """Delete events up to a position, at most a thousand; returns how many went."""
        async with self._database.transaction() as session:
            await session.rows("heads_locked", partitions=[partition])
            floor = await session.value("trim_floor", partition=partition, through=through)
            end = await session.row(
                "heads_newest", partitions=[partition], since_ms=[0], now_ms=None
            )
            if end is None:
                return 0
            await session.run(
                "trim_mark",
                partition=partition,
                position=end["position"],
                created_ms=end["created_ms"],
            )
            return await session.run("trim", partition=partition, through=floor, limit=_AT_ONCE)
