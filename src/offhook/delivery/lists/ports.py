"""What lists of deliveries are read from."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from offhook.delivery.entries import AttemptRecord, Place
from offhook.delivery.lists.entries import Look, Seen, Span, Stretch, TraceFilter
from offhook.delivery.lists.traces import Traces
from offhook.model.event import LogEvent
from offhook.model.ids import AccountId, EventId, WebhookId


class Trace(StrEnum):
    """What a delivery leaves behind."""

    LIVE = "live"
    """A row that waits for a retry, or behind one."""
    ROW = "rows"
    """A row in any state."""
    ATTEMPT = "attempts"


class DeliverySource(Protocol):
    """Traces of deliveries, the log, and up to where endpoints have come in it."""

    async def endpoints(self, account: AccountId) -> Sequence[WebhookId]:
        """All endpoints of the account."""
        ...

    async def stretches(self, account: AccountId, webhook: WebhookId | None) -> list[Stretch]:
        """Where deliveries to the account's endpoints, or to this one, may have left no trace:
        what each has not come to yet, or, while it is disabled, all of the log."""
        ...

    async def spans(self, since_ms: int | None, until_ms: int | None) -> dict[int, Span]:
        """The positions of each partition at which events of this time stand; what is kept of
        before the log begins is always among them."""
        ...

    async def seen(
        self,
        trace: Trace,
        account: AccountId,
        looks: Sequence[Look],
        most: int,
        wanted: TraceFilter,
    ) -> list[Seen]:
        """What stands at the newest ``most`` places of each look, newest first: what fits, and the
        last place where there are so many."""
        ...

    async def events(
        self, account: AccountId, spans: Sequence[tuple[int, Span]], limit: int
    ) -> list[LogEvent]:
        """The account's events in spans of partitions, in any order, at most ``limit``."""
        ...

    async def events_at(self, partition: int, positions: Sequence[int]) -> list[LogEvent]:
        """The events at these positions, in any order, also those that are only kept."""
        ...

    async def traced(
        self, account: AccountId, partition: int, positions: Sequence[int]
    ) -> list[tuple[WebhookId, int]]:
        """Deliveries of events at these positions that have a row or an attempt."""
        ...

    async def place_of(self, account: AccountId, event: EventId) -> tuple[int, int] | None:
        """The partition and position of an event that is in the log, or is kept."""
        ...

    async def places_of(self, account: AccountId, key: str) -> tuple[int, Sequence[int]]:
        """The partition of a key, and the positions of its events, also of those kept."""
        ...

    async def traces(
        self, account: AccountId, places: Sequence[Place]
    ) -> Sequence[tuple[Traces, AttemptRecord | None]]:
        """All that is known of some deliveries, each with its latest attempt, in order."""
        ...
