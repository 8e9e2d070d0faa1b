"""What the log asks of a store."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from offhook.log.entries import (
    AppendOutcome,
    DueTimer,
    FeedFilter,
    FeedSlice,
    Fold,
    Lease,
    LeaseShare,
    LogSlice,
    Submission,
    Trimmed,
)
from offhook.model.event import LogEvent
from offhook.model.ids import AccountId, EventId


class LogStore(Protocol):
    """Append to the log, and read it in order."""

    @property
    def partitions(self) -> int:
        """How many partitions the log has; fixed when the store was made."""
        ...

    @property
    def lanes(self) -> int:
        """How many appends, to different partitions, may usefully be under way at once: partition p
        belongs to lane p modulo this."""
        ...

    async def append(self, batch: Sequence[Submission], fold: Fold) -> list[AppendOutcome]:
        """Fold and write the batch in one durable transaction; outcomes are in the batch's order.

        Positions are gapless and, like ``created``, never go back within a partition. A fact that
        raises is ``Refused`` alone. When this returns, the batch survives any crash. It raises
        ``Unavailable`` when the store cannot be reached, after which facts may have been written
        all the same: with an id of the caller's own, appending them again is safe.
        """
        ...

    async def read(self, partition: int, after: int, limit: int, max_bytes: int) -> LogSlice:
        """The committed events after a position, in order: at most ``limit``, and no further one
        once ``max_bytes`` of data is reached (at least one). Never skips an event that commits
        late."""
        ...

    async def head(self, partition: int) -> int:
        """The last position ever given in this partition; 0 before the first."""
        ...


class FeedStore(Protocol):
    """Read events of one account."""

    @property
    def generation(self) -> int:
        """Which log this is, as read when the store was opened: positions mean nothing in another
        one."""
        ...

    async def feed(
        self, account: AccountId, after: Mapping[int, int], limit: int, wanted: FeedFilter
    ) -> FeedSlice:
        """Events after the given positions, oldest first, in order per key; of a page, none was
        created before the one in front of it."""
        ...

    async def event(self, account: AccountId, event: EventId) -> LogEvent | None:
        """One event; ``None`` if the account has none of this id."""
        ...


class LeaseStore(Protocol):
    """Leases on partitions, by the store's own clock.

    Each consumer's partitions are shared evenly among its members: the owners that asked for leases
    less than their ``ttl_s`` ago and did not leave.
    """

    async def acquire(
        self, consumer: str, owner: str, ttl_s: float, config_version: int | None = None
    ) -> LeaseShare:
        """Take part for ``ttl_s`` from now, and take free and expired leases up to this owner's
        even target (``sharing.even_target``). ``config_version`` is the configuration that the
        owner works by; it stands until the next call says another."""
        ...

    async def renew(self, leases: Sequence[Lease], ttl_s: float) -> list[Lease]:
        """Push the expiry of the leases still held on; returns those. The others are lost."""
        ...

    async def release(self, leases: Sequence[Lease]) -> None:
        """Give leases back at once; those already lost are left alone."""
        ...

    async def leave(self, consumer: str, owner: str) -> None:
        """Take no part any more: the others' targets rise at once."""
        ...


class TimerStore(Protocol):
    """Durable timers, written by appends."""

    async def due_timers(self, partitions: Collection[int], limit: int) -> list[DueTimer]:
        """Timers of keys in these partitions that are due by the store's clock, oldest first. They
        stay until the fact that they stand for is appended."""
        ...

    async def next_timer_ms(self, partitions: Collection[int]) -> int | None:
        """When the earliest timer of these partitions is due, in Unix milliseconds."""
        ...


class RetentionStore(Protocol):
    """Taking away what is old, a bounded piece at a time, beside all else that goes on.

    Ages count by the store's clock. A store that keeps a day's rows together takes them together,
    so a row may stay for up to a day longer. What a step leaves undone, the next one finishes, in
    this process or another. Each raises ``Unavailable`` when it cannot be done now.
    """

    async def trim_events(self, age_ms: int) -> Trimmed:
        """Take away events older than that.

        What a consumer has not passed or a held range still has to read stays; what a row of a
        delivery names is kept for it, and is found by its id. Positions and sequences are never
        given again.
        """
        ...

    async def trim_attempts(self, age_ms: int) -> Trimmed:
        """Take away attempts older than that, but for those of deliveries that are still tried.
        With an acceptance goes what a replay gave up of the same delivery."""
        ...

    async def trim_given_up(self, age_ms: int) -> Trimmed:
        """Take away deliveries that were given up or canceled, and that began to be tried longer
        ago than that."""
        ...

    async def trim_replays(self, age_ms: int) -> Trimmed:
        """Take away the records of replays that were over longer ago than that."""
        ...

    async def trim_deleted(self) -> Trimmed:
        """Take away rows of deliveries to webhooks that were deleted: nobody is shown them."""
        ...

    async def release_events(self) -> Trimmed:
        """Take away events that were kept for rows of deliveries and that none names any more."""
        ...
