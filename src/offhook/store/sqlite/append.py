"""One append: a batch of facts, folded in its order and written in a few wide statements."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import apsw
import msgspec
import structlog

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
from offhook.model.errors import NotFound, OffhookError
from offhook.model.event import EventRef, LogEvent, to_ms
from offhook.model.fact import Draft, FoldContext, TimerKind
from offhook.model.ids import AccountId, EventId, event_id
from offhook.store.sqlite.connection import Connection, Value, as_json
from offhook.store.sqlite.contacts import Contacts
from offhook.store.sqlite.heads import Head, Heads, Key
from offhook.store.sqlite.packing import PARTITION

PARTITIONS = 1
UNSTORABLE = (apsw.ConstraintError, apsw.TooBigError, UnicodeError, OverflowError, TypeError)
"""What SQL raises for one item's sake, where its neighbours can still be written."""

_TAKEN = msgspec.json.Decoder(list[tuple[str, str, str | None, str, str, str, int]])
_encode = msgspec.json.Encoder().encode
_log = structlog.get_logger(__name__)

Timer = tuple[AccountId, str, TimerKind]
Given = tuple[AccountId, EventId]


@dataclass(slots=True)
class LogEnd:
    """Where the log ends: its last position, when that was, and the number of the last call."""

    position: int
    created_ms: int
    call_number: int


@dataclass(frozen=True, slots=True)
class Written:
    """What an append came to: an outcome for each fact, and the events in the log's order."""

    outcomes: list[AppendOutcome]
    events: list[LogEvent]
    timers: bool


def read_end(connection: Connection) -> LogEnd:
    """Where the log ends, as this connection sees it."""
    row = connection.row("log_end", partition=PARTITION)
    return LogEnd(0, 0, 0) if row is None else LogEnd(*row)


class Append:
    """Folds a batch against the rows of its keys, then writes what came of it."""

    def __init__(self, connection: Connection, heads: Heads, fold: Fold, now: datetime) -> None:
        self._connection = connection
        self._store = heads
        self._fold = fold
        self._now = now
        self._end = read_end(connection)
        self._first_number = self._end.call_number
        self._created_ms = max(to_ms(now), self._end.created_ms)
        self._heads: dict[Key, Head] = {}
        self._changed: dict[Key, Head] = {}
        self._events: list[LogEvent] = []
        self._rows: list[tuple[Value, ...]] = []
        self._taken: dict[Given, tuple[str | None, EventRef]] = {}
        self._given: list[tuple[Value, ...]] = []
        self._timers: dict[Timer, int | None] = {}

    def run(self, batch: Sequence[Submission]) -> Written:
        """Fold and write the batch."""
        self._taken = _taken_ids(self._connection, batch)
        self._heads = self._store.load(
            self._connection, ((item.account, item.key) for item in batch if item.key is not None)
        )
        self._contacts = Contacts(self._connection, batch, self._heads, self._created_ms)
        outcomes = [self._take(submission) for submission in batch]
        self._write()
        return Written(outcomes, self._events, bool(self._timers))

    def _take(self, submission: Submission) -> AppendOutcome:
        """Fold one fact on what its neighbours before it left."""
        if submission.given_id is not None:
            taken = self._taken.get((submission.account, submission.given_id))
            if taken is not None:
                digest, first = taken
                same = digest == submission.digest.hex().upper()
                return Repeated(first) if same else IdConflict(first)
        head = self._head(submission)
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

    def _head(self, submission: Submission) -> Head | None:
        if submission.key is None:
            return None
        return self._heads[submission.account, submission.key]

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
            self._changed[head.account, head.key] = head
            self._contacts.note(head)
        for timer in folded.timers:
            self._timers[submission.account, timer.key, timer.kind] = timer.due_ms
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
        """The next event of the log."""
        self._end.position += 1
        position = self._end.position
        own = given or event_id(self._created_ms, PARTITION, position, PARTITIONS)
        event = LogEvent(
            PARTITION,
            position,
            own,
            submission.account,
            draft.type,
            submission.key or own,
            row.last.sequence + 1 if row is not None else 1,
            self._created_ms,
            test,
            draft.historical,
            draft.headers,
            draft.data,
        )
        self._events.append(event)
        self._rows.append(_event_row(event, row.position if row is not None else None))
        return event

    def _name(self, submission: Submission, given: EventId, first: EventRef) -> None:
        """The caller's id stands for this event from now on, also within the batch."""
        self._taken[submission.account, given] = (submission.digest.hex().upper(), first)
        self._given.append((submission.account, given, submission.digest, *_ref(first)))

    def _write(self) -> None:
        connection = self._connection
        connection.insert("event_key_add", self._given)
        connection.insert("event_append", self._rows)
        self._store.store(connection, self._changed.values(), self._first_number)
        _write_timers(connection, self._timers)
        self._store.keep(self._heads)


def _taken_ids(
    connection: Connection, batch: Sequence[Submission]
) -> dict[Given, tuple[str | None, EventRef]]:
    given = [(item.account, item.given_id) for item in batch if item.given_id is not None]
    if not given:
        return {}
    return {
        (AccountId(account), EventId(own)): (digest, EventRef(EventId(id_), type_, key, sequence))
        for account, own, digest, id_, type_, key, sequence in connection.rows(
            "event_keys", _TAKEN, ids=as_json(given)
        )
    }


def _event_row(event: LogEvent, previous: int | None) -> tuple[Value, ...]:
    return (
        event.position,
        event.id,
        event.account,
        event.type,
        event.key,
        event.sequence,
        event.created_ms,
        event.test,
        event.historical,
        previous,
        None if event.headers is None else _encode(event.headers).decode(),
        event.data,
    )


def _ref(event: EventRef) -> tuple[Value, ...]:
    return event.id, event.type, event.key, event.sequence


def _write_timers(connection: Connection, timers: dict[Timer, int | None]) -> None:
    cleared = [timer for timer, due_ms in timers.items() if due_ms is None]
    if cleared:
        connection.run("timers_clear", timers=as_json(cleared))
    connection.insert(
        "timer_set", [(*timer, due_ms) for timer, due_ms in timers.items() if due_ms is not None]
    )
