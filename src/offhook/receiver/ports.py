"""What the receiver keeps, and what it asks of whoever keeps it."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

import msgspec

from offhook.receiver.event import Event, stored_event

TTL_S: Final = 48 * 3600.0
"""How long an event that is done with is known, unless told otherwise."""


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

    async def close(self) -> None:
        """Let go of the storage."""
        ...


class Receipt(StrEnum):
    """What the queue says of an event that arrives. It is kept in each case, or was before."""

    NEW = "new"
    REPEAT = "repeat"
    """It waits, is being handled, or was handled within the time that handled events are known."""
    DEAD_LETTER = "dead_letter"
    """It was given up before. Its repeat changes nothing: it stays so until it is retried."""


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """An event that was verified and is to be kept. Those of one ``lane`` are handled one after the
    other, in order of arrival."""

    event_id: str
    lane: str
    body: bytes


class Taken(msgspec.Struct, frozen=True, gc=False):
    """An event that was handed to one holder; its lane is that holder's until it is settled or the
    lease runs out. ``attempt`` counts from 1, those among them that ended in a crash."""

    event_id: str
    lane: str
    body: bytes
    attempt: int


class Verdict(StrEnum):
    """What becomes of an event after an attempt."""

    HANDLED = "handled"
    RETRY = "retry"
    """Again after ``delay_s``; its lane waits for it."""
    DEAD = "dead"
    """Never again by itself; its lane goes on without it."""
    RELEASED = "released"
    """Not tried after all: free for anybody, and the attempt does not count."""


class Settlement(msgspec.Struct, frozen=True, gc=False):
    """The end of an attempt. Of an attempt that somebody else has taken over meanwhile, only
    ``HANDLED`` counts, for what was done was done."""

    event_id: str
    lane: str
    attempt: int
    verdict: Verdict
    delay_s: float = 0.0
    error: str = ""


class DeadLetter(msgspec.Struct, frozen=True):
    """An event that was given up. ``place`` grows in order of arrival and is the cursor of the
    list; ``error`` says how the last attempt ended."""

    place: int
    event_id: str
    lane: str
    body: bytes
    attempts: int
    error: str
    died: datetime

    @property
    def event(self) -> Event:
        """The event itself."""
        return stored_event(self.body)


class Depth(msgspec.Struct, frozen=True):
    """How many events wait for an attempt or are in one, and how many were given up."""

    waiting: int
    dead: int


class Queue(Protocol):
    """Keeps events from the answer to their sender until they are handled, for any number of
    processes. Whatever raises has changed nothing, or what is safe to ask again."""

    async def exists(self) -> bool:
        """Whether there is such a storage, and a queue in it; makes neither. To be asked before it
        is opened, too."""
        ...

    async def open(self) -> None:
        """Open the storage and make what is missing there. To be awaited before all else, in the
        process that uses it."""
        ...

    async def commit(
        self, holder: str, arrivals: Sequence[Arrival], settlements: Sequence[Settlement]
    ) -> list[Receipt]:
        """Keep new events and settle attempts of this holder, in one durable transaction.

        Answers with a receipt for each arrival, in order. When it returns, all of it survives a
        crash of this process.
        """
        ...

    async def take(self, holder: str, limit: int, lease_s: float) -> list[Taken]:
        """Hand at most so many events to this holder: the first of each lane that is due and free.

        A lane comes back by itself once its lease ran out: its holder died.
        """
        ...

    async def renew(self, holder: str, lanes: Sequence[str], lease_s: float) -> None:
        """Hold these lanes for so long from now, those of them that are still the holder's."""
        ...

    async def forget(self) -> None:
        """Drop some of the ids that need not be known any more; to be asked now and then."""
        ...

    async def dead_letters(self, after: int = 0, limit: int = 100) -> list[DeadLetter]:
        """Events given up, of the places after this one, in order."""
        ...

    async def retry_dead(self, event_ids: Sequence[str] | None = None) -> int:
        """Let these dead letters, or all, be tried anew, with all their attempts; how many there
        were. They come before what waits in their lanes."""
        ...

    async def drop_dead(self, event_ids: Sequence[str] | None = None) -> int:
        """Be done with these dead letters, or with all; how many there were. From now on they count
        as handled."""
        ...

    async def depth(self) -> Depth:
        """How much there is."""
        ...

    async def close(self) -> None:
        """Finish what is under way and let go of the storage."""
        ...
