"""Writing what the deliver consumer decided: all partitions' changes in one transaction."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TypeAlias

from msgspec.structs import astuple, replace

from offhook.delivery.announcing import disabled
from offhook.delivery.engine.lanes import relax
from offhook.delivery.entries import (
    ApplyReport,
    Disabling,
    Lane,
    PartitionChanges,
    PendingRow,
    PendingState,
)
from offhook.log.entries import Lease
from offhook.model.ids import AccountId, WebhookId
from offhook.store.postgres.announcements import announce
from offhook.store.postgres.days import Days
from offhook.store.postgres.lanes import (
    DELIVERIES,
    PlacedLane,
    closed_among,
    lanes_of,
    late_among,
    mend,
    release,
)
from offhook.store.postgres.log import UNSTORABLE
from offhook.store.postgres.replay_progress import store_progress
from offhook.store.postgres.session import Row, Session, Value, named
from offhook.store.postgres.views import ATTEMPT_COLUMNS, PENDING_COLUMNS
from offhook.store.postgres.webhooks import KIND, cancel_deliveries, raise_version

STUB_ERROR = "the result of this attempt could not be stored"

_LIVE = frozenset({PendingState.RETRY, PendingState.WAITING})

_LEASES = ("consumers", "partitions", "owners", "epochs")

Values: TypeAlias = tuple[Value, ...]
_Hold: TypeAlias = tuple[str, int, int]


class Applying:
    """One apply: each step is a statement over all partitions, and none where there is nothing.

    A result of an endpoint that was deleted meanwhile leaves no row and no range, one of an
    endpoint that was disabled a canceled row. ``careful`` once it had failed: then what cannot be
    stored is found and replaced by its stub.
    """

    def __init__(
        self, session: Session, changes: Sequence[PartitionChanges], days: Days, *, careful: bool
    ) -> None:
        self._session = session
        self._asked = changes
        self._days = days
        self._careful = careful
        self._changes: Sequence[PartitionChanges] = ()
        self._cursors: dict[_Hold, int] = {}
        self._enabled: dict[WebhookId, bool] = {}
        self._now_ms = 0
        self.report = ApplyReport()
        self.made_days: list[int] = []
        """Days that have a table once this is committed."""
        self.configured = False
        """Whether an endpoint was changed."""

    async def run(self, now_ms: int | None) -> None:
        """Lock the leases, and write for those that are still their owners'."""
        for row in await lock_leases(self._session, self._asked, now_ms):
            self._cursors[row["consumer"], row["partition"], row["epoch"]] = row["cursor"]
            self._now_ms = row["now_ms"]
        self._changes = [change for change in self._asked if self._holds(change)]
        lost = frozenset(it.lease.partition for it in self._asked if not self._holds(it))
        self.report = ApplyReport(lost)
        if self._changes:
            await self._write()

    def _holds(self, change: PartitionChanges) -> bool:
        return _hold(change.lease) in self._cursors

    async def _write(self) -> None:
        stubs = await self._store_attempts()
        await self._lock_webhooks()
        closed, opened = await self._store_pending()
        await self._store_ranges()
        await store_progress(self._session, self._changes, self._now_ms)
        await self._disable()
        await self._tell()
        await self._finish_requests()
        await self._advance()
        self.report = ApplyReport(self.report.lost, closed, opened, stubs)

    async def _store_attempts(self) -> int:
        attempts = [attempt for change in self._changes for attempt in change.attempts]
        self.made_days = self._days.missing(attempt.started_ms for attempt in attempts)
        if self.made_days:
            await self._session.rows("day_make", parent=self._days.parent, days=self.made_days)
        rows = [astuple(attempt) for attempt in attempts]
        return await self._insert("attempt_add", ATTEMPT_COLUMNS, rows, _attempt_stub)

    async def _lock_webhooks(self) -> None:
        """Until the end of the transaction nobody else disables or deletes these endpoints, or
        touches their rows."""
        concerned = sorted({webhook for it in self._changes for webhook in _concerned(it)})
        if not concerned:
            return
        changing = any(change.disable for change in self._changes)
        name = "webhooks_locked" if changing else "webhooks_open"
        found = await self._session.rows(name, webhooks=concerned)
        self._enabled = {row["id"]: row["enabled"] for row in found}

    async def _store_pending(self) -> tuple[frozenset[Lane], frozenset[Lane]]:
        """Returns the lanes that are closed by it, and those that are opened."""
        changes = self._changes
        settled = [
            (webhook, it.lease.partition, position)
            for it in changes
            for webhook, position in it.settled
        ]
        rows = [row for change in changes for row in change.rows]
        replaced = [(row.webhook, row.partition, row.position) for row in rows]
        touched = await lanes_of(self._session, [*settled, *replaced])
        touched |= set(_lanes(changes))
        before = await closed_among(self._session, touched)
        if settled:
            await self._session.run("pending_settle", **named(DELIVERIES, settled))
        released = {(it.lease.partition, lane) for it in changes for lane in it.release}
        let_go = await late_among(self._session, _entered(rows)) | released
        values = [astuple(self._relaxed(row, let_go)) for row in self._allowed(rows)]
        await self._insert("pending_put", PENDING_COLUMNS, values, _pending_stub)
        await release(self._session, released, self._now_ms)
        hurry = frozenset(lane for change in changes for lane in change.hurry)
        is_open = await mend(self._session, touched, hurry, self._now_ms)
        were_closed = frozenset(lane for _, lane in before)
        return frozenset(lane for _, lane in touched) - were_closed - is_open, were_closed & is_open

    def _relaxed(self, row: PendingRow, let_go: Iterable[PlacedLane]) -> PendingRow:
        own = {lane for partition, lane in let_go if partition == row.partition}
        return relax(row, own, self._now_ms) if own else row

    async def _store_ranges(self) -> None:
        ranges = [
            (held.partition, held.webhook, held.from_position)
            for change in self._changes
            for held in change.held
            if self._enabled.get(held.webhook)
        ]
        if ranges:
            names = ("partitions", "webhooks", "from_positions")
            await self._session.run("held_put", **named(names, ranges))
        met = [(it.lease.partition, webhook) for it in self._changes for webhook in it.met]
        if met:
            await self._session.run("held_delete", **named(("partitions", "webhooks"), met))

    async def _disable(self) -> None:
        disable = sorted({disabling for change in self._changes for disabling in change.disable})
        accounts = {account for it in disable if (account := await self._disable_one(it))}
        for account in sorted(accounts):
            await raise_version(self._session, account)
        self.configured = bool(accounts)

    async def _disable_one(self, disabling: Disabling) -> AccountId | None:
        """Whose it is; ``None`` if it is not what it was when this was decided."""
        webhook, reason = disabling.webhook, disabling.reason
        row = await self._session.row(
            "resource_disable",
            kind=KIND,
            id=webhook,
            revision=disabling.revision,
            reason=reason,
            now_ms=self._now_ms,
        )
        if row is None:
            return None
        await cancel_deliveries(self._session, webhook, reason, self._now_ms)
        account, partition = AccountId(row["account"]), self._changes[0].lease.partition
        told = disabled(webhook, account, row["url"], reason, self._now_ms, partition)
        await announce(self._session, [told])
        return account

    async def _tell(self) -> None:
        await announce(self._session, [it for change in self._changes for it in change.announce])

    async def _finish_requests(self) -> None:
        ids = [request for change in self._changes for request in change.requests]
        if ids:
            await self._session.run("requests_done", ids=ids)

    async def _advance(self) -> None:
        moved = [
            (change.lease.consumer, change.lease.partition, change.cursor)
            for change in self._changes
            if change.cursor > self._cursors[_hold(change.lease)]
        ]
        if moved:
            names = ("consumers", "partitions", "cursors")
            await self._session.run("lease_advance", **named(names, moved))

    def _allowed(self, rows: Iterable[PendingRow]) -> Iterator[PendingRow]:
        for row in rows:
            enabled = self._enabled.get(row.webhook)
            if enabled or (enabled is False and row.state not in _LIVE):
                yield row
            elif enabled is False:
                yield replace(row, state=PendingState.CANCELED, due_ms=None)

    async def _insert(
        self,
        name: str,
        names: Sequence[str],
        rows: Sequence[Values],
        stub: Callable[[Values], Values],
    ) -> int:
        """Write the rows; where one cannot be stored, halves are tried until it is alone, and its
        stub is written in its place. Returns how many stubs were."""
        if not rows:
            return 0
        try:
            async with self._part():
                await self._session.run(name, **named(names, rows))
        except UNSTORABLE:
            if not self._careful:
                raise
            if len(rows) == 1:
                await self._session.run(name, **named(names, [stub(rows[0])]))
                return 1
            middle = len(rows) // 2
            front = await self._insert(name, names, rows[:middle], stub)
            return front + await self._insert(name, names, rows[middle:], stub)
        return 0

    def _part(self) -> AbstractAsyncContextManager[None]:
        return self._session.part() if self._careful else nullcontext()


