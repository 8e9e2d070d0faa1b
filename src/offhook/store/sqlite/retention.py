"""Taking old events out of the log, on SQLite."""

from offhook.store.sqlite.append import read_end
from offhook.store.sqlite.database import Database
from offhook.store.sqlite.packing import PARTITION
from offhook.store.sqlite.tail import Tail
from offhook.store.sqlite.writer import Transaction

_AT_ONCE = 1_000


class SqliteRetention:
    """The port of retention."""

    def __init__(self, database: Database, tail: Tail) -> None:
        self._database = database
        self._tail = tail

    async def trim(self, partition: int, through: int) -> int:
        """Delete events up to a position, at most a thousand; returns how many went."""

        def work(transaction: Transaction) -> int:
            connection = transaction.connection
            floor: int = connection.value("trim_floor", partition=partition, through=through)
            end = read_end(connection)
            connection.run(
                "trim_mark", partition=partition, position=end.position, created_ms=end.created_ms
            )
            transaction.committed.append(lambda: self._tail.trim(floor))
            return connection.run("trim", partition=partition, through=floor, limit=_AT_ONCE)

        return await self._database.write(work) if partition == PARTITION else 0
