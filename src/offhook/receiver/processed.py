"""Handling each event once in one's own web framework, with any number of processes."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import apsw

from offhook.clock import Clock, SystemClock
from offhook.receiver.database import Database
from offhook.receiver.inbox import TTL_S
from offhook.receiver.ports import Claim, ProcessedEvents

LEASE_S = 60.0
_FORGET_AT_MOST = 100

_SCHEMA = """
CREATE TABLE IF NOT EXISTS processed (
    id TEXT PRIMARY KEY,
    until_ms INTEGER NOT NULL,
    handled INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS processed_until ON processed (until_ms);
"""
_CLAIM = (
    "INSERT INTO processed (id, until_ms) VALUES (?1, ?2)"
    " ON CONFLICT (id) DO UPDATE SET until_ms = ?2, handled = 0 WHERE until_ms <= ?3"
    " RETURNING id"
)
_STATE = "SELECT handled FROM processed WHERE id = ?"
_HANDLED = (
    "INSERT INTO processed (id, until_ms, handled) VALUES (?1, ?2, 1)"
    " ON CONFLICT (id) DO UPDATE SET until_ms = ?2, handled = 1"
)
_RELEASE = "DELETE FROM processed WHERE id = ? AND NOT handled"
_FORGET = (
    "DELETE FROM processed WHERE id IN"
    " (SELECT id FROM processed WHERE until_ms <= ? ORDER BY until_ms LIMIT ?)"
)


async def handle_once(
    processed: ProcessedEvents, event_id: str, work: Callable[[], Awaitable[None]]
) -> Claim:
    """Do the work unless it was done, and say which: the web framework answers 503 for ``BUSY``.

    Work that raises gives its claim back, and the sender's next try does it again. A crash between
    the work and its record does it again too: what must not happen twice carries the event's id.
    """
    claim = await processed.claim(event_id)
    if claim is Claim.GRANTED:
        try:
            await work()
        except BaseException:
            await processed.release(event_id)
            raise
        await processed.handled(event_id)
    return claim


class SqliteProcessedEvents:
    """Processed events in an SQLite file, which any process of this machine may share.

    A claim runs out after ``lease_s``, which must be longer than a handler ever takes; a handled
    event is forgotten after ``ttl_s``.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock | None = None,
        ttl_s: float = TTL_S,
        lease_s: float = LEASE_S,
    ) -> None:
        self._clock = clock or SystemClock()
        self._ttl_ms = int(ttl_s * 1000)
        self._lease_ms = int(lease_s * 1000)
        self._database = Database(path, _SCHEMA, exclusive=False)

    async def claim(self, event_id: str) -> Claim:
        """Claim an event for ``lease_s``."""
        now_ms = self._now_ms()
        row = (event_id, now_ms + self._lease_ms, now_ms)

        def claim(connection: apsw.Connection) -> Claim:
            connection.execute(_FORGET, (now_ms, _FORGET_AT_MOST))
            if connection.execute(_CLAIM, row).fetchone() is not None:
                return Claim.GRANTED
            handled = connection.execute(_STATE, (event_id,)).fetchone() == (1,)
            return Claim.HANDLED if handled else Claim.BUSY

        return await self._database.transact(claim)

    async def handled(self, event_id: str) -> None:
        """The event's effect is done; remembered for ``ttl_s``."""
        row = (event_id, self._now_ms() + self._ttl_ms)
        await self._database.transact(lambda connection: connection.execute(_HANDLED, row))

    async def release(self, event_id: str) -> None:
        """Give a claim back at once."""
        row = (event_id,)
        await self._database.transact(lambda connection: connection.execute(_RELEASE, row))

    async def close(self) -> None:
        """Let go of the file."""
        await self._database.close()

    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)