async def lock_leases(
    session: Session, changes: Sequence[PartitionChanges], now_ms: int | None
) -> list[Row]:
    """The rows of the leases that are still their owners', locked to the transaction's end."""
    leases = [change.lease for change in changes]
    asked = [(it.consumer, it.partition, it.owner, it.epoch) for it in leases]
    return await session.rows("lease_held", **named(_LEASES, asked), now_ms=now_ms)


def _hold(lease: Lease) -> _Hold:
    return lease.consumer, lease.partition, lease.epoch


def _concerned(change: PartitionChanges) -> Iterator[WebhookId]:
    """The endpoints whose rows, ranges, replays or document these changes touch."""
    yield from (webhook for webhook, _ in change.settled)
    yield from (row.webhook for row in change.rows)
    yield from (held.webhook for held in change.held)
    yield from change.met
    yield from (progress.webhook for progress in change.replays)
    yield from (disabling.webhook for disabling in change.disable)
    yield from (lane.webhook for lane in (*change.hurry, *change.release))


def _lanes(changes: Iterable[PartitionChanges]) -> Iterator[PlacedLane]:
    """The lanes that are named: those of new rows, and those to be hurried."""
    for change in changes:
        partition = change.lease.partition
        for row in change.rows:
            if row.lane is not None:
                yield partition, Lane(row.webhook, row.lane)
        for lane in (*change.hurry, *change.release):
            yield partition, lane


def _entered(rows: Iterable[PendingRow]) -> set[PlacedLane]:
    """The lanes that these rows are put into."""
    return {(row.partition, Lane(row.webhook, row.lane)) for row in rows if row.lane is not None}


def _attempt_stub(values: Values) -> Values:
    """Which attempt it was and whether it was accepted, without what the network brought."""
    return (*values[:9], 0.0, values[10], None, STUB_ERROR, None, *values[14:16], None)


def _pending_stub(values: Values) -> Values:
    return (*values[:-1], None)
