"""What the dispatcher asks, on PostgreSQL."""

from collections.abc import Collection, Sequence

from msgspec.structs import astuple

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
    Place,
    RequestKind,
    WebhookSnapshot,
)
from offhook.model.ids import WebhookId
from offhook.store.postgres.applying import Applying
from offhook.store.postgres.database import CommitUnknown, Database
from offhook.store.postgres.days import Days
from offhook.store.postgres.doubts import Doubts
from offhook.store.postgres.lanes import DELIVERIES, closed_among, firsts_of
from offhook.store.postgres.log import UNSTORABLE
from offhook.store.postgres.rows import event_of
from offhook.store.postgres.session import Row, Session, named
from offhook.store.postgres.views import PENDING_WIDTH, pending_of
from offhook.store.postgres.webhooks import CONFIGURED, webhook_of
from offhook.store.vault import Vault

_AGES = ("partitions", "webhooks", "failed_by_ms")
_BUSY = ("busy_webhooks", "busy_partitions", "busy_positions")
_RANGES_AT_ONCE = 64


class PostgresDispatch:
    """The dispatcher's port."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._days = Days("attempt")
        self._doubts = Doubts(database)

    async def webhooks(self) -> WebhookSnapshot:
        """All enabled webhooks, in one snapshot with their version."""
        async with self._database.reading() as session:
            rows = await session.rows("webhooks_enabled", now_ms=self._database.now_ms())
        found = [webhook_of(row) for row in rows if row["id"] is not None]
        return self._vault.snapshot(rows[0]["stamp"], found)

    async def closed_lanes(self, partition: int, lanes: Collection[Lane]) -> set[Lane]:
        """Those of the given lanes that have a ``retry`` or ``waiting`` row."""
        if not lanes:
            return set()
        async with self._database.reading() as session:
            closed = await closed_among(session, [(partition, lane) for lane in lanes])
        return {lane for _, lane in closed}

    async def lane_heads(self, partition: int, lanes: Collection[Lane]) -> dict[Lane, int]:
        """Of those, the lowest position of such a row."""
        if not lanes:
            return {}
        async with self._database.reading() as session:
            firsts = await firsts_of(session, [(partition, lane) for lane in lanes])
        return heads_of(firsts[partition])

    async def lane_counts(self, partition: int) -> dict[WebhookId, int]:
        """How many closed lanes each webhook has; those without any are left out."""
        async with self._database.reading() as session:
            rows = await session.rows("lane_counts", partition=partition)
        return {row["webhook"]: row["lanes"] for row in rows}

    async def due(
        self,
        partitions: Collection[int],
        per_webhook: int,
        busy: Collection[Place],
        but: Collection[WebhookId] = (),
    ) -> DueSlice:
        """Rows due by the store's clock, at most ``per_webhook`` of each endpoint."""
        async with self._database.reading() as session:
            rows = await session.rows(
                "pending_due",
                asked=list(partitions),
                limit=per_webhook + 1,
                **named(_BUSY, list(busy)),
                but=list(but),
                now_ms=self._database.now_ms(),
            )
            if not rows:
                return DueSlice((), None)
            queued = [(row[0], (row[1], row[2], row[3])) for row in rows]
            taken, next_due_ms = take_due(queued, per_webhook, rows[0]["now_ms"])
            return DueSlice(await load_due(session, taken), next_due_ms)

    async def held(self, partition: int) -> list[HeldRange]:
        """The open ranges of a partition."""
        async with self._database.reading() as session:
            rows = await session.rows("held", partition=partition)
        return [HeldRange(*row) for row in rows]

    async def settled_after(
        self, partition: int, cursor: int, held: Sequence[HeldRange] = ()
    ) -> set[tuple[WebhookId, int]]:
        """(webhook, position) of deliveries above the cursor, or in a range below it, that were
        accepted or have a row."""
        below = [it for it in held if it.from_position <= cursor]
        async with self._database.reading() as session:
            above = await session.rows("settled_after", partition=partition, cursor=cursor)
            found = {(row["webhook"], row["position"]) for row in above}
            for at in range(0, len(below), _RANGES_AT_ONCE):
                ranges = below[at : at + _RANGES_AT_ONCE]
                rows = await session.rows(
                    "settled_in_ranges",
                    partition=partition,
                    webhooks=[it.webhook for it in ranges],
                    from_positions=[it.from_position for it in ranges],
                    cursor=cursor,
                )
                found.update((row["webhook"], row["position"]) for row in rows)
        return found

    async def requests(self, partitions: Collection[int], limit: int) -> list[DispatchRequest]:
        """Requests not yet carried out, oldest first."""
        async with self._database.reading() as session:
            rows = await session.rows("requests", asked=list(partitions), limit=limit)
        return [_request(row) for row in rows]

    async def apply(self, changes: Sequence[PartitionChanges]) -> ApplyReport:
        """Write what was decided, in one durable transaction fenced by the leases."""
        doubt = self._doubts.about(changes)
        if doubt is None:
            return await self._write(changes)
        if await self._doubts.stands(doubt):
            self._committed(doubt.applying)
            report = doubt.report
        else:
            report = doubt.told_with(await self._write(changes))
        self._doubts.forget(changes)
        return report

    async def first_due(
        self,
        partitions: Collection[int],
        webhooks: Collection[WebhookId],
        busy: Collection[Place] = (),
    ) -> list[DuePending]:
        """The row of each of these endpoints that is due first, whenever that is."""
        async with self._database.reading() as session:
            rows = await session.rows(
                "pending_first",
                asked=list(partitions),
                webhooks=list(webhooks),
                **named(_BUSY, list(busy)),
            )
            firsts = [(row["webhook"], row["partition"], row["position"]) for row in rows]
            return list(await load_due(session, firsts))

    async def overheld(self, asked: Sequence[LaneAge], limit: int) -> list[tuple[int, Lane]]:
        """Lanes held too long by an endpoint that accepted something after their head failed."""
        ages = [astuple(age) for age in asked]
        async with self._database.reading() as session:
            rows = await session.rows("lanes_overheld", **named(_AGES, ages), limit=limit)
        return [(partition, Lane(webhook, key)) for partition, webhook, key in rows]

    async def suspect(self, partition: int, epoch: int, position: int | None) -> bool:
        """Note which event is handled alone; false if the lease is lost."""
        async with self._database.transaction() as session:
            noted = await session.run(
                "lease_suspect",
                consumer=CONSUMER,
                partition=partition,
                epoch=epoch,
                position=position,
            )
        return noted > 0

    async def suspected(self, partition: int) -> int | None:
        """The event that the last owner had noted, if any."""
        async with self._database.reading() as session:
            position: int | None = await session.value(
                "lease_suspected", consumer=CONSUMER, partition=partition
            )
        return position

    async def _write(self, changes: Sequence[PartitionChanges]) -> ApplyReport:
        try:
            return await self._apply(changes, careful=False)
        except UNSTORABLE:
            # The table of a day that was known may be what is missing.
            self._days.forget()
            return await self._apply(changes, careful=True)

    async def _apply(self, changes: Sequence[PartitionChanges], *, careful: bool) -> ApplyReport:
        try:
            async with self._database.transaction() as session:
                applying = Applying(session, changes, self._days, careful=careful)
                await applying.run(self._database.now_ms())
        except CommitUnknown:
            self._doubts.note(changes, applying)
            raise
        return self._committed(applying)

    def _committed(self, applying: Applying) -> ApplyReport:
        self._days.known(applying.made_days)
        if applying.configured:
            self._database.notices.announce(CONFIGURED)
        return applying.report


async def load_due(session: Session, deliveries: Sequence[Place]) -> tuple[DuePending, ...]:
    """Rows with their events, without those whose event is gone."""
    if not deliveries:
        return ()
    rows = await session.rows("pending_events", **named(DELIVERIES, deliveries))
    return tuple(DuePending(pending_of(row), event_of(row, PENDING_WIDTH)) for row in rows)


def _request(row: Row) -> DispatchRequest:
    stands = None if row[5] is None else pending_of(row, 5)
    return DispatchRequest(row[0], RequestKind(row[1]), row[2], row[3], row[4], stands)
