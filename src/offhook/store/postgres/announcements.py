"""Announcements on PostgreSQL: written with what they tell of, gone once the log has them."""

from collections.abc import Collection, Sequence

from msgspec.structs import astuple

from offhook.delivery.entries import Announcement
from offhook.store.postgres.database import Database
from offhook.store.postgres.session import Session, named

_COLUMNS = ("partitions", "accounts", "event_ids", "types", "keys", "tests", "data")


async def announce(session: Session, announcements: Collection[Announcement]) -> None:
    """Put them in, in the transaction of what they tell of."""
    if announcements:
        rows = [astuple(it) for it in announcements]
        await session.run("announcement_add", **named(_COLUMNS, rows))


class PostgresAnnouncements:
    """The port of announcements."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def announcements(
        self, partitions: Collection[int], limit: int
    ) -> list[tuple[int, Announcement]]:
        """What was announced and is not in the log yet, oldest first, each with its number."""
        async with self._database.reading() as session:
            rows = await session.rows("announcements", asked=list(partitions), limit=limit)
        return [(row[0], Announcement(*row[1:])) for row in rows]

    async def announced(self, numbers: Sequence[int]) -> None:
        """These stand in the log: they go."""
        async with self._database.transaction() as session:
            await session.run("announcements_done", ids=list(numbers))
