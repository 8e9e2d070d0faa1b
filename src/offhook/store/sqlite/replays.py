"""Replays on SQLite: what is asked for, what their owner asks, and what it writes of them."""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from offhook.delivery.engine.lanes import ANY_TIME_MS, take_due
from offhook.delivery.entries import PendingRow, Place
from offhook.delivery.replays.entries import (
    ReplayCounts,
    ReplayJob,
    ReplayRange,
    ReplayView,
    RowMark,
)
from offhook.delivery.replays.steps import Standing, WaitingSlice, state_of
from offhook.log.entries import Topic
from offhook.model.ids import AccountId, ReplayId, WebhookId
from offhook.store.sqlite.append import read_end
from offhook.store.sqlite.connection import Connection, Value, as_json
from offhook.store.sqlite.database import Database
from offhook.store.sqlite.dispatch import load_due
from offhook.store.sqlite.packing import PARTITION, unpack_events
from offhook.store.sqlite.writer import Transaction

CANCELED_BY_USER = "it was canceled"


class _ListedRow(msgspec.Struct, frozen=True):
    job: ReplayJob
    canceled_ms: int | None
    reason: str | None
    stands: tuple[float, float, float, float, float, float, int, int | None]

    def view(self) -> ReplayView:
        *sums, done, updated_ms = self.stands
        matched, accepted, failed, hurried, read, positions = map(int, sums)
        return ReplayView(
            self.job,
            state_of(canceled=self.canceled_ms is not None, done=bool(done)),
            ReplayCounts(matched, accepted, failed, hurried),
            read,
            positions,
            self.canceled_ms or (updated_ms if done else None),
            self.reason,
            max(self.job.created_ms, self.canceled_ms or 0, updated_ms or 0),
        )


_LISTED = msgspec.json.Decoder(list[_ListedRow])
_OPEN = msgspec.json.Decoder(dict[WebhookId, bool])
_RANGES = msgspec.json.Decoder(list[ReplayRange])
_MARKS = msgspec.json.Decoder(list[RowMark])
_POSITIONS = msgspec.json.Decoder(list[int])
_WAITING = msgspec.json.Decoder(list[tuple[int, Place]])
_STANDINGS = msgspec.json.Decoder(list[tuple[PendingRow | None, bool, bool]])


