"""Announcements on SQLite: written with what they tell of, gone once the log has them."""

from collections.abc import Collection, Sequence

import msgspec

from offhook.delivery.entries import Announcement
from offhook.model.ids import AccountId, EventId
from offhook.store.sqlite.connection import Connection, as_json
from offhook.store.sqlite.database import Database


class _Row(msgspec.Struct, frozen=True):
    """An announcement; ``data`` is hexadecimal."""

    partition: int
    account: AccountId
    event_id: EventId
    type: str
    key: str
    test: bool
    data: str

    def announcement(self) -> Announcement:
        """As the ports know it."""
        fields = msgspec.structs.asdict(self)
        return Announcement(**{**fields, "data": bytes.fromhex(self.data)})


_ROWS = msgspec.json.Decoder(list[tuple[int, _Row]])


def announce(connection: Connection, announcements: Collection[Announcement]) -> None:
    """Put them in, in the transaction of what they tell of."""
    connection.insert("announcement_add", [msgspec.structs.astuple(it) for it in announcements])


class SqliteAnnouncements:
    """The port of announcements."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def announcements(
        self, partitions: Collection[int], limit: int
    ) -> list[tuple[int, Announcement]]:
        """What was announced and is not in the log yet, oldest first, each with its number."""

        def work(connection: Connection) -> list[tuple[int, _Row]]:
            return [
                row
                for partition in partitions
                for row in connection.rows("announcements", _ROWS, partition=partition, limit=limit)
            ]

        rows = self._database.read(work)
        return [(number, row.announcement()) for number, row in rows]

    async def announced(self, numbers: Sequence[int]) -> None:
        """These stand in the log: they go."""
        ids = as_json(numbers)
        await self._database.write(lambda it: it.connection.run("announcements_done", ids=ids))
