"""The log on PostgreSQL."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import asyncpg
import structlog

from offhook.log.contacts import REPEAT_WINDOW_MS
from offhook.log.entries import AppendOutcome, Fold, LogSlice, Refused, Submission, Topic
from offhook.log.placing import Placements, partition_for
from offhook.log.slices import cut
from offhook.model.errors import Unavailable
from offhook.model.event import LogEvent
from offhook.model.fact import TimerKind
from offhook.store.postgres.append import Append, IdTakenMeanwhile, set_timers
from offhook.store.postgres.database import Collided, CommitUnknown, Database
from offhook.store.postgres.days import Days
from offhook.store.postgres.ends import Ends
from offhook.store.postgres.rows import event_of
from offhook.store.postgres.session import Row, Session

UNSTORABLE = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    UnicodeError,
    OverflowError,
    ValueError,
    TypeError,
)
"""What is raised for one item's sake, where its neighbours can still be written."""
_AGAIN = (IdTakenMeanwhile, Collided)
_TRIES = 5
_LANES = 4
_AT_ONCE = 256
_VERIFY_TRIES = 20
_VERIFY_PAUSE_S = 0.5
_TRUSTED_S = 1.0

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Looked:
    """When a partition was last read to its end, where that was, and the stamp seen then."""

    at_s: float
    end: int
    config_version: int


@dataclass(frozen=True, slots=True)
class _Passed:
    """An event that was read: what follows it in its partition was not created before it."""

    position: int
    created_ms: int


