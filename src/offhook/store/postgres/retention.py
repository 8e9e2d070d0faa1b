"""Taking what is old away, on PostgreSQL: whole days, each a table of its own.

A table is taken out of the log beside readers and writers, never by force: whoever still reads it
is waited for a moment, and what was begun is finished the next time, by any process.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import asyncpg
import structlog

from offhook.log.entries import Blocked, Trimmed
from offhook.log.timers import CONSUMER as TIMERS
from offhook.model.errors import Unavailable
from offhook.model.ids import WebhookId
from offhook.store.postgres.database import GONE, Database
from offhook.store.postgres.session import Row, Session

_log = structlog.get_logger(__name__)

_AT_ONCE = 1_000
_CLOSE_S = 5.0
_EVENTS, _ATTEMPTS = "event", "attempt"
_STILL_TRIED = "deliveries that are still tried"

IMPATIENT = {"lock_timeout": "1000"}
"""How long anything is waited for, since others may wait behind who waits."""

Connect = Callable[[], "Awaitable[asyncpg.Connection]"]


@dataclass(frozen=True, slots=True)
class _End:
    """What a day's table holds of a partition: positions from ``first`` to ``last``."""

    partition: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class _Floor:
    """Up to where a partition was read by all who read it, and who read the least."""

    reader: str
    position: int


class PostgresRetention:
    """The port of retention. One process at a time takes days out; the others find it done.

    ``_kept_seen`` is where the walk over kept events has come to, ``_deleted_seen`` the one over
    webhooks that have rows.
    """

    def __init__(self, database: Database, connect: Connect) -> None:
        self._database = database
        self._connect = connect
        self._kept_seen = (0, 0)
        self._deleted_seen = WebhookId("")

    async def trim_events(self, age_ms: int) -> Trimmed:
        """Take away the oldest day of events; those that rows of deliveries name are kept aside."""
        return await self._trim(_EVENTS, age_ms)

    async def trim_attempts(self, age_ms: int) -> Trimmed:
        """Take away the oldest day of attempts, once none of its deliveries is still tried."""
        return await self._trim(_ATTEMPTS, age_ms)

    async def trim_given_up(self, age_ms: int) -> Trimmed:
        """Take away the oldest deliveries that were given up or canceled."""
        async with self._database.transaction() as session:
            before_ms = await self._now_ms(session) - age_ms
            floors = await _floors(session)
            gone = await session.run(
                "pending_trim",
                partitions=list(floors),
                floors=[floor.position for floor in floors.values()],
                before_ms=before_ms,
                limit=_AT_ONCE,
            )
        return Trimmed(more=gone == _AT_ONCE)

    async def trim_replays(self, age_ms: int) -> Trimmed:
        """Take away the records of replays that are over."""
        async with self._database.transaction() as session:
            before_ms = await self._now_ms(session) - age_ms
            rows = await session.rows("replays_old", before_ms=before_ms, limit=_AT_ONCE)
            old = [row["id"] for row in rows]
            await session.run("replay_ranges_drop", replays=old)
            await session.run("replays_drop", replays=old)
        return Trimmed(more=len(old) == _AT_ONCE)

    async def release_events(self) -> Trimmed:
        """Take away kept events that no row names any more."""
        partition, after = self._kept_seen
        async with self._database.transaction() as session:
            seen = {"partition": partition, "after": after}
            reached = await session.row("kept_reach", limit=_AT_ONCE, **seen)
            if reached is not None:
                await session.run(
                    "kept_release",
                    last_partition=reached["partition"],
                    through=reached["position"],
                    **seen,
                )
        self._kept_seen = (0, 0) if reached is None else (reached["partition"], reached["position"])
        return Trimmed(more=reached is not None)

    async def trim_deleted(self) -> Trimmed:
        """Take away rows of webhooks that were deleted."""
        async with self._database.transaction() as session:
            webhook = await session.value("webhook_gone", after=self._deleted_seen)
            if webhook is None:
                self._deleted_seen = WebhookId("")
                return Trimmed()
            gone = await session.run("pending_delete", webhook=webhook, limit=_AT_ONCE)
        if gone < _AT_ONCE:
            self._deleted_seen = webhook
        return Trimmed(more=True)

    async def _trim(self, parent: str, age_ms: int) -> Trimmed:
        async with self._alone() as session:
            if session is None:
                return Trimmed()
            before_ms = await self._now_ms(session) - age_ms
            days = await session.rows("days_old", parent=parent, before_ms=before_ms)
            if not days:
                return Trimmed()
            blocked = await _take(session, parent, days[0], before_ms)
            return Trimmed(more=blocked is None and len(days) > 1, blocked=blocked)

    async def _now_ms(self, session: Session) -> int:
        now_ms: int = await session.value("now", now_ms=self._database.now_ms())
        return now_ms

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[Session | None]:
        """A connection whose statements stand alone, as taking a table out must; ``None`` while
        another process has one. Raises ``Unavailable`` when the database cannot do it now."""
        try:
            raw = await self._connect()
            try:
                session = Session(raw)
                yield session if await session.value("retention_lock") else None
            finally:
                with suppress(*GONE):
                    await raw.close(timeout=_CLOSE_S)
        except GONE as error:
            raise Unavailable(
                f"Old days cannot be taken out of the database now ({type(error).__name__}: "
                f"{error}); it is tried again."
            ) from error


