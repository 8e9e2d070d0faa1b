"""Writing what the deliver consumer decided for one partition."""

from collections.abc import Callable, Collection, Iterable, Sequence

import msgspec

from offhook.delivery.announcing import disabled
from offhook.delivery.engine.lanes import relax
from offhook.delivery.entries import (
    AttemptRecord,
    Disabling,
    Lane,
    PartitionChanges,
    PendingRow,
    PendingState,
)
from offhook.model.ids import AccountId, WebhookId
from offhook.store.sqlite.announcements import announce
from offhook.store.sqlite.append import UNSTORABLE
from offhook.store.sqlite.connection import Connection, Value, as_json
from offhook.store.sqlite.lanes import closed_among, lanes_of, late_among, mend, release
from offhook.store.sqlite.replay_progress import store_progress
from offhook.store.sqlite.tail import Tail
from offhook.store.sqlite.webhooks import KIND, cancel_deliveries, raise_version
from offhook.store.sqlite.writer import Transaction

STUB_ERROR = "the result of this attempt could not be stored"

_LIVE = frozenset({PendingState.RETRY, PendingState.WAITING})
_ENABLED = msgspec.json.Decoder(dict[WebhookId, bool])


class Applying:
    """One partition's changes, written in the order that ``PartitionChanges`` promises.

    A result of an endpoint that was deleted meanwhile leaves no row and no range, one of an
    endpoint that was disabled a canceled row.
    """

    def __init__(
        self, transaction: Transaction, changes: PartitionChanges, tail: Tail, now_ms: int
    ) -> None:
        self._transaction = transaction
        self._connection = transaction.connection
        self._changes = changes
        self._partition = changes.lease.partition
        self._tail = tail
        self._now_ms = now_ms
        self._enabled: dict[WebhookId, bool] = {}
        self.stubs = 0
        self.closed: frozenset[Lane] = frozenset()
        self.opened: frozenset[Lane] = frozenset()

    def run(self) -> None:
        """Write them; the lease was checked in this very transaction."""
        changes = self._changes
        concerned = {row.webhook for row in changes.rows} | {it.webhook for it in changes.held}
        self._enabled = _enabled(self._connection, concerned)
        attempts = [_attempt_row(attempt) for attempt in changes.attempts]
        self.stubs = _insert(self._transaction, "attempt_add", attempts, _attempt_stub)
        self._store_pending()
        self._store_ranges()
        store_progress(self._connection, self._partition, self._changes.replays, self._now_ms)
        for disabling in self._changes.disable:
            self._disable(disabling)
        announce(self._connection, self._changes.announce)
        if self._changes.requests:
            self._connection.run("requests_done", ids=as_json(self._changes.requests))
        self._advance()

    def _store_pending(self) -> None:
        changes = self._changes
        replaced = [(row.webhook, row.position) for row in changes.rows]
        touched = lanes_of(self._connection, self._partition, (*changes.settled, *replaced))
        touched |= {Lane(row.webhook, row.lane) for row in changes.rows if row.lane is not None}
        touched |= {*changes.hurry, *changes.release}
        before = closed_among(self._connection, self._partition, touched)
        if changes.settled:
            self._run("pending_settle", deliveries=as_json(changes.settled))
        asked = {Lane(row.webhook, row.lane) for row in changes.rows if row.lane is not None}
        let_go = late_among(self._connection, self._partition, asked) | set(changes.release)
        rows = [
            _pending_row(relax(row, let_go, self._now_ms)) for row in self._allowed(changes.rows)
        ]
        _insert(self._transaction, "pending_put", rows, _pending_stub)
        release(self._connection, self._partition, changes.release, self._now_ms)
        is_open = mend(self._connection, self._partition, touched, changes.hurry, self._now_ms)
        self.closed, self.opened = frozenset(touched) - before - is_open, before & is_open

    def _store_ranges(self) -> None:
        ranges: list[Sequence[Value]] = [
            (self._partition, held.webhook, held.from_position)
            for held in self._changes.held
            if self._enabled.get(held.webhook)
        ]
        self._connection.insert("held_put", ranges)
        if self._changes.met:
            self._run("held_delete", webhooks=as_json(self._changes.met))

    def _disable(self, disabling: Disabling) -> None:
        webhook, reason = disabling.webhook, disabling.reason
        row = self._connection.row(
            "resource_disable",
            kind=KIND,
            id=webhook,
            revision=disabling.revision,
            reason=reason,
            now_ms=self._now_ms,
        )
        if row is not None:
            account, url = AccountId(row[0]), row[1]
            cancel_deliveries(self._connection, webhook, reason, self._now_ms)
            told = disabled(webhook, account, url, reason, self._now_ms, self._partition)
            announce(self._connection, [told])
            raise_version(self._transaction, account, self._tail)

    def _advance(self) -> None:
        self._run(
            "lease_advance", consumer=self._changes.lease.consumer, cursor=self._changes.cursor
        )

    def _allowed(self, rows: Iterable[PendingRow]) -> Iterable[PendingRow]:
        for row in rows:
            enabled = self._enabled.get(row.webhook)
            if enabled or (enabled is False and row.state not in _LIVE):
                yield row
            elif enabled is False:
                yield msgspec.structs.replace(row, state=PendingState.CANCELED, due_ms=None)

    def _run(self, name: str, **bindings: Value) -> None:
        self._connection.run(name, partition=self._partition, **bindings)


def _enabled(connection: Connection, webhooks: Collection[WebhookId]) -> dict[WebhookId, bool]:
    """Which of these webhooks there still are, and whether they may receive."""
    if not webhooks:
        return {}
    return connection.rows("webhooks_open", _ENABLED, webhooks=as_json(webhooks))


def _insert(
    transaction: Transaction,
    name: str,
    rows: Sequence[Sequence[Value]],
    stub: Callable[[Sequence[Value]], Sequence[Value]],
) -> int:
    """Write the rows; where one cannot be stored, halves are tried until it is alone, and its stub
    is written in its place. Returns how many stubs were."""
    if not rows:
        return 0
    try:
        with transaction.part():
            transaction.connection.insert(name, rows)
    except UNSTORABLE:
        if not transaction.careful:
            raise
        if len(rows) == 1:
            transaction.connection.insert(name, [stub(rows[0])])
            return 1
        middle = len(rows) // 2
        front = _insert(transaction, name, rows[:middle], stub)
        return front + _insert(transaction, name, rows[middle:], stub)
    return 0


def _attempt_row(attempt: AttemptRecord) -> tuple[Value, ...]:
    return (
        attempt.webhook,
        attempt.partition,
        attempt.position,
        attempt.account,
        attempt.event_id,
        attempt.event_type,
        attempt.key,
        attempt.number,
        attempt.started_ms,
        attempt.duration_ms,
        attempt.accepted,
        attempt.status,
        attempt.error,
        attempt.response,
        attempt.late,
        attempt.replay,
        attempt.detail,
    )


def _attempt_stub(row: Sequence[Value]) -> Sequence[Value]:
    """Which attempt it was and whether it was accepted, without what the network brought."""
    return (*row[:9], 0.0, row[10], None, STUB_ERROR, None, *row[14:16], None)


def _pending_row(row: PendingRow) -> tuple[Value, ...]:
    return (
        row.webhook,
        row.partition,
        row.position,
        row.account,
        row.event_id,
        row.event_type,
        row.key,
        row.lane,
        row.state,
        row.number,
        row.due_ms,
        row.since_ms,
        row.failed_ms,
        row.late,
        row.replay,
        row.reason,
    )


def _pending_stub(row: Sequence[Value]) -> Sequence[Value]:
    return (*row[:-1], None)