class PostgresLog:
    """The log's port."""

    def __init__(self, database: Database, partitions: int, ends: Ends) -> None:
        self._database = database
        self._partitions = partitions
        self._days = Days("event")
        self._ends = ends
        self._spare = count()
        self._looked: dict[int, _Looked] = {}
        self._passed: dict[int, _Passed] = {}
        self._configured = 0
        database.subscribe(self._told)

    @property
    def partitions(self) -> int:
        """As many as were chosen when the log was made."""
        return self._partitions

    @property
    def lanes(self) -> int:
        """Appends to different partitions do not wait for each other: while one is in the database,
        another is folded."""
        return min(_LANES, self._partitions)

    async def append(self, batch: Sequence[Submission], fold: Fold) -> list[AppendOutcome]:
        """Fold and write the batch in one durable transaction."""
        if not batch:
            return []
        try:
            made = await self._settled(batch, fold)
        except UNSTORABLE as error:
            if len(batch) == 1:
                return [Refused(error)]
            middle = len(batch) // 2
            front = await self.append(batch[:middle], fold)
            return front + await self.append(batch[middle:], fold)
        self._announce(made)
        await self._look_for_races(batch, made)
        return made.outcomes

    async def read(self, partition: int, after: int, limit: int, max_bytes: int) -> LogSlice:
        """The committed events after a position, in order."""
        nothing = self._nothing_new(partition, after)
        if nothing is not None:
            return nothing
        began_s, configured = asyncio.get_running_loop().time(), self._configured
        events, version = await self._read(partition, after, limit, max_bytes)
        if events:
            self._looked.pop(partition, None)
            self._pass(events[-1])
        elif configured == self._configured:
            self._looked[partition] = _Looked(began_s, after, version)
        read_to = events[-1].position if events else after
        return LogSlice(tuple(events), read_to, version)

    async def head(self, partition: int) -> int:
        """The last position ever given in this partition."""
        if not 0 <= partition < self._partitions:
            return 0
        async with self._database.reading() as session:
            [row] = await self._ends.read(session, [partition])
        return int(row["position"])

    async def _settled(self, batch: Sequence[Submission], fold: Fold) -> Placements:
        """Write the batch; again where that is safe; to the end where the outcome is unknown."""
        tries = 0
        while True:
            try:
                return await self._transact(batch, fold)
            except _AGAIN as error:
                tries += 1
                if tries == _TRIES:
                    raise Unavailable("The database is too busy; try again.") from error
            except _Doubtful as doubt:
                if await self._stands(doubt.made):
                    return doubt.made

    async def _transact(self, batch: Sequence[Submission], fold: Fold) -> Placements:
        concerned = self._concerned(batch)
        made: Placements | None = None
        try:
            async with self._database.transaction() as session:
                made = await Append(
                    session,
                    fold=fold,
                    partitions=self._partitions,
                    days=self._days,
                    ends=self._ends,
                    now_ms=self._database.now_ms(),
                ).run(batch, concerned)
        except asyncpg.CheckViolationError:
            # A table of a day that was known has gone.
            self._days.forget()
            raise IdTakenMeanwhile from None
        except CommitUnknown as error:
            if made is None:
                raise
            raise _Doubtful(made) from error
        self._days.known(self._days.missing(it.event.created_ms for it in made.events))
        return made

    def _concerned(self, batch: Sequence[Submission]) -> list[int]:
        keyed = {
            partition_for(item, self._partitions, 0)
            for item in batch
            if item.key is not None or item.given_id is not None
        }
        return sorted(keyed or {next(self._spare) % self._partitions})

    async def _stands(self, made: Placements) -> bool:
        """Whether an append with an unknown outcome was committed. The lock on the head waits for
        the lost connection's transaction to end; then its event stands in its place or never will.

        An append without events is done again: folded again, it says nothing new.
        """
        if not made.events:
            return False
        first = made.events[0].event
        for _ in range(_VERIFY_TRIES):
            try:
                async with self._database.transaction() as session:
                    await session.rows("heads_locked", partitions=[first.partition])
                    stands = await session.value("event_stands", **_place(first))
            except Unavailable:
                await asyncio.sleep(_VERIFY_PAUSE_S)
            else:
                _log.info("doubtful_append_settled", committed=stands)
                return bool(stands)
        raise Unavailable("The database was lost while it committed; what became of it is unknown.")

    def _announce(self, made: Placements) -> None:
        topics: set[Topic] = set()
        ends: dict[int, int] = {}
        for placed in made.events:
            topics.add(Topic.EVENTS)
            ends[placed.event.partition] = placed.event.position
            self._ends.saw(placed.event.partition, placed.event.created_ms)
        if made.timers:
            topics.add(Topic.TIMERS)
        if topics:
            self._database.notices.announce(frozenset(topics), ends)

    async def _look_for_races(self, batch: Sequence[Submission], made: Placements) -> None:
        """Calls of one contact that were appended at the same moment did not see each other."""
        probed = {(item.account, item.key) for item in batch if item.probe is not None and item.key}
        calls = [key for key in made.changed if key in probed]
        if not calls:
            return
        try:
            async with self._database.transaction() as session:
                await self._recheck(session, calls)
        except Unavailable as error:
            _log.warning("repeats_not_rechecked", error=repr(error))

    async def _recheck(self, session: Session, calls: Sequence[tuple[str, str]]) -> None:
        rows = await session.rows(
            "repeats_raced",
            accounts=[account for account, _ in calls],
            ids=[id_ for _, id_ in calls],
            window_ms=REPEAT_WINDOW_MS,
        )
        timers = {(row[0], row[1], TimerKind.RECHECK_REPEAT): 0 for row in rows}
        await set_timers(session, timers, self._partitions)
        if timers:
            self._database.notices.announce(frozenset({Topic.TIMERS}))

    async def _read(
        self, partition: int, after: int, limit: int, max_bytes: int
    ) -> tuple[list[LogEvent], int]:
        """Some events at a time: one step must not bring far more than was asked for."""
        events: list[LogEvent] = []
        size, version = 0, None
        async with self._database.reading() as session:
            while len(events) < limit and size < max_bytes:
                wanted = min(_AT_ONCE, limit - len(events))
                rows = await self._rows_after(session, partition, after, wanted)
                stamp = rows[0]["stamp"]
                if version not in {None, stamp}:
                    # The rest is of another snapshot: it is the next slice's.
                    break
                version = stamp
                found = [event_of(row, 1) for row in rows if row["position"] is not None]
                taken = cut(found, max_bytes - size)
                events += taken
                size += sum(len(event.data) for event in taken)
                if len(found) < wanted:
                    break
                after = events[-1].position
        return events, version or 0

    async def _rows_after(
        self, session: Session, partition: int, after: int, limit: int
    ) -> list[Row]:
        passed = self._passed.get(partition)
        since_ms = 0 if passed is None or after < passed.position else passed.created_ms
        return await session.rows(
            "events_after", partition=partition, after=after, since_ms=since_ms, limit=limit
        )

    def _pass(self, event: LogEvent) -> None:
        """Readers at several places pass: that of the foremost is kept."""
        self._ends.saw(event.partition, event.created_ms)
        passed = self._passed.get(event.partition)
        if passed is None or event.position > passed.position:
            self._passed[event.partition] = _Passed(event.position, event.created_ms)

    def _nothing_new(self, partition: int, after: int) -> LogSlice | None:
        """An empty slice where reading would bring nothing: the partition was read to its end a
        moment ago, and nobody has told of anything since."""
        looked = self._looked.get(partition)
        notices = self._database.notices
        if looked is None or not notices.hearing or looked.end != after:
            return None
        age_s = asyncio.get_running_loop().time() - looked.at_s
        if age_s > _TRUSTED_S or notices.ends.get(partition, 0) > after:
            return None
        return LogSlice((), after, looked.config_version)

    def _told(self, topics: frozenset[Topic]) -> None:
        """A change of the configuration is to be seen with the next read, events or not."""
        if Topic.CONFIG in topics:
            self._configured += 1
            self._looked.clear()


class _Doubtful(Exception):
    """The connection was lost in the commit of this append."""

    def __init__(self, made: Placements) -> None:
        super().__init__()
        self.made = made


def _place(event: LogEvent) -> dict[str, object]:
    return {
        "partition": event.partition,
        "position": event.position,
        "created_ms": event.created_ms,
        "id": event.id,
        "account": event.account,
        "key": event.key,
        "data": event.data,
    }
