"""Applies whose connection was lost in the commit, until it is known what became of them.

One that was committed must not be done again: its attempts would be recorded twice, and the lanes
that it closed would not be told of, since the second time they are closed already.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from offhook.delivery.entries import PartitionChanges
from offhook.store.postgres.applying import Applying, lock_leases
from offhook.store.postgres.database import Database

_MOST = 8


@dataclass(frozen=True, slots=True)
class Doubt:
    """Changes that were written in a transaction whose outcome is unknown."""

    changes: Sequence[PartitionChanges]
    applying: Applying


class Doubts:
    """The last few doubts of this process; an owner tries the same changes until they are in."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._open = deque[Doubt](maxlen=_MOST)

    def note(self, changes: Sequence[PartitionChanges], applying: Applying) -> None:
        """These may have been committed."""
        if applying.xid is not None:
            self._open.append(Doubt(changes, applying))

    async def settled(self, changes: Sequence[PartitionChanges]) -> Applying | None:
        """The apply of these very changes that was committed after all; ``None`` if there is none,
        and there never will be."""
        doubt = next((it for it in self._open if it.changes == changes), None)
        if doubt is None:
            return None
        stands = await self._stands(doubt)
        self._open.remove(doubt)
        return doubt.applying if stands else None

    async def _stands(self, doubt: Doubt) -> bool:
        """Locking the leases waits for the lost connection's transaction to end."""
        async with self._database.transaction() as session:
            await lock_leases(session, doubt.changes, None)
            status = await session.value("commit_status", xid=doubt.applying.xid)
        return bool(status == "committed")
