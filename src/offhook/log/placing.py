"""One append, decided: a batch of facts folded in its order, and each event given its place.

Pure: the store reads where the partitions end and where the keys stand, has this decide, and
writes what came of it, all in one transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

import structlog

from offhook.log.contacts import Contacts
from offhook.log.entries import (
    Appended,
    AppendOutcome,
    Fold,
    Folded,
    IdConflict,
    KeyRow,
    Refused,
    Repeated,
    Submission,
    Unchanged,
    is_test,
)
from offhook.log.heads import Head, Key
from offhook.model.errors import NotFound, OffhookError
from offhook.model.event import EventRef, LogEvent, to_ms
from offhook.model.fact import Draft, FoldContext, TimerKind
from offhook.model.ids import AccountId, EventId, event_id, partition_of

_log = structlog.get_logger(__name__)

Timer: TypeAlias = tuple[AccountId, str, TimerKind]
Given: TypeAlias = tuple[AccountId, EventId]


@dataclass(slots=True)
class PartitionEnd:
    """Where a partition ends: its last position, and when that was."""

    position: int
    created_ms: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What an id of the caller's own stands for: the event, and the digest of the body that it came
    with; ``None`` where the id is an event's of our own making."""

    digest: bytes | None
    first: EventRef


@dataclass(frozen=True, slots=True)
class Placed:
    """An event with its place, and the position of the one before it under the same key."""

    event: LogEvent
    previous: int | None


@dataclass(slots=True)
class Placements:
    """What an append came to. ``outcomes`` are in the batch's order, ``events`` in that of the log
    within each partition; of ``timers``, ``None`` clears one."""

    outcomes: list[AppendOutcome] = field(default_factory=list)
    events: list[Placed] = field(default_factory=list)
    changed: dict[Key, Head] = field(default_factory=dict)
    given: list[tuple[Submission, EventId, EventRef]] = field(default_factory=list)
    timers: dict[Timer, int | None] = field(default_factory=dict)


def partition_for(submission: Submission, partitions: int, spare: int) -> int:
    """Where a fact goes: by its key, else by the caller's own id, which becomes the key. One that
    has neither gets an id of our making as its key: it may go anywhere, so to ``spare``."""
    key = submission.key or submission.given_id
    return spare if key is None else partition_of(submission.account, key, partitions)


class Placing:
    """Folds a batch against the rows of its keys; ``ends`` and ``heads`` move on with it."""

    def __init__(
        self,
        *,
        fold: Fold,
        now: datetime,
        partitions: int,
        ends: Mapping[int, PartitionEnd],
        heads: Mapping[Key, Head],
        taken: Mapping[Given, Taken],
        contacts: Contacts,
    ) -> None:
        self._fold = fold
        self._now = now
        self._partitions = partitions
        self._ends = ends
        self._spare = min(ends)
        self._created_ms = {at: max(to_ms(now), end.created_ms) for at, end in ends.items()}
        self._heads = heads
        self._taken = dict(taken)
        self._contacts = contacts
        self._made = Placements()

    def run(self, batch: Sequence[Submission]) -> Placements:
        """Fold the batch and place what comes of it."""
        self._made.outcomes = [self._take(submission) for submission in batch]
        return self._made

    def _take(self, submission: Submission) -> AppendOutcome:
        """Fold one fact on what its neighbours before it left."""
        if submission.given_id is not None:
            taken = self._taken.get((submission.account, submission.given_id))
            if taken is not None:
                same = taken.digest == submission.digest
                return Repeated(taken.first) if same else IdConflict(taken.first)
        head = None if submission.key is None else self._heads[submission.account, submission.key]
        try:
            folded = self._fold(
                submission, None if head is None else head.row, self._context(submission)
            )
        except OffhookError as error:
            return Refused(error)
        except Exception as error:  # noqa: BLE001 - whatever it raises, its neighbours go on
            _log.exception("fact_failed", key=submission.key, error=repr(error))
            return Refused(error)
        return self._place(submission, head, folded)

    def _context(self, submission: Submission) -> FoldContext:
        repeat, later_first = self._contacts.about(submission)
        return FoldContext(
            now=self._now, test=submission.test, repeat=repeat, later_first=later_first
        )

    def _place(self, submission: Submission, head: Head | None, folded: Folded) -> AppendOutcome:
        """Give the drafts their places, and the key its new row."""
        row = head.row if head is not None else None
        call = folded.call
        if call is None and row is not None:
            call = row.call
        carrier, test = None, is_test(submission, call)
        for index, draft in enumerate(folded.drafts):
            given = submission.given_id if index == folded.carrier else None
            event = self._event(submission, row, draft, given, test)
            row = KeyRow(
                EventRef(event.id, event.type, event.key, event.sequence), event.position, call
            )
            if index == folded.carrier:
                carrier = row.last
        if row is None:
            return Refused(NotFound(f"{submission.key!r} names no call: post its first event."))
        if head is not None and (folded.drafts or call != head.call):
            head.row = KeyRow(row.last, row.position, call)
            self._made.changed[head.account, head.key] = head
            self._contacts.note(head)
        for timer in folded.timers:
            self._made.timers[submission.account, timer.key, timer.kind] = timer.due_ms
        if submission.given_id is not None:
            self._name(submission, submission.given_id, carrier or row.last)
        return Unchanged(row.last) if carrier is None else Appended(carrier)

    def _event(
        self,
        submission: Submission,
        row: KeyRow | None,
        draft: Draft,
        given: EventId | None,
        test: bool,
    ) -> LogEvent:
        """The next event of its partition."""
        partition = partition_for(submission, self._partitions, self._spare)
        end, created_ms = self._ends[partition], self._created_ms[partition]
        end.position += 1
        own = given or event_id(created_ms, partition, end.position, self._partitions)
        event = LogEvent(
            partition,
            end.position,
            own,
            submission.account,
            draft.type,
            submission.key or own,
            row.last.sequence + 1 if row is not None else 1,
            created_ms,
            test,
            draft.historical,
            draft.headers,
            draft.data,
        )
        self._made.events.append(Placed(event, row.position if row is not None else None))
        return event

    def _name(self, submission: Submission, given: EventId, first: EventRef) -> None:
        """The caller's id stands for this event from now on, also within the batch."""
        self._taken[submission.account, given] = Taken(submission.digest, first)
        self._made.given.append((submission, given, first))
