"""The queue in a PostgreSQL."""

from collections.abc import Sequence
from typing import Final

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
from offhook.receiver.postgres.database import SQL, Database, Session

_FORGET_AT_MOST: Final = 1_000


class PostgresQueue:
    """Keeps events in a database until they are handled, and their ids for ``ttl_s`` after that.

    Any process that reaches the database may share it; time is the server's. The tables
    ``receiver_event`` and ``receiver_lane`` are made in the first schema of the URL's
    ``search_path``: give each receiver a schema of its own (``?search_path=crm``).
    While the server does not answer, every method raises ``Unavailable``.
    """

    def __init__(self, url: str, *, ttl_s: float = TTL_S) -> None:
        self._database = Database(url, "queue_schema")
        self._ttl_s = ttl_s

    async def exists(self) -> bool:
        """Whether the database has the tables of a queue."""
        return await self._database.tells("queue_exists")

    async def open(self) -> None:
        """Connect, and make the tables that are missing."""
        await self._database.open()

    async def commit(
        self, holder: str, arrivals: Sequence[Arrival], settlements: Sequence[Settlement]
    ) -> list[Receipt]:
        """Keep new events and settle attempts, in one transaction."""

        async def write(session: Session) -> list[Receipt]:
            receipts = await _put(session, arrivals, [end.lane for end in settlements])
            if settlements:
                await _settle(session, holder, settlements)
            return receipts

        return await self._database.transact(write)

    async def take(self, holder: str, limit: int, lease_s: float) -> list[Taken]:
        """Hand the first event of each of so many due lanes to this holder."""

        async def take(session: Session) -> list[Taken]:
            rows = await session.fetch(SQL["lanes_take"], holder, limit, lease_s)
            lanes = [row["lane"] for row in rows]
            if not lanes:
                return []
            found = await session.fetch(SQL["events_take"], lanes)
            if len(found) < len(lanes):  # what was taken over was handled, and its last holder died
                await session.execute(SQL["lanes_drop_empty"], lanes)
            return [Taken(*row) for row in found]

        return await self._database.transact(take)

    async def renew(self, holder: str, lanes: Sequence[str], lease_s: float) -> None:
        """Hold these lanes for so long from now."""
        await self._database.transact(
            lambda session: session.execute(SQL["lanes_renew"], holder, lanes, lease_s)
        )

    async def forget(self) -> None:
        """Drop some of the ids that need not be known any more."""
        await self._database.transact(
            lambda session: session.execute(SQL["events_forget"], self._ttl_s, _FORGET_AT_MOST)
        )

    async def dead_letters(self, after: int = 0, limit: int = 100) -> list[DeadLetter]:
        """Events given up, of the places after this one, in order."""
        rows = await self._database.transact(
            lambda session: session.fetch(SQL["dead_letters"], after, limit)
        )
        return [DeadLetter(*row) for row in rows]

    async def retry_dead(self, event_ids: Sequence[str] | None = None) -> int:
        """Let these dead letters, or all, be tried anew."""

        async def retry(session: Session) -> int:
            rows = await session.fetch(SQL["dead_retry"], event_ids)
            await session.execute(SQL["lanes_put"], sorted({row["lane"] for row in rows}))
            return len(rows)

        return await self._database.transact(retry)

    async def drop_dead(self, event_ids: Sequence[str] | None = None) -> int:
        """Be done with these dead letters, or with all."""
        rows = await self._database.transact(
            lambda session: session.fetch(SQL["dead_drop"], event_ids)
        )
        return len(rows)

    async def depth(self) -> Depth:
        """How much there is."""
        [row] = await self._database.transact(lambda session: session.fetch(SQL["depth"]))
        return Depth(*row)

    async def close(self) -> None:
        """Close the connections."""
        await self._database.close()


async def _put(
    session: Session, arrivals: Sequence[Arrival], settled_lanes: Sequence[str]
) -> list[Receipt]:
    """Keep what is new, then lock all lanes of this commit: of the new events and the settled."""
    ids = [arrival.event_id for arrival in arrivals]
    new: set[str] = set()
    fresh_lanes: set[str] = set()
    if arrivals:
        lanes, bodies = [each.lane for each in arrivals], [each.body for each in arrivals]
        kept = await session.fetch(SQL["events_put"], ids, lanes, bodies)
        new, fresh_lanes = {row["id"] for row in kept}, {row["lane"] for row in kept}
    await session.fetch(SQL["lanes_lock"], sorted({*settled_lanes, *fresh_lanes}))
    if new:
        await session.execute(SQL["lanes_put"], sorted(fresh_lanes))
    if len(new) == len(ids):
        return [Receipt.NEW] * len(ids)
    dead = {row["id"] for row in await session.fetch(SQL["events_dead"], ids)}
    return [_receipt(event_id, new, dead) for event_id in ids]


def _receipt(event_id: str, new: set[str], dead: set[str]) -> Receipt:
    if event_id in new:
        new.remove(event_id)  # the same event again in the same commit is a repeat
        return Receipt.NEW
    return Receipt.DEAD_LETTER if event_id in dead else Receipt.REPEAT


async def _settle(session: Session, holder: str, settlements: Sequence[Settlement]) -> None:
    ids = [end.event_id for end in settlements]
    attempts = [end.attempt for end in settlements]
    rows = await session.fetch(SQL["attempts_ours"], holder, ids, attempts)
    ours = {row["id"] for row in rows}
    handled = [end.event_id for end in settlements if end.verdict is Verdict.HANDLED]
    if handled:
        await session.execute(SQL["events_handled"], handled)
    ended = [end for end in settlements if end.event_id in ours]
    await _fail(session, [end for end in ended if end.verdict in (Verdict.RETRY, Verdict.DEAD)])
    released = [end.event_id for end in ended if end.verdict is Verdict.RELEASED]
    if released:
        await session.execute(SQL["events_released"], released)
    lanes, delays_s = [end.lane for end in ended], [end.delay_s for end in ended]
    await session.execute(SQL["lanes_free"], lanes, delays_s)
    await session.execute(SQL["lanes_drop_empty"], lanes)


async def _fail(session: Session, failed: Sequence[Settlement]) -> None:
    if failed:
        ids = [end.event_id for end in failed]
        states = ["dead" if end.verdict is Verdict.DEAD else "waiting" for end in failed]
        await session.execute(SQL["events_failed"], ids, states, [end.error for end in failed])