async def _take(session: Session, parent: str, day: Row, before_ms: int) -> Blocked | None:
    """Take a day out for good, from wherever that was left; what still needs it, if anything does.

    What rows of deliveries name is kept twice: before the day can no longer be read, and once it
    cannot be read any more, for the sake of rows that were written in between.
    """
    ends = [_End(*row) for row in await session.rows("day_ends", name=day["name"])]
    if day["attached"] and not day["detaching"]:
        blocked = await _needed(session, parent, day, ends, before_ms)
        if blocked is not None:
            return blocked
        if parent == _EVENTS:
            await _keep(session, day["name"], ends)
            await _mark(session, day, ends)
    if day["attached"]:
        await session.script(day["finalize" if day["detaching"] else "detach"])
    if parent == _EVENTS:
        await _keep(session, day["name"], ends)
    else:
        await _forget(session, day["name"], ends)
    await session.script(day["discard"])
    _log.info("day_dropped", table=day["name"])
    return None


async def _needed(
    session: Session, parent: str, day: Row, ends: Sequence[_End], before_ms: int
) -> Blocked | None:
    overdue_ms = before_ms - day["end_ms"]
    floors = await _floors(session)
    for end in ends:
        floor = floors.get(end.partition)
        if floor is not None and floor.position < end.last:
            return Blocked(floor.reader, end.partition, overdue_ms)
    if parent == _ATTEMPTS and await session.value("pending_tried", before_ms=day["end_ms"]):
        return Blocked(_STILL_TRIED, None, overdue_ms)
    return None


async def _floors(session: Session) -> dict[int, _Floor]:
    rows = await session.rows("trim_floor", timers=TIMERS)
    return {row["partition"]: _Floor(row["reader"], row["position"]) for row in rows}


async def _keep(session: Session, name: str, ends: Sequence[_End]) -> None:
    for end in ends:
        after: int | None = end.first - 1
        while after is not None and after < end.last:
            after = await session.value(
                "day_keep",
                name=name,
                partition=end.partition,
                after=after,
                through=end.last,
                limit=_AT_ONCE,
            )


async def _forget(session: Session, name: str, ends: Sequence[_End]) -> None:
    """What was accepted once and given up by a replay would seem to have failed without the day."""
    for end in ends:
        gone = _AT_ONCE
        while gone == _AT_ONCE:
            gone = await session.value(
                "pending_forget",
                name=name,
                partition=end.partition,
                first=end.first,
                last=end.last,
                limit=_AT_ONCE,
            )


async def _mark(session: Session, day: Row, ends: Sequence[_End]) -> None:
    await session.run(
        "trim_mark",
        partitions=[end.partition for end in ends],
        positions=[end.last for end in ends],
        end_ms=day["end_ms"],
    )
