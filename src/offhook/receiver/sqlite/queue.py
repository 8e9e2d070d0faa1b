"""The queue in an SQLite file."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast

import apsw

from offhook.clock import Clock, SystemClock
from offhook.receiver.ports import (
    TTL_S,
    Arrival,
    DeadLetter,
    Depth,
    Receipt,
    Settlement,
    Taken,
    Verdict,
)
from offhook.receiver.sqlite.database import Database, holds
from offhook.receiver.statements import statements

_SQL: Final = statements("sqlite")
_DeadRow = tuple[int, str, str, bytes, int, str, int]

_FORGET_AT_MOST: Final = 1_000


class SqliteQueue:
    """Keeps events in a file until they are handled, and their ids for ``ttl_s`` after that.

    The processes of one machine may share the file. ``open`` raises ``Conflict`` if it cannot be
    opened. ``":memory:"`` in place of a path keeps all of it in memory, for tests.
    """

    def __init__(
        self, path: Path | str, *, clock: Clock | None = None, ttl_s: float = TTL_S
    ) -> None:
        self._path = path
        self._clock = clock or SystemClock()
        self._ttl_ms = int(ttl_s * 1000)
        self._opened: Database | None = None

    async def exists(self) -> bool:
        """Whether the file is there and holds a queue."""
        return await asyncio.to_thread(holds, self._path, _SQL["queue_exists"])

    async def open(self) -> None:
        """Open the file; make it if there is none."""
        if self._opened is None:
            self._opened = Database(self._path, _SQL["queue_schema"])

    async def commit(
        self, holder: str, arrivals: Sequence[Arrival], settlements: Sequence[Settlement]
    ) -> list[Receipt]:
        """Keep new events and settle attempts, in one durable transaction."""
        now_ms = self._now_ms()

        def write(connection: apsw.Connection) -> list[Receipt]:
            receipts = [_put(connection, arrival, now_ms) for arrival in arrivals]
            for settlement in settlements:
                _settle(connection, holder, settlement, now_ms)
            return receipts

        return await self._database.transact(write)

    async def take(self, holder: str, limit: int, lease_s: float) -> list[Taken]:
        """Hand the first event of each of so many due lanes to this holder."""
        now_ms = self._now_ms()
        due_ms = now_ms + int(lease_s * 1000)

        def take(connection: apsw.Connection) -> list[Taken]:
            bounds = {"now_ms": now_ms, "limit": limit}
            due = connection.execute(_SQL["lanes_due"], bounds).fetchall()
            found = [_take(connection, str(lane), holder, due_ms) for (lane,) in due]
            return [taken for taken in found if taken is not None]

        # Looking is cheap and most often in vain: it should not take the file's write lock.
        if not await self._database.read(lambda connection: _is_due(connection, now_ms)):
            return []
        return await self._database.transact(take)

    async def renew(self, holder: str, lanes: Sequence[str], lease_s: float) -> None:
        """Hold these lanes for so long from now."""
        due_ms = self._now_ms() + int(lease_s * 1000)
        rows = [{"lane": lane, "holder": holder, "due_ms": due_ms} for lane in lanes]
        await self._database.transact(lambda opened: opened.executemany(_SQL["lane_renew"], rows))

    async def forget(self) -> None:
        """Drop some of the ids that need not be known any more."""
        bounds = {"before_ms": self._now_ms() - self._ttl_ms, "limit": _FORGET_AT_MOST}
        await self._database.transact(lambda opened: opened.execute(_SQL["events_forget"], bounds))

    async def dead_letters(self, after: int = 0, limit: int = 100) -> list[DeadLetter]:
        """Events given up, of the places after this one, in order."""
        bounds = {"after": after, "limit": limit}
        rows = await self._database.read(
            lambda connection: connection.execute(_SQL["dead_letters"], bounds).fetchall()
        )
        return [_dead_letter(row) for row in rows]

    async def retry_dead(self, event_ids: Sequence[str] | None = None) -> int:
        """Let these dead letters, or all, be tried anew."""
        return await self._bury("dead_retry", event_ids, revive=True)

    async def drop_dead(self, event_ids: Sequence[str] | None = None) -> int:
        """Be done with these dead letters, or with all."""
        return await self._bury("dead_drop", event_ids, revive=False)

    async def depth(self) -> Depth:
        """How much there is."""
        [row] = await self._database.read(
            lambda connection: connection.execute(_SQL["depth"]).fetchall()
        )
        waiting, dead = cast("tuple[int, int]", row)
        return Depth(waiting, dead)

    async def close(self) -> None:
        """Finish what is under way and let go of the file."""
        if self._opened is not None:
            await self._opened.close()
            self._opened = None

    async def _bury(self, name: str, event_ids: Sequence[str] | None, *, revive: bool) -> int:
        now_ms = self._now_ms()
        wanted: Sequence[str | None] = [None] if event_ids is None else event_ids

        def bury(connection: apsw.Connection) -> int:
            lanes = [
                str(lane)
                for event_id in wanted
                for (lane,) in connection.execute(_SQL[name], {"id": event_id, "now_ms": now_ms})
            ]
            if revive:
                rows = [{"lane": lane, "now_ms": now_ms} for lane in lanes]
                connection.executemany(_SQL["lane_put"], rows)
            return len(lanes)

        return await self._database.transact(bury)

    @property
    def _database(self) -> Database:
        if self._opened is None:
            raise RuntimeError("the queue is not open; await open() first")
        return self._opened

    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)


def _dead_letter(row: Sequence[object]) -> DeadLetter:
    place, event_id, lane, body, attempts, error, died_ms = cast("_DeadRow", row)
    died = datetime.fromtimestamp(died_ms / 1000, UTC)
    return DeadLetter(place, event_id, lane, body, attempts, error, died)


def _put(connection: apsw.Connection, arrival: Arrival, now_ms: int) -> Receipt:
    row = {
        "id": arrival.event_id,
        "lane": arrival.lane,
        "body": arrival.body,
        "now_ms": now_ms,
    }
    if connection.execute(_SQL["event_put"], row).fetchone() is not None:
        connection.execute(_SQL["lane_put"], row)
        return Receipt.NEW
    is_dead = connection.execute(_SQL["event_state"], row).fetchone() == ("dead",)
    return Receipt.DEAD_LETTER if is_dead else Receipt.REPEAT


def _is_due(connection: apsw.Connection, now_ms: int) -> bool:
    bounds = {"now_ms": now_ms, "limit": 1}
    return connection.execute(_SQL["lanes_due"], bounds).fetchone() is not None


def _take(connection: apsw.Connection, lane: str, holder: str, due_ms: int) -> Taken | None:
    row = {"lane": lane, "holder": holder, "due_ms": due_ms}
    found = connection.execute(_SQL["event_take"], row).fetchone()
    if found is None:  # what was taken over was handled after all, and its last holder died
        connection.execute(_SQL["lane_drop"], row)
        return None
    connection.execute(_SQL["lane_hold"], row)
    return Taken(*found)


def _settle(connection: apsw.Connection, holder: str, end: Settlement, now_ms: int) -> None:
    row = {"id": end.event_id, "attempt": end.attempt, "holder": holder, "now_ms": now_ms}
    is_ours = connection.execute(_SQL["attempt_is_ours"], row).fetchone() == (1,)
    if end.verdict is Verdict.HANDLED:
        connection.execute(_SQL["event_handled"], row)
    elif is_ours and end.verdict is Verdict.RELEASED:
        connection.execute(_SQL["event_released"], row)
    elif is_ours:
        state = "dead" if end.verdict is Verdict.DEAD else "waiting"
        connection.execute(_SQL["event_failed"], {**row, "state": state, "error": end.error})
    if is_ours:
        _free(connection, end.lane, now_ms + int(end.delay_s * 1000))


def _free(connection: apsw.Connection, lane: str, due_ms: int) -> None:
    row = {"lane": lane, "due_ms": due_ms}
    waits = connection.execute(_SQL["lane_waits"], row).fetchone() == (1,)
    connection.execute(_SQL["lane_free" if waits else "lane_drop"], row)
