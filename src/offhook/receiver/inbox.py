"""The inbox in an SQLite file."""

from collections.abc import Sequence
from pathlib import Path

import apsw

from offhook.clock import Clock, SystemClock
from offhook.receiver.database import Database
from offhook.receiver.ports import Arrival, StoredEvent

TTL_S = 48 * 3600
_FORGET_EVERY_MS = 60_000
_FORGET_AT_MOST = 1_000

# AUTOINCREMENT: a place freed by forgetting must never be given to a later event, or a reader that
# is past it would miss that one.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    key TEXT NOT NULL,
    body BLOB,
    handled_ms INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS event_waiting ON event (place) WHERE handled_ms IS NULL;
CREATE INDEX IF NOT EXISTS event_handled ON event (handled_ms) WHERE handled_ms IS NOT NULL;
"""
_KEEP = "INSERT INTO event (id, key, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING place"
_HANDLED = "UPDATE event SET handled_ms = ?, body = NULL WHERE place = ?"
_WAITING = (
    "SELECT place, id, key, body FROM event"
    " WHERE handled_ms IS NULL AND place > ? ORDER BY place LIMIT ?"
)
_FORGET = (
    "DELETE FROM event WHERE place IN"
    " (SELECT place FROM event WHERE handled_ms < ? ORDER BY handled_ms LIMIT ?)"
)


class SqliteInbox:
    """Keeps what is not handled, and for ``ttl_s`` after that its id, to know a repeat by.

    The file belongs to one process: ``Conflict`` if another has it.
    """

    def __init__(self, path: Path, *, clock: Clock | None = None, ttl_s: float = TTL_S) -> None:
        self._clock = clock or SystemClock()
        self._ttl_ms = int(ttl_s * 1000)
        self._forget_at_ms = 0
        self._database = Database(path, _SCHEMA, exclusive=True)

    async def commit(self, arrivals: Sequence[Arrival], handled: Sequence[int]) -> list[int | None]:
        """Keep new events and note handled places, in one durable transaction."""
        now_ms = int(self._clock.now().timestamp() * 1000)
        forget = now_ms >= self._forget_at_ms

        def write(connection: apsw.Connection) -> list[int | None]:
            connection.executemany(_HANDLED, [(now_ms, place) for place in handled])
            if forget:
                connection.execute(_FORGET, (now_ms - self._ttl_ms, _FORGET_AT_MOST))
            return [_keep(connection, arrival) for arrival in arrivals]

        places = await self._database.transact(write)
        if forget:
            self._forget_at_ms = now_ms + _FORGET_EVERY_MS
        return places

    async def waiting(self, after: int, limit: int) -> list[StoredEvent]:
        """Events not yet handled, of the places after this one, in order."""
        return await self._database.read(
            lambda connection: [
                StoredEvent(*row) for row in connection.execute(_WAITING, (after, limit))
            ]
        )

    async def close(self) -> None:
        """Finish what is under way and let go of the file."""
        await self._database.close()


def _keep(connection: apsw.Connection, arrival: Arrival) -> int | None:
    row = (arrival.event_id, arrival.key, arrival.body)
    found = connection.execute(_KEEP, row).fetchone()
    return None if found is None else int(found[0])
