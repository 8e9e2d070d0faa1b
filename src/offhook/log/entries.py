"""Values that cross the log's ports: what is handed in, what comes back."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

import msgspec

from offhook.model.call import Call
from offhook.model.event import EventRef, LogEvent
from offhook.model.fact import (
    CallFact,
    ContactProbe,
    Draft,
    FoldContext,
    PlainFact,
    TimerChange,
    TimerKind,
)
from offhook.model.ids import AccountId, EventId


class Submission(msgspec.Struct, frozen=True):
    """One fact on its way into the log.

    ``given_id`` is the caller's own event id; with it goes ``digest``, of the body it came with,
    which tells the same event again from another one under the same id. ``size`` is in bytes.
    """

    account: AccountId
    key: str | None
    fact: CallFact | PlainFact
    size: int
    test: bool = False
    given_id: EventId | None = None
    digest: bytes = b""
    probe: ContactProbe | None = None


class KeyRow(msgspec.Struct, frozen=True):
    """Where a key stands: its last event and, for a call, its state."""

    last: EventRef
    position: int
    call: Call | None = None


def is_test(submission: Submission, call: Call | None) -> bool:
    """Whether the events of a fact are test events: a test key posted it, or it is about a test
    call, as a timer's may be."""
    return submission.test or (call is not None and call.test)


class Folded(msgspec.Struct, frozen=True):
    """What a fact comes to: the new state, the events in order, which of them carries the fact
    (``None``: nothing changed), and the timers to set or clear."""

    drafts: tuple[Draft, ...]
    carrier: int | None
    call: Call | None = None
    timers: tuple[TimerChange, ...] = ()


Fold = Callable[[Submission, KeyRow | None, FoldContext], Folded]
"""Pure: the store calls it inside the append's transaction, once the key's row is read."""


class Appended(msgspec.Struct, frozen=True):
    """The fact is in the log; ``event`` carries it."""

    event: EventRef


class Unchanged(msgspec.Struct, frozen=True):
    """The fact said nothing new; ``last`` is the key's last event."""

    last: EventRef


class Repeated(msgspec.Struct, frozen=True):
    """The same id with the same body was taken before; ``first`` is that event."""

    first: EventRef


class IdConflict(msgspec.Struct, frozen=True):
    """The id was taken before with another body."""

    first: EventRef


class Refused(msgspec.Struct, frozen=True):
    """This fact raised; its neighbours in the batch are untouched."""

    error: Exception


AppendOutcome = Appended | Unchanged | Repeated | IdConflict | Refused


class LogSlice(msgspec.Struct, frozen=True):
    """Events of one partition in order. ``read_to`` is the last position looked at;
    ``config_version`` is of the same snapshot."""

    events: tuple[LogEvent, ...]
    read_to: int
    config_version: int


class Lease(msgspec.Struct, frozen=True):
    """A consumer's hold on a partition. ``cursor`` is the last position that is done with;
    ``epoch`` rises with each take-over, and every write names it."""

    consumer: str
    partition: int
    owner: str
    epoch: int
    cursor: int
    takeovers: int
    """How often the lease changed hands since the cursor last moved."""


class LeaseShare(msgspec.Struct, frozen=True):
    """What an owner took just now, and how many leases more than its target it holds: so many are
    for others to take once it gives them back."""

    taken: tuple[Lease, ...]
    surplus: int = 0


class DueTimer(msgspec.Struct, frozen=True):
    """A timer whose time has come."""

    account: AccountId
    key: str
    kind: TimerKind


class FeedFilter(msgspec.Struct, frozen=True):
    """What a reader of the feed asks for; ``types`` are exact or end in ``.*``; ``None``: any."""

    types: tuple[str, ...] | None = None
    key: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class FeedSlice(msgspec.Struct, frozen=True):
    """A page of the feed, and the position per partition to go on from, given always.

    ``at_ms`` is how far in time the page has read: nothing that was created before is left after
    it, but for what other partitions commit late. It is the ``created_ms`` of the newest event that
    was looked at, wanted or not; where partitions were read to different times, the earliest of
    those that have more; 0 if nothing was looked at.

    ``past_head``: a position given lies past the head of its partition, so another log gave it;
    ``trimmed``: one lies before events that retention took. Then nothing was read.
    """

    events: tuple[LogEvent, ...]
    after: dict[int, int]
    more: bool
    at_ms: int = 0
    past_head: bool = False
    trimmed: bool = False


class Blocked(msgspec.Struct, frozen=True):
    """What keeps the oldest from going although it is old enough: who still needs it, in which
    partition if in one, and for how long it should have been gone."""

    by: str
    partition: int | None
    overdue_ms: int


class Trimmed(msgspec.Struct, frozen=True):
    """What a step of retention came to: whether there is more to take at once, and what keeps the
    rest from going, if anything does."""

    more: bool = False
    blocked: Blocked | None = None


class Topic(StrEnum):
    """What a commit changed, for those who wait for it."""

    EVENTS = "events"
    """Events were appended."""
    TIMERS = "timers"
    """Timers were set or cleared."""
    REQUESTS = "requests"
    """Somebody asked the owner of a delivery for something."""
    REPLAYS = "replays"
    """A replay was asked for or canceled."""
    CONFIG = "config"
    """A resource that delivery depends on changed."""
    LEASES = "leases"
    """Leases were given back, or who takes part changed."""
