"""Announcements on SQLite: written with what they tell of, gone once the log has them."""

from collections.abc import Collection, Sequence

import msgspec

from offhook.delivery.entries import Announcement
from offhook.model.ids import AccountId, EventId
from offhook.store.sqlite.connection import Connection, as_json


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
        fields = msgspec.structs.asdict(self)
        return Announcement(**{**fields, "data": bytes.fromhex(self.data)})


_ROWS = msgspec.json.Decoder(list[tuple[int, _Row]])


def announce(connection: Connection, announcements: Collection[Announcement]) -> None:
    """Put them in, in the transaction of what they tell of."""
    connection.insert("announcement_add", [msgspec.structs.astuple(it) for it in announcements])


def announcements(
    connection: Connection, partition: int, limit: int
) -> list[tuple[int, Announcement]]:
    """The oldest of a partition, each with its number."""
    rows = connection.rows("announcements", _ROWS, partition=partition, limit=limit)
    return [(number, row.announcement()) for number, row in rows]


def announced(connection: Connection, numbers: Sequence[int]) -> None:
    """The log has these."""
    connection.run("announcements_done", ids=as_json(numbers))
