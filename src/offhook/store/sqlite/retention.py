"""Taking what is old away, on SQLite: a bounded number of rows in each transaction."""

from dataclasses import dataclass

import msgspec

from offhook.log.entries import Blocked, Trimmed
from offhook.log.timers import CONSUMER as TIMERS
from offhook.model.ids import WebhookId
from offhook.store.sqlite.append import read_end
from offhook.store.sqlite.connection import Connection, as_json
from offhook.store.sqlite.database import Database
from offhook.store.sqlite.packing import PARTITION
from offhook.store.sqlite.tail import Tail
from offhook.store.sqlite.writer import Transaction

_AT_ONCE = 1_000
_END = (1 << 63) - 1
_NAMES = msgspec.json.Decoder(list[str])


@dataclass(frozen=True, slots=True)
class _Floor:
    """Up to where the log was read by all who read it, and who read the least."""

    reader: str
    position: int


class SqliteRetention:
    """The port of retention. ``_attempts_seen``, ``_kept_seen`` and ``_deleted_seen`` are where a
    walk over rows has come to of which some stay."""

    def __init__(self, database: Database, tail: Tail) -> None:
        self._database = database
        self._tail = tail
        self._attempts_seen = 0
        self._kept_seen = 0
        self._deleted_seen = WebhookId("")

    async def trim_events(self, age_ms: int) -> Trimmed:
        """Take away the oldest events; those that rows of deliveries name are kept aside."""
        before_ms = self._database.now_ms() - age_ms
        return await self._database.write(lambda it: self._trim_events(it, before_ms))

    async def trim_attempts(self, age_ms: int) -> Trimmed:
        """Take away the oldest attempts, but for those of deliveries that are still tried."""
        before_ms = self._database.now_ms() - age_ms
        return await self._database.write(lambda it: self._trim_attempts(it.connection, before_ms))

    async def trim_given_up(self, age_ms: int) -> Trimmed:
        """Take away the oldest deliveries that were given up or canceled."""
        before_ms = self._database.now_ms() - age_ms

        def work(transaction: Transaction) -> Trimmed:
            connection = transaction.connection
            floor = _floor(connection).position
            gone = connection.run("pending_trim", before_ms=before_ms, floor=floor, limit=_AT_ONCE)
            return Trimmed(more=gone == _AT_ONCE)

        return await self._database.write(work)

    async def trim_replays(self, age_ms: int) -> Trimmed:
        """Take away the records of replays that are over."""
        before_ms = self._database.now_ms() - age_ms

        def work(transaction: Transaction) -> Trimmed:
            connection = transaction.connection
            old = connection.rows("replays_old", _NAMES, before_ms=before_ms, limit=_AT_ONCE)
            connection.run("replay_ranges_drop", replays=as_json(old))
            connection.run("replays_drop", replays=as_json(old))
            return Trimmed(more=len(old) == _AT_ONCE)

        return await self._database.write(work)

    async def release_events(self) -> Trimmed:
        """Take away kept events that no row names any more."""
        return await self._database.write(lambda it: self._release_events(it.connection))

    async def trim_deleted(self) -> Trimmed:
        """Take away rows of webhooks that were deleted; which those are is read beside the
        writer."""
        webhook: WebhookId | None = await self._database.query(
            lambda it: it.value("webhook_gone", after=self._deleted_seen)
        )
        if webhook is None:
            self._deleted_seen = WebhookId("")
            return Trimmed()
        gone = await self._database.write(
            lambda it: it.connection.run("pending_delete", webhook=webhook, limit=_AT_ONCE)
        )
        if gone < _AT_ONCE:
            self._deleted_seen = webhook
        return Trimmed(more=True)

    def _trim_events(self, transaction: Transaction, before_ms: int) -> Trimmed:
        connection = transaction.connection
        oldest: int | None = connection.value("event_oldest")
        old_to: int = connection.value("event_since", created_ms=before_ms) - 1
        if oldest is None or oldest > old_to:
            return Trimmed()
        floor = _floor(connection)
        through = min(old_to, floor.position, oldest + _AT_ONCE - 1)
        if through >= oldest:
            self._take(transaction, through)
        if through == floor.position < old_to:
            needed = max(floor.position + 1, oldest)
            return Trimmed(blocked=_blocked(connection, floor.reader, needed, before_ms))
        return Trimmed(more=through < old_to)

    def _take(self, transaction: Transaction, through: int) -> None:
        connection = transaction.connection
        end = read_end(connection)
        connection.run(
            "trim_mark",
            partition=PARTITION,
            position=end.position,
            created_ms=end.created_ms,
            through=through,
        )
        connection.run("kept_add", partition=PARTITION, through=through)
        connection.run("trim", through=through)
        transaction.committed.append(lambda: self._tail.trim(through))

    def _trim_attempts(self, connection: Connection, before_ms: int) -> Trimmed:
        old_to: int = connection.value("attempt_since", started_ms=before_ms) - 1
        seen = {"after": self._attempts_seen, "through": old_to}
        reached: int | None = connection.value("attempts_reach", limit=_AT_ONCE, **seen)
        self._attempts_seen = reached or 0
        if reached is None:
            return Trimmed()
        floor = _floor(connection).position
        connection.run("pending_forget", after=seen["after"], through=reached, floor=floor)
        connection.run("attempts_trim", after=seen["after"], through=reached, floor=floor)
        return Trimmed(more=True)

    def _release_events(self, connection: Connection) -> Trimmed:
        after = self._kept_seen
        reached: int | None = connection.value("kept_reach", after=after, limit=_AT_ONCE)
        self._kept_seen = reached or 0
        if reached is None:
            return Trimmed()
        connection.run("kept_release", partition=PARTITION, after=after, through=reached)
        return Trimmed(more=True)


def _floor(connection: Connection) -> _Floor:
    row = connection.row("trim_floor", partition=PARTITION, timers=TIMERS)
    if row is None or row[0] is None:
        return _Floor("", _END)
    return _Floor(*row)


def _blocked(connection: Connection, reader: str, needed: int, before_ms: int) -> Blocked:
    created_ms: int = connection.value("event_created", position=needed)
    return Blocked(reader, PARTITION, before_ms - created_ms)
