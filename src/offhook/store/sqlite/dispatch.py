"""What the dispatcher asks, on SQLite."""

import asyncio
from collections.abc import Collection, Sequence
from operator import attrgetter

import msgspec

from offhook.delivery.engine.dispatcher import CONSUMER
from offhook.delivery.engine.lanes import heads_of, take_due
from offhook.delivery.entries import (
    ApplyReport,
    DispatchRequest,
    DuePending,
    DueSlice,
    HeldRange,
    Lane,
    LaneAge,
    PartitionChanges,
    PendingRow,
    Place,
    WebhookSnapshot,
)
from offhook.log.entries import Lease
from offhook.model.ids import WebhookId
from offhook.store.sqlite.applying import Applying
from offhook.store.sqlite.connection import Connection, as_json
from offhook.store.sqlite.database import Database
from offhook.store.sqlite.lanes import closed_among, firsts_of
from offhook.store.sqlite.packing import unpack_events
from offhook.store.sqlite.tail import Tail
from offhook.store.sqlite.webhooks import stored_webhooks
from offhook.store.sqlite.writer import Transaction
from offhook.store.vault import Vault

_COUNTS = msgspec.json.Decoder(dict[WebhookId, int])
_QUEUES = msgspec.json.Decoder(list[list[tuple[int, Place]]])
_FIRSTS = msgspec.json.Decoder(list[tuple[int, Place] | None])
_PENDING = msgspec.json.Decoder(list[PendingRow])
_HELD = msgspec.json.Decoder(list[HeldRange])
_PLACED = msgspec.json.Decoder(list[tuple[int, Lane]])
_DELIVERIES = msgspec.json.Decoder(list[tuple[WebhookId, int]])
_REQUESTS = msgspec.json.Decoder(list[DispatchRequest])

_RANGES_AT_ONCE = 16
_SETTLED_AT_ONCE = 1_000


