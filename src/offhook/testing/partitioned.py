"""A log on SQLite seen as many partitions, so that several owners can share it in one test.

SQLite has one partition. Here an event belongs to one of many by its key, with the position that it
has in the one; positions within a partition rise, with gaps.
"""

from collections.abc import Callable, Collection, Sequence

from msgspec.structs import replace

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
    WebhookSnapshot,
)
from offhook.delivery.ports import DispatchStore
from offhook.log.entries import AppendOutcome, Fold, LogSlice, Submission, Topic
from offhook.log.ports import LeaseStore, LogStore
from offhook.model.event import LogEvent
from offhook.model.ids import WebhookId, partition_of
from offhook.store.sqlite import SqliteStore


class PartitionedStore:
    """What an engine needs of a store, with ``partitions`` of them; ``leases`` are on as many."""

    def __init__(self, store: SqliteStore, leases: LeaseStore, partitions: int) -> None:
        self.log = PartitionedLog(store.log, partitions)
        self.leases = leases
        self.dispatch = PartitionedDispatch(store.dispatch, partitions)
        self.deliveries = store.deliveries
        self.bounds = store.bounds
        self.health = store.health
        self.announcements = store.announcements
        self.replays = store.replays
        self.filters = store.filters
        self.webhooks = store.webhooks
        self._store = store

    def subscribe(self, subscriber: Callable[[frozenset[Topic]], None]) -> None:
        """Be told of commits."""
        self._store.subscribe(subscriber)


class PartitionedLog:
    """A ``LogStore`` of many partitions over one that has a single one."""

    def __init__(self, log: LogStore, partitions: int) -> None:
        self._log = log
        self._partitions = partitions

    @property
    def partitions(self) -> int:
        """As many as were asked for."""
        return self._partitions

    @property
    def lanes(self) -> int:
        """As many as the one log has."""
        return self._log.lanes

    async def append(self, batch: Sequence[Submission], fold: Fold) -> list[AppendOutcome]:
        """Append to the one log."""
        return await self._log.append(batch, fold)

    async def read(self, partition: int, after: int, limit: int, max_bytes: int) -> LogSlice:
        """The next events of the partition, as many as are asked for if there are so many."""
        events: list[LogEvent] = []
        while True:
            found = await self._log.read(0, after, limit, max_bytes)
            moved = (placed(event, self._partitions) for event in found.events)
            events += [event for event in moved if event.partition == partition]
            after = found.read_to
            if len(events) > limit:
                events = events[:limit]
                after = events[-1].position
            if len(events) == limit or len(found.events) < limit:
                return LogSlice(tuple(events), after, found.config_version)

    async def head(self, partition: int) -> int:
        """The end of the one log, which no partition is past."""
        del partition
        return await self._log.head(0)


class PartitionedDispatch:
    """A ``DispatchStore`` of many partitions. Rows name the partition that the dispatcher names;
    only events and starts come from the one there is."""

    def __init__(self, store: DispatchStore, partitions: int) -> None:
        self._store = store
        self._partitions = partitions

    async def webhooks(self) -> WebhookSnapshot:
        """All enabled webhooks; each begins at the same position everywhere."""
        snapshot = await self._store.webhooks()
        return WebhookSnapshot(
            snapshot.config_version,
            tuple(
                replace(it, starts=dict.fromkeys(range(self._partitions), it.starts.get(0, 0)))
                for it in snapshot.webhooks
            ),
            snapshot.sealed,
        )

    async def closed_lanes(self, partition: int, lanes: Collection[Lane]) -> set[Lane]:
        """As the store has them."""
        return await self._store.closed_lanes(partition, lanes)

    async def lane_heads(self, partition: int, lanes: Collection[Lane]) -> dict[Lane, int]:
        """As the store has them."""
        return await self._store.lane_heads(partition, lanes)

    async def lane_counts(self, partition: int) -> dict[WebhookId, int]:
        """As the store has them."""
        return await self._store.lane_counts(partition)

    async def due(
        self,
        partitions: Collection[int],
        per_webhook: int,
        busy: Collection[Place],
        but: Collection[WebhookId] = (),
    ) -> DueSlice:
        """Rows that are due, with their events in their partition."""
        found = await self._store.due(partitions, per_webhook, busy, but)
        items = tuple(replace(it, event=placed(it.event, self._partitions)) for it in found.items)
        return DueSlice(items, found.next_due_ms)

    async def first_due(
        self,
        partitions: Collection[int],
        webhooks: Collection[WebhookId],
        busy: Collection[Place] = (),
    ) -> list[DuePending]:
        """The rows that are due first, with their events in their partition."""
        found = await self._store.first_due(partitions, webhooks, busy)
        return [replace(it, event=placed(it.event, self._partitions)) for it in found]

    async def overheld(self, asked: Sequence[LaneAge], limit: int) -> list[tuple[int, Lane]]:
        """As the store has them."""
        return await self._store.overheld(asked, limit)

    async def held(self, partition: int) -> list[HeldRange]:
        """As the store has them."""
        return await self._store.held(partition)

    async def settled_after(
        self, partition: int, cursor: int, held: Sequence[HeldRange] = ()
    ) -> set[tuple[WebhookId, int]]:
        """As the store has them."""
        return await self._store.settled_after(partition, cursor, held)

    async def requests(self, partitions: Collection[int], limit: int) -> list[DispatchRequest]:
        """As the store has them."""
        return await self._store.requests(partitions, limit)

    async def apply(self, changes: Sequence[PartitionChanges]) -> ApplyReport:
        """Write them."""
        return await self._store.apply(changes)

    async def suspect(self, partition: int, epoch: int, position: int | None) -> bool:
        """Note it."""
        return await self._store.suspect(partition, epoch, position)

    async def suspected(self, partition: int) -> int | None:
        """As the store has it."""
        return await self._store.suspected(partition)


def placed(event: LogEvent, partitions: int) -> LogEvent:
    """The event in the partition of its key."""
    return replace(event, partition=partition_of(event.account, event.key, partitions))
