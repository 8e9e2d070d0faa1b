"""Leases on SQLite."""

from collections.abc import Sequence

import msgspec

from offhook.log.entries import Lease, LeaseShare, Topic
from offhook.log.sharing import LeaseRow, even_target, free_share, taken
from offhook.store.sqlite.append import PARTITIONS
from offhook.store.sqlite.connection import Connection
from offhook.store.sqlite.database import Database
from offhook.store.sqlite.writer import Transaction

_ROWS = msgspec.json.Decoder(list[LeaseRow])
_NAMES = msgspec.json.Decoder(list[str])


class SqliteLeases:
    """The leases' port, of a log that is read as so many ``partitions``."""

    def __init__(self, database: Database, partitions: int = PARTITIONS) -> None:
        self._database = database
        self._partitions = partitions

    async def acquire(
        self, consumer: str, owner: str, ttl_s: float, config_version: int | None = None
    ) -> LeaseShare:
        """Take part for ``ttl_s`` from now, and take what is free, up to this owner's target."""

        def work(transaction: Transaction) -> LeaseShare:
            now_ms = self._database.now_ms()
            until_ms = now_ms + round(ttl_s * 1000)
            part = _Part(consumer, owner, until_ms, config_version)
            members = _take_part(transaction, part, now_ms)
            return self._share(transaction.connection, consumer, owner, members, now_ms, until_ms)

        return await self._database.write(work)

    async def renew(self, leases: Sequence[Lease], ttl_s: float) -> list[Lease]:
        """Push the expiry of the leases still held on; returns those. The others are lost."""

        def work(transaction: Transaction) -> list[Lease]:
            until_ms = self._database.now_ms() + round(ttl_s * 1000)
            return [
                lease
                for lease in leases
                if transaction.connection.run("lease_renew", until_ms=until_ms, **_named(lease))
            ]

        return await self._database.write(work) if leases else []

    async def release(self, leases: Sequence[Lease]) -> None:
        """Give leases back at once; those already lost are left alone."""

        def work(transaction: Transaction) -> None:
            for lease in leases:
                if transaction.connection.run("lease_release", **_named(lease)):
                    transaction.topics.add(Topic.LEASES)

        if leases:
            await self._database.write(work)

    async def leave(self, consumer: str, owner: str) -> None:
        """Take no part any more."""

        def work(transaction: Transaction) -> None:
            if transaction.connection.run("member_leave", consumer=consumer, owner=owner):
                transaction.topics.add(Topic.LEASES)

        await self._database.write(work)

    def _share(
        self,
        connection: Connection,
        consumer: str,
        owner: str,
        members: list[str],
        now_ms: int,
        until_ms: int,
    ) -> LeaseShare:
        connection.insert("lease_add", [(consumer, at) for at in range(self._partitions)])
        rows = connection.rows("leases", _ROWS, consumer=consumer)
        target = even_target(members, owner, self._partitions)
        free, surplus = free_share(rows, owner, target, now_ms)
        leases = tuple(taken(consumer, owner, row) for row in free)
        for lease in leases:
            connection.run(
                "lease_take", takeovers=lease.takeovers, until_ms=until_ms, **_named(lease)
            )
        return LeaseShare(leases, surplus)


class _Part(msgspec.Struct, frozen=True):
    consumer: str
    owner: str
    until_ms: int
    config_version: int | None


def _take_part(transaction: Transaction, part: _Part, now_ms: int) -> list[str]:
    """Be a member until then; returns the others. The rest is told when one came or ran out."""
    connection = transaction.connection
    forgotten = connection.run("members_forget", consumer=part.consumer, now_ms=now_ms)
    members = connection.rows("members", _NAMES, consumer=part.consumer)
    connection.run("member_put", **msgspec.structs.asdict(part))
    if forgotten or part.owner not in members:
        transaction.topics.add(Topic.LEASES)
    return members


def _named(lease: Lease) -> dict[str, str | int]:
    return {
        "consumer": lease.consumer,
        "partition": lease.partition,
        "owner": lease.owner,
        "epoch": lease.epoch,
    }
