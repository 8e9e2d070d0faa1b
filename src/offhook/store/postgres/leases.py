"""Leases on PostgreSQL, by the database's clock."""

from collections.abc import Mapping, Sequence

from offhook.log.entries import Lease, LeaseShare, Topic
from offhook.log.sharing import LeaseRow, even_target, free_share, taken
from offhook.store.postgres.database import Database
from offhook.store.postgres.session import Row, Session

_CHANGED = frozenset({Topic.LEASES})


class PostgresLeases:
    """The leases' port."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def acquire(
        self, consumer: str, owner: str, ttl_s: float, config_version: int | None = None
    ) -> LeaseShare:
        """Take part for ``ttl_s`` from now, and take what is free, up to this owner's target."""
        now_ms, ttl_ms = self._database.now_ms(), round(ttl_s * 1000)
        async with self._database.transaction() as session:
            forgotten = await session.run("members_forget", consumer=consumer, now_ms=now_ms)
            members = [row[0] for row in await session.rows("members", consumer=consumer)]
            await session.run(
                "member_put",
                consumer=consumer,
                owner=owner,
                now_ms=now_ms,
                ttl_ms=ttl_ms,
                config_version=config_version,
            )
            rows = await _leases(session, consumer, now_ms)
            free, surplus = _wanted(rows, members, owner)
            wanted = [taken(consumer, owner, row) for row in free]
            got = await _take(session, wanted, now_ms, ttl_ms)
        if forgotten or owner not in members:
            self._database.notices.announce(_CHANGED)
        return LeaseShare(tuple(lease for lease in wanted if lease.partition in got), surplus)

    async def renew(self, leases: Sequence[Lease], ttl_s: float) -> list[Lease]:
        """Push the expiry of the leases still held on; returns those. The others are lost."""
        if not leases:
            return []
        async with self._database.transaction() as session:
            rows = await session.rows(
                "lease_renew",
                **_named(leases),
                now_ms=self._database.now_ms(),
                ttl_ms=round(ttl_s * 1000),
            )
        renewed = {row[0] for row in rows}
        return [lease for lease in leases if lease.partition in renewed]

    async def release(self, leases: Sequence[Lease]) -> None:
        """Give leases back at once; those already lost are left alone."""
        if not leases:
            return
        async with self._database.transaction() as session:
            released = await session.run("lease_release", **_named(leases))
        if released:
            self._database.notices.announce(_CHANGED)

    async def leave(self, consumer: str, owner: str) -> None:
        """Take no part any more."""
        async with self._database.transaction() as session:
            left = await session.run("member_leave", consumer=consumer, owner=owner)
        if left:
            self._database.notices.announce(_CHANGED)


async def _leases(session: Session, consumer: str, now_ms: int | None) -> list[Row]:
    rows = await session.rows("leases", consumer=consumer, now_ms=now_ms)
    if not rows:
        await session.run("lease_add", consumer=consumer)
        rows = await session.rows("leases", consumer=consumer, now_ms=now_ms)
    return rows


def _wanted(rows: Sequence[Row], members: Sequence[str], owner: str) -> tuple[list[LeaseRow], int]:
    target = even_target(members, owner, len(rows))
    return free_share([LeaseRow(*row[:6]) for row in rows], owner, target, rows[0]["now_ms"])


async def _take(
    session: Session, wanted: Sequence[Lease], now_ms: int | None, ttl_ms: int
) -> set[int]:
    if not wanted:
        return set()
    rows = await session.rows(
        "lease_take",
        **_named(wanted),
        takeovers=[lease.takeovers for lease in wanted],
        now_ms=now_ms,
        ttl_ms=ttl_ms,
    )
    return {row[0] for row in rows}


def _named(leases: Sequence[Lease]) -> Mapping[str, object]:
    """Leases of one consumer and owner, as statements take them."""
    return {
        "consumer": leases[0].consumer,
        "owner": leases[0].owner,
        "partitions": [lease.partition for lease in leases],
        "epochs": [lease.epoch for lease in leases],
    }
