"""Leases on SQLite."""

from collections.abc import Sequence

import msgspec

from offhook.log.entries import Lease
from offhook.store.sqlite.append import PARTITIONS
from offhook.store.sqlite.connection import Connection
from offhook.store.sqlite.database import Database
from offhook.store.sqlite.writer import Transaction


class LeaseRow(msgspec.Struct, frozen=True):
    """A lease as stored; without an owner it was given back."""

    partition: int
    owner: str | None
    epoch: int
    until_ms: int
    cursor: int
    takeovers: int


_ROWS = msgspec.json.Decoder(list[LeaseRow])


class SqliteLeases:
    """The leases' port."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def acquire(self, consumer: str, owner: str, ttl_s: float) -> list[Lease]:
        """Take free and expired leases, up to this owner's fair share; returns those taken now."""

        def work(transaction: Transaction) -> list[Lease]:
            connection, now_ms = transaction.connection, self._database.now_ms()
            connection.insert("lease_add", [(consumer, at) for at in range(PARTITIONS)])
            rows = connection.rows("leases", _ROWS, consumer=consumer)
            taken = [_taken(consumer, owner, row) for row in free_share(rows, owner, now_ms)]
            for lease in taken:
                _take(connection, lease, now_ms + round(ttl_s * 1000))
            return taken

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
                transaction.connection.run("lease_release", **_named(lease))

        if leases:
            await self._database.write(work)


def free_share(rows: Sequence[LeaseRow], owner: str, now_ms: int) -> list[LeaseRow]:
    """What an owner may take: free leases, as long as it has less than its even share."""
    live = [row for row in rows if row.owner is not None and row.until_ms > now_ms]
    owners = {row.owner for row in live} | {owner}
    share = -(-len(rows) // len(owners)) - sum(row.owner == owner for row in live)
    free = [row for row in rows if row not in live]
    return free[: max(share, 0)]


def _taken(consumer: str, owner: str, row: LeaseRow) -> Lease:
    """The lease as the owner's. From one that never gave it back, that is a take-over."""
    takeovers = row.takeovers + (row.owner is not None)
    return Lease(consumer, row.partition, owner, row.epoch + 1, row.cursor, takeovers)


def _take(connection: Connection, lease: Lease, until_ms: int) -> None:
    connection.run("lease_take", takeovers=lease.takeovers, until_ms=until_ms, **_named(lease))


def _named(lease: Lease) -> dict[str, str | int]:
    return {
        "consumer": lease.consumer,
        "partition": lease.partition,
        "owner": lease.owner,
        "epoch": lease.epoch,
    }
