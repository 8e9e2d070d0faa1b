"""One append: what it is decided from is read in a few wide statements, and so is it written."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import apsw
import msgspec

from offhook.log.contacts import REPEAT_WINDOW_MS, Contacts
from offhook.log.entries import AppendOutcome, Fold, Submission
from offhook.log.heads import Key
from offhook.log.placing import Given, PartitionEnd, Placed, Placements, Placing, Taken, Timer
from offhook.model.event import EventRef, LogEvent, to_ms
from offhook.model.ids import AccountId, EventId
from offhook.store.sqlite.connection import Connection, Value, as_json
from offhook.store.sqlite.heads import Heads
from offhook.store.sqlite.packing import PARTITION

PARTITIONS = 1
UNSTORABLE = (apsw.ConstraintError, apsw.TooBigError, UnicodeError, OverflowError, TypeError)
"""What SQL raises for one item's sake, where its neighbours can still be written."""

_TAKEN = msgspec.json.Decoder(list[tuple[str, str, str | None, str, str, str, int]])
_FOUND = msgspec.json.Decoder(list[tuple[int, list[str]]])
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class LogEnd:
    """Where the log ends: its last position, when that was, and the number of the last call; and
    the position up to which retention took it."""

    position: int
    created_ms: int
    call_number: int
    trimmed: int = 0


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
    """Reads what the decision needs, has it made, and writes what came of it."""

    def __init__(self, connection: Connection, heads: Heads, fold: Fold, now: datetime) -> None:
        self._connection = connection
        self._store = heads
        self._fold = fold
        self._now = now

    def run(self, batch: Sequence[Submission]) -> Written:
        """Fold and write the batch."""
        connection = self._connection
        end = read_end(connection)
        taken = _taken_ids(connection, batch)
        heads = self._store.load(
            connection, ((item.account, item.key) for item in batch if item.key is not None)
        )
        contacts = Contacts(batch, heads, max(to_ms(self._now), end.created_ms))
        _answer(connection, contacts, heads)
        made = Placing(
            fold=self._fold,
            now=self._now,
            partitions=PARTITIONS,
            ends={PARTITION: PartitionEnd(end.position, end.created_ms)},
            heads=heads,
            taken=taken,
            contacts=contacts,
        ).run(batch)
        self._write(made, end.call_number)
        self._store.keep(heads)
        return Written(made.outcomes, [it.event for it in made.events], bool(made.timers))

    def _write(self, made: Placements, last_number: int) -> None:
        connection = self._connection
        connection.insert("event_key_add", [_given_row(*given) for given in made.given])
        connection.insert("event_append", [_event_row(placed) for placed in made.events])
        self._store.store(connection, made.changed.values(), last_number)
        _write_timers(connection, made.timers)


def _taken_ids(connection: Connection, batch: Sequence[Submission]) -> dict[Given, Taken]:
    given = [(item.account, item.given_id) for item in batch if item.given_id is not None]
    if not given:
        return {}
    return {
        (AccountId(account), EventId(own)): Taken(
            None if digest is None else bytes.fromhex(digest),
            EventRef(EventId(id_), type_, key, sequence),
        )
        for account, own, digest, id_, type_, key, sequence in connection.rows(
            "event_keys", _TAKEN, ids=as_json(given)
        )
    }


def _answer(connection: Connection, contacts: Contacts, heads: Collection[Key]) -> None:
    questions = contacts.questions
    if not questions:
        return
    found = connection.rows(
        "contact_calls",
        _FOUND,
        probes=as_json(questions),
        excluded=as_json(key for _, key in heads),
        window_ms=REPEAT_WINDOW_MS,
    )
    contacts.answer((repeat == 1, later) for repeat, later in found)


def _event_row(placed: Placed) -> tuple[Value, ...]:
    event = placed.event
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
        placed.previous,
        None if event.headers is None else _encode(event.headers).decode(),
        event.data,
    )


def _given_row(submission: Submission, given: EventId, first: EventRef) -> tuple[Value, ...]:
    named = (submission.account, given, submission.digest)
    return *named, first.id, first.type, first.key, first.sequence


def _write_timers(connection: Connection, timers: dict[Timer, int | None]) -> None:
    cleared = [timer for timer, due_ms in timers.items() if due_ms is None]
    if cleared:
        connection.run("timers_clear", timers=as_json(cleared))
    connection.insert(
        "timer_set", [(*timer, due_ms) for timer, due_ms in timers.items() if due_ms is not None]
    )
