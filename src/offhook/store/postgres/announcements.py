"""Announcements on PostgreSQL: written with what they tell of, gone once the log has them."""

from collections.abc import Collection, Sequence

from msgspec.structs import astuple

from offhook.delivery.entries import Announcement
from offhook.store.postgres.session import Session, named

_COLUMNS = ("partitions", "accounts", "event_ids", "types", "keys", "tests", "data")


async def announce(session: Session, announcements: Collection[Announcement]) -> None:
    """Put them in, in the transaction of what they tell of."""
    if announcements:
        rows = [astuple(it) for it in announcements]
        await session.run("announcement_add", **named(_COLUMNS, rows))


async def announcements(
    session: Session, partitions: Collection[int], limit: int
) -> list[tuple[int, Announcement]]:
    """The oldest of these partitions, each with its number."""
    rows = await session.rows("announcements", asked=list(partitions), limit=limit)
    return [(row[0], Announcement(*row[1:])) for row in rows]


async def announced(session: Session, numbers: Sequence[int]) -> None:
    """The log has these."""
    await session.run("announcements_done", ids=list(numbers))