class SqliteDispatch:
    """The dispatcher's port. Its reads are short and covered by indexes: they run where they are
    asked, on the loop."""

    def __init__(self, database: Database, tail: Tail, vault: Vault) -> None:
        self._database = database
        self._tail = tail
        self._vault = vault

    async def webhooks(self) -> WebhookSnapshot:
        """All enabled webhooks, in one snapshot with their version."""
        now_ms = self._database.now_ms()
        row = self._database.read(lambda it: it.row("webhooks_enabled", now_ms=now_ms))
        return WebhookSnapshot(0, ()) if row is None else _snapshot(self._vault, *row)

    async def closed_lanes(self, partition: int, lanes: Collection[Lane]) -> set[Lane]:
        """Those of the given lanes that have a ``retry`` or ``waiting`` row."""
        return set(self._database.read(lambda it: closed_among(it, partition, lanes)))

    async def lane_heads(self, partition: int, lanes: Collection[Lane]) -> dict[Lane, int]:
        """Of those, the lowest position of such a row."""
        return heads_of(self._database.read(lambda it: firsts_of(it, partition, lanes)))

    async def lane_counts(self, partition: int) -> dict[WebhookId, int]:
        """How many closed lanes each webhook has; those without any are left out."""
        return self._database.read(lambda it: it.rows("lane_counts", _COUNTS, partition=partition))

    async def due(
        self,
        partitions: Collection[int],
        per_webhook: int,
        busy: Collection[Place],
        but: Collection[WebhookId] = (),
    ) -> DueSlice:
        """Rows due by the store's clock, at most ``per_webhook`` of each endpoint."""
        now_ms = self._database.now_ms()

        def work(connection: Connection) -> DueSlice:
            queues = connection.rows(
                "pending_due",
                _QUEUES,
                partitions=as_json(partitions),
                limit=per_webhook + 1,
                busy=as_json(busy),
                but=as_json(but),
            )
            queued = [due for queue in queues for due in queue]
            taken, next_due_ms = take_due(queued, per_webhook, now_ms)
            return DueSlice(load_due(connection, taken), next_due_ms)

        return self._database.read(work)

    async def held(self, partition: int) -> list[HeldRange]:
        """The open ranges of a partition."""
        return self._database.read(lambda it: it.rows("held", _HELD, partition=partition))

    async def settled_after(
        self, partition: int, cursor: int, held: Sequence[HeldRange] = ()
    ) -> set[tuple[WebhookId, int]]:
        """(webhook, position) of deliveries above the cursor, or in a range below it, that were
        accepted or have a row; in slices, between which others on the loop have their turn."""
        below = [(it.webhook, it.from_position) for it in held if it.from_position <= cursor]
        found = set[tuple[WebhookId, int]]()
        for at in range(0, len(below), _RANGES_AT_ONCE):
            ranges = as_json(below[at : at + _RANGES_AT_ONCE])
            found.update(self._settled_in_ranges(partition, ranges, cursor))
            await asyncio.sleep(0)
        settled = self._settled_after(partition, WebhookId(""), cursor + 1)
        while settled:
            found.update(settled)
            await asyncio.sleep(0)
            settled = self._settled_after(partition, *settled[-1])
        return found

    def _settled_in_ranges(
        self, partition: int, ranges: str, cursor: int
    ) -> list[tuple[WebhookId, int]]:
        return self._database.read(
            lambda it: it.rows(
                "settled_in_ranges", _DELIVERIES, partition=partition, ranges=ranges, cursor=cursor
            )
        )

    def _settled_after(
        self, partition: int, webhook: WebhookId, position: int
    ) -> list[tuple[WebhookId, int]]:
        return self._database.read(
            lambda it: it.rows(
                "settled_after",
                _DELIVERIES,
                partition=partition,
                webhook=webhook,
                position=position,
                limit=_SETTLED_AT_ONCE,
            )
        )

    async def requests(self, partitions: Collection[int], limit: int) -> list[DispatchRequest]:
        """Requests not yet carried out, oldest first."""

        def work(connection: Connection) -> list[DispatchRequest]:
            return [
                request
                for partition in partitions
                for request in connection.rows(
                    "requests", _REQUESTS, partition=partition, limit=limit
                )
            ]

        return sorted(self._database.read(work), key=attrgetter("id"))[:limit]

    async def apply(self, changes: Sequence[PartitionChanges]) -> ApplyReport:
        """Write what was decided, in one durable transaction fenced by the leases."""
        now_ms = self._database.now_ms()

        def work(transaction: Transaction) -> ApplyReport:
            held = [it for it in changes if _holds(transaction.connection, it.lease)]
            applied = [Applying(transaction, it, self._tail, now_ms) for it in held]
            for one in applied:
                one.run()
            return ApplyReport(
                frozenset(it.lease.partition for it in changes if it not in held),
                frozenset().union(*(one.closed for one in applied)),
                frozenset().union(*(one.opened for one in applied)),
                sum(one.stubs for one in applied),
            )

        return await self._database.write(work)

    async def first_due(
        self,
        partitions: Collection[int],
        webhooks: Collection[WebhookId],
        busy: Collection[Place] = (),
    ) -> list[DuePending]:
        """The row of each of these endpoints that is due first, whenever that is."""

        def work(connection: Connection) -> list[DuePending]:
            found = connection.rows(
                "pending_first",
                _FIRSTS,
                partitions=as_json(partitions),
                webhooks=as_json(webhooks),
                busy=as_json(busy),
            )
            latest_first = sorted((it for it in found if it is not None), reverse=True)
            firsts = {place[0]: place for _, place in latest_first}
            return list(load_due(connection, list(firsts.values())))

        return self._database.read(work)

    async def overheld(self, asked: Sequence[LaneAge], limit: int) -> list[tuple[int, Lane]]:
        """Lanes held too long by an endpoint that accepted something after their head failed."""
        ages = as_json((age.partition, age.webhook, age.failed_by_ms) for age in asked)
        return self._database.read(
            lambda it: it.rows("lanes_overheld", _PLACED, asked=ages, limit=limit)
        )

    async def suspect(self, partition: int, epoch: int, position: int | None) -> bool:
        """Note which event is handled alone; false if the lease is lost."""
        return await self._database.write(
            lambda it: (
                it.connection.run(
                    "lease_suspect",
                    consumer=CONSUMER,
                    partition=partition,
                    epoch=epoch,
                    position=position,
                )
                > 0
            )
        )

    async def suspected(self, partition: int) -> int | None:
        """The event that the last owner had noted, if any."""
        position: int | None = self._database.read(
            lambda it: it.value("lease_suspected", consumer=CONSUMER, partition=partition)
        )
        return position


def load_due(connection: Connection, deliveries: Sequence[Place]) -> tuple[DuePending, ...]:
    """Rows with their events, without those whose event is gone."""
    if not deliveries:
        return ()
    row = connection.row("pending_events", deliveries=as_json(deliveries))
    if row is None:
        return ()
    rows, events = _PENDING.decode(row[0]), unpack_events(row[1], row[2])
    return tuple(map(DuePending, rows, events))


def _holds(connection: Connection, lease: Lease) -> bool:
    """Whether the lease is still its owner's: asked before anything is written."""
    found = connection.row(
        "lease_held",
        consumer=lease.consumer,
        partition=lease.partition,
        owner=lease.owner,
        epoch=lease.epoch,
    )
    return found is not None


def _snapshot(vault: Vault, webhooks: str, config_version: int) -> WebhookSnapshot:
    return vault.snapshot(config_version, stored_webhooks(webhooks))
