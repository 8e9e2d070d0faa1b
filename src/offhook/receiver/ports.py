"""What the receiver keeps, and what it asks of whoever keeps it."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

import msgspec


class Claim(StrEnum):
    """What a handler learns when it claims an event."""

    GRANTED = "granted"
    """Handle it now, then say ``handled``."""
    BUSY = "busy"
    """Another handler holds it: answer 503, so that the sender comes back."""
    HANDLED = "handled"
    """It was handled before: answer 200 and do nothing."""


class ProcessedEvents(Protocol):
    """Remembers which events were handled, shared by all processes that handle them."""

    async def claim(self, event_id: str) -> Claim:
        """Claim an event for a while. One whose claim ran out, for its handler crashed, is granted
        again."""
        ...

    async def handled(self, event_id: str) -> None:
        """The event's effect is done; it is granted to nobody from now on."""
        ...

    async def release(self, event_id: str) -> None:
        """Give a claim back at once, after a failure; a handled event stays handled."""
        ...


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """An event that was verified and is to be kept."""

    event_id: str
    key: str
    body: bytes


class StoredEvent(msgspec.Struct, frozen=True, gc=False):
    """An event that is kept until it is handled. ``place`` grows in order of arrival and is never
    used twice."""

    place: int
    event_id: str
    key: str
    body: bytes


class Inbox(Protocol):
    """Keeps events from the answer to their sender until they are handled."""

    async def commit(self, arrivals: Sequence[Arrival], handled: Sequence[int]) -> list[int | None]:
        """Keep new events and note handled places, in one durable transaction.

        Answers, in order, with the place of each new event, and ``None`` for one that was seen
        before. When it returns, all of it survives any crash; when it raises, nothing was written.
        """
        ...

    async def waiting(self, after: int, limit: int) -> list[StoredEvent]:
        """Events not yet handled, of the places after this one, in order."""
        ...

    async def close(self) -> None:
        """Finish what is under way and let go of the storage."""
        ...
