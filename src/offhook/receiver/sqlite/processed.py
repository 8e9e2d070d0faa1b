"""Processed events in an SQLite file."""

from pathlib import Path
from typing import Final

import apsw

from offhook.clock import Clock, SystemClock
from offhook.receiver.ports import TTL_S, Claim
from offhook.receiver.processed import LEASE_S
from offhook.receiver.sqlite.database import Database
from offhook.receiver.statements import statements

_SQL: Final = statements("sqlite")
_FORGET_AT_MOST: Final = 100


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
        self._database = Database(path, _SQL["processed_schema"])

    async def claim(self, event_id: str) -> Claim:
        """Claim an event for ``lease_s``."""
        now_ms = self._now_ms()
        row = {"id": event_id, "until_ms": now_ms + self._lease_ms, "now_ms": now_ms}

        def claim(connection: apsw.Connection) -> Claim:
            bounds = {"now_ms": now_ms, "limit": _FORGET_AT_MOST}
            connection.execute(_SQL["processed_forget"], bounds)
            if connection.execute(_SQL["processed_claim"], row).fetchone() is not None:
                return Claim.GRANTED
            handled = connection.execute(_SQL["processed_state"], row).fetchone() == (1,)
            return Claim.HANDLED if handled else Claim.BUSY

        return await self._database.transact(claim)

    async def handled(self, event_id: str) -> None:
        """The event's effect is done; remembered for ``ttl_s``."""
        row = {"id": event_id, "until_ms": self._now_ms() + self._ttl_ms}
        await self._database.transact(lambda opened: opened.execute(_SQL["processed_handled"], row))

    async def release(self, event_id: str) -> None:
        """Give a claim back at once."""
        row = {"id": event_id}
        await self._database.transact(lambda opened: opened.execute(_SQL["processed_release"], row))

    async def close(self) -> None:
        """Let go of the file."""
        await self._database.close()

    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)