class SqliteReplays:
    """The ports of replays. What their owner asks is short and covered by indexes: it runs where it
    is asked, on the loop."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create_replay(self, job: ReplayJob, *, most: int) -> ReplayView | None:
        """Make it, of what stands in the log now; ``None`` if too many are running, or none may."""
        now_ms = self._database.now_ms()
        made = msgspec.structs.replace(job, created_ms=now_ms)

        def work(transaction: Transaction) -> bool:
            connection = transaction.connection
            enabled = connection.rows("webhooks_open", _OPEN, webhooks=as_json([job.webhook]))
            running = connection.value("replays_running", webhook=job.webhook)
            if running >= most or not enabled.get(job.webhook):
                return False
            _add(connection, made)
            transaction.topics.add(Topic.REPLAYS)
            return True

        if not await self._database.write(work):
            return None
        return await self.replay(job.account, job.id)

    async def replay(self, account: AccountId, replay: ReplayId) -> ReplayView | None:
        """One replay of the account."""
        return next(iter(await self._listed(account, 1, id=replay)), None)

    async def list_replays(
        self, account: AccountId, webhook: WebhookId | None, before: ReplayId | None, limit: int
    ) -> list[ReplayView]:
        """Newest first."""
        return await self._listed(account, limit, webhook=webhook, before=before)

    async def cancel_replay(self, account: AccountId, replay: ReplayId) -> bool:
        """Cancel it unless it is over; false where there is none."""
        asked: dict[str, Value] = {"id": replay, "account": account, "reason": CANCELED_BY_USER}
        now_ms = self._database.now_ms()

        def work(transaction: Transaction) -> None:
            if transaction.connection.run("replay_cancel", now_ms=now_ms, **asked):
                transaction.topics.add(Topic.REPLAYS)

        await self._database.write(work)
        return await self.replay(account, replay) is not None

    async def open_replays(self, partitions: Collection[int]) -> list[ReplayRange]:
        """The ranges in these partitions that are not done, oldest job first."""

        def work(connection: Connection) -> list[ReplayRange]:
            return [
                row
                for partition in partitions
                for row in connection.rows("replay_ranges_open", _RANGES, partition=partition)
            ]

        return self._database.read(work)

    async def row_marks(
        self, webhook: WebhookId, partition: int, after: int, through: int, limit: int
    ) -> list[RowMark]:
        """The webhook's rows at positions in (``after``, ``through``], in order."""
        asked: dict[str, Value] = {"webhook": webhook, "partition": partition}
        asked |= {"after": after, "through": through, "limit": limit}
        return self._database.read(lambda it: it.rows("replay_marks", _MARKS, **asked))

    async def accepted_among(
        self, webhook: WebhookId, partition: int, positions: Sequence[int]
    ) -> set[int]:
        """Those of the positions that the endpoint has accepted."""
        asked: dict[str, Value] = {"webhook": webhook, "partition": partition}
        asked["positions"] = as_json(positions)
        return set(self._database.read(lambda it: it.rows("replay_accepted", _POSITIONS, **asked)))

    async def standings(
        self, webhook: WebhookId, partition: int, positions: Sequence[int], replay: ReplayId
    ) -> Mapping[int, Standing]:
        """What is known of these deliveries, by position."""
        asked: dict[str, Value] = {"webhook": webhook, "partition": partition, "replay": replay}
        asked["positions"] = as_json(positions)
        row = self._database.read(lambda it: it.row("replay_standings", **asked))
        if row is None:
            return {}
        known, events = _STANDINGS.decode(row[0]), unpack_events(row[1], row[2])
        return {
            event.position: Standing(event, *traces)
            for event, traces in zip(events, known, strict=True)
        }

    async def waiting_for_replay(
        self,
        partition: int,
        replay: ReplayId,
        limit: int,
        busy: Collection[int],
        *,
        early: bool = False,
    ) -> WaitingSlice:
        """Rows that wait for this replay and are due by the store's clock, or ``early``."""
        now_ms = self._database.now_ms()

        def work(connection: Connection) -> WaitingSlice:
            rows = connection.rows(
                "replay_waiting",
                _WAITING,
                partition=partition,
                replay=replay,
                limit=limit + len(busy) + 1,
            )
            free = [row for row in rows if row[1][2] not in busy]
            taken, next_due_ms = take_due(free, limit, ANY_TIME_MS if early else now_ms)
            return WaitingSlice(load_due(connection, taken), next_due_ms, bool(rows))

        return self._database.read(work)

    async def _listed(self, account: AccountId, limit: int, **wanted: Value) -> list[ReplayView]:
        asked: dict[str, Value] = {"id": None, "webhook": None, "before": None, **wanted}
        rows = await self._database.query(
            lambda it: it.rows("replays_listed", _LISTED, account=account, limit=limit, **asked)
        )
        return [row.view() for row in rows]


def _add(connection: Connection, job: ReplayJob) -> None:
    fields: dict[str, Value] = msgspec.structs.asdict(job)
    fields["types"] = None if job.types is None else as_json(job.types)
    connection.run("replay_add", **fields)
    since = 1 if job.since_ms is None else connection.value("event_since", created_ms=job.since_ms)
    end = read_end(connection).position
    if job.until_ms is not None:
        end = connection.value("event_since", created_ms=job.until_ms) - 1
    connection.run(
        "replay_ranges_add",
        replay=job.id,
        webhook=job.webhook,
        partition=PARTITION,
        after=since - 1,
        to_position=end,
        earlier=job.reaches_back,
        now_ms=job.created_ms,
    )
