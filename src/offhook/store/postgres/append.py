"""One append on PostgreSQL, in the order that keeps appends from waiting for each other in a ring:
heads locked ascending, then all that is read, then all that is written, sorted."""

from collections.abc import Mapping, Sequence

import msgspec

from offhook.log.contacts import REPEAT_WINDOW_MS, Contacts
from offhook.log.entries import Fold, Submission
from offhook.log.heads import Head, Key
from offhook.log.placing import Given, PartitionEnd, Placed, Placements, Placing, Taken, Timer
from offhook.model.event import EventRef, from_ms
from offhook.model.fact import TimerKind
from offhook.model.ids import AccountId, EventId, partition_of
from offhook.store.postgres import heads as key_rows
from offhook.store.postgres.days import Days
from offhook.store.postgres.ends import Ends
from offhook.store.postgres.session import Session, named

_encode = msgspec.json.Encoder().encode
_EVENT_COLUMNS = (
    "partitions",
    "positions",
    "ids",
    "accounts",
    "types",
    "keys",
    "sequences",
    "created_ms",
    "tests",
    "historicals",
    "previous",
    "headers",
    "data",
)
_GIVEN_COLUMNS = (
    "accounts",
    "ids",
    "digests",
    "event_ids",
    "types",
    "keys",
    "sequences",
    "created_ms",
)
_TIMER_KEY_COLUMNS = ("accounts", "keys", "kinds")
_TIMER_COLUMNS = ("partitions", "accounts", "keys", "kinds", "due_ms")


class IdTakenMeanwhile(Exception):
    """Another append took one of the callers' ids since they were looked up: all is undone, and
    done again, it finds the id taken."""


class Append:
    """Folds a batch against the rows of its keys, in one transaction."""

    def __init__(
        self,
        session: Session,
        *,
        fold: Fold,
        partitions: int,
        days: Days,
        ends: Ends,
        now_ms: int | None,
    ) -> None:
        self._session = session
        self._fold = fold
        self._partitions = partitions
        self._days = days
        self._ends = ends
        self._now_ms = now_ms

    async def run(self, batch: Sequence[Submission], concerned: Sequence[int]) -> Placements:
        """Fold and write the batch, whose keys are all of the partitions ``concerned``."""
        session = self._session
        await session.rows("heads_locked", partitions=concerned)
        ends, now_ms = await self._read_ends(concerned)
        taken = await _taken_ids(session, batch)
        heads = await key_rows.load(
            session, ((item.account, item.key) for item in batch if item.key is not None)
        )
        contacts = Contacts(batch, heads, now_ms)
        await _answer(session, contacts, heads)
        made = Placing(
            fold=self._fold,
            now=from_ms(now_ms),
            partitions=self._partitions,
            ends=ends,
            heads=heads,
            taken=taken,
            contacts=contacts,
        ).run(batch)
        await self._write(made, now_ms)
        return made

    async def _read_ends(self, concerned: Sequence[int]) -> tuple[dict[int, PartitionEnd], int]:
        rows = await self._ends.read(self._session, concerned, self._now_ms)
        ends = {row[0]: PartitionEnd(row[1], row[2]) for row in rows}
        return ends, rows[0]["now_ms"]

    async def _write(self, made: Placements, now_ms: int) -> None:
        session = self._session
        await self._add_ids(made, now_ms)
        if made.events:
            missing = self._days.missing(it.event.created_ms for it in made.events)
            if missing:
                await session.rows("day_make", parent="event", days=missing)
            rows = [_event_row(placed) for placed in made.events]
            await session.run("event_append", **named(_EVENT_COLUMNS, rows))
        if made.changed:
            await key_rows.store(session, made.changed.values())
        await self._write_timers(made.timers)

    async def _add_ids(self, made: Placements, now_ms: int) -> None:
        rows = [_given_row(*given, now_ms) for given in made.given]
        if rows and await self._session.run("event_key_add", **named(_GIVEN_COLUMNS, rows)) < len(
            rows
        ):
            raise IdTakenMeanwhile

    async def _write_timers(self, timers: Mapping[Timer, int | None]) -> None:
        """Those of a kind that the appends of other keys set too are all written in one order, also
        those that are cleared then: locked in any other, two appends could wait in a ring."""
        written = {
            timer: due_ms or 0
            for timer, due_ms in timers.items()
            if due_ms is not None or timer[2] is TimerKind.RECHECK_REPEAT
        }
        await set_timers(self._session, written, self._partitions)
        cleared = [timer for timer, due_ms in timers.items() if due_ms is None]
        if cleared:
            await self._session.run("timers_clear", **named(_TIMER_KEY_COLUMNS, cleared))


async def set_timers(session: Session, timers: Mapping[Timer, int], partitions: int) -> None:
    """Have these timers fall due at these moments."""
    rows = [
        (partition_of(account, key, partitions), account, key, kind, due_ms)
        for (account, key, kind), due_ms in timers.items()
    ]
    if rows:
        await session.run("timer_set", **named(_TIMER_COLUMNS, rows))


async def _taken_ids(session: Session, batch: Sequence[Submission]) -> dict[Given, Taken]:
    given = [(item.account, item.given_id) for item in batch if item.given_id is not None]
    if not given:
        return {}
    rows = await session.rows("event_keys", **named(("accounts", "ids"), given))
    return {
        (AccountId(account), EventId(own)): Taken(
            digest, EventRef(EventId(id_), type_, key, sequence)
        )
        for account, own, digest, id_, type_, key, sequence in rows
    }


async def _answer(session: Session, contacts: Contacts, heads: Mapping[Key, Head]) -> None:
    questions = contacts.questions
    if not questions:
        return
    found = await session.rows(
        "contact_calls",
        **named(("accounts", "numbers", "started_ms"), questions),
        excluded=[key for _, key in heads],
        window_ms=REPEAT_WINDOW_MS,
    )
    contacts.answer((repeat, later) for repeat, later in found)


def _event_row(placed: Placed) -> tuple[object, ...]:
    event = placed.event
    return (
        event.partition,
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


def _given_row(
    submission: Submission, given: EventId, first: EventRef, now_ms: int
) -> tuple[object, ...]:
    taken = (submission.account, given, submission.digest)
    return *taken, first.id, first.type, first.key, first.sequence, now_ms
