"""The log on SQLite."""

from collections.abc import Sequence

from offhook.log.entries import AppendOutcome, Fold, LogSlice, Refused, Submission, Topic
from offhook.log.slices import cut
from offhook.model.event import LogEvent
from offhook.store.sqlite.append import PARTITIONS, UNSTORABLE, Append, Written
from offhook.store.sqlite.connection import Connection
from offhook.store.sqlite.database import Database
from offhook.store.sqlite.heads import Heads
from offhook.store.sqlite.packing import PARTITION, unpack_events
from offhook.store.sqlite.tail import Tail
from offhook.store.sqlite.writer import Transaction

_AT_ONCE = 64


class SqliteLog:
    """The log's port. It has one partition."""

    def __init__(self, database: Database, tail: Tail) -> None:
        self._database = database
        self._tail = tail
        self._heads = Heads()

    @property
    def partitions(self) -> int:
        """Always one: there is one writer."""
        return PARTITIONS

    @property
    def lanes(self) -> int:
        """Always one, for the same reason."""
        return 1

    async def append(self, batch: Sequence[Submission], fold: Fold) -> list[AppendOutcome]:
        """Fold and write the batch in one durable transaction."""

        def work(transaction: Transaction) -> list[AppendOutcome]:
            transaction.undone.append(self._heads.clear)
            written = self._write(transaction, batch, fold)
            transaction.committed.append(lambda: self._tail.extend(written.events))
            if written.events:
                transaction.topics.add(Topic.EVENTS)
            if written.timers:
                transaction.topics.add(Topic.TIMERS)
            return written.outcomes

        return await self._database.write(work, first=True)

    async def read(self, partition: int, after: int, limit: int, max_bytes: int) -> LogSlice:
        """The committed events after a position, in order."""
        if partition != PARTITION:
            return LogSlice((), after, 0)
        slice_ = self._tail.read(after, limit, max_bytes)
        if slice_ is not None:
            return slice_
        return self._database.read(lambda it: read_log(it, after, limit, max_bytes))

    async def head(self, partition: int) -> int:
        """The last position ever given in this partition."""
        return self._tail.head if partition == PARTITION else 0

    def _write(self, transaction: Transaction, batch: Sequence[Submission], fold: Fold) -> Written:
        """Write the batch; where SQL refuses it, its halves, until what is at fault is alone."""
        try:
            with transaction.part():
                now = self._database.clock.now()
                return Append(transaction.connection, self._heads, fold, now).run(batch)
        except UNSTORABLE as error:
            if not transaction.careful:
                raise
            if len(batch) == 1:
                return Written([Refused(error)], [], timers=False)
        middle = len(batch) // 2
        front = self._write(transaction, batch[:middle], fold)
        back = self._write(transaction, batch[middle:], fold)
        return Written(
            front.outcomes + back.outcomes, front.events + back.events, front.timers or back.timers
        )


def read_log(connection: Connection, after: int, limit: int, max_bytes: int) -> LogSlice:
    """A slice of the log from the database. Some events at a time: one step must neither hold the
    loop long nor bring far more than was asked for."""
    events: list[LogEvent] = []
    size = config_version = 0
    while len(events) < limit and size < max_bytes:
        count = min(_AT_ONCE, limit - len(events))
        row = connection.row("events_after", after=after, limit=count)
        found = [] if row is None else unpack_events(row[0], row[1])
        config_version = config_version if row is None else row[2]
        taken = cut(found, max_bytes - size)
        events += taken
        size += sum(len(event.data) for event in taken)
        if len(found) < count:
            break
        after = events[-1].position
    return LogSlice(tuple(events), events[-1].position if events else after, config_version)
