"""Replays on PostgreSQL: what is asked for, what their owner asks, and what it writes of them."""

from collections.abc import Collection, Mapping, Sequence

import msgspec
from msgspec.structs import asdict

from offhook.delivery.engine.lanes import ANY_TIME_MS, take_due
from offhook.delivery.replays.entries import (
    ReplayCounts,
    ReplayJob,
    ReplayRange,
    ReplayScope,
    ReplayView,
    RowMark,
)
from offhook.delivery.replays.steps import Standing, WaitingSlice, state_of
from offhook.log.entries import Topic
from offhook.model.ids import AccountId, ReplayId, WebhookId
from offhook.store.postgres.database import Database
from offhook.store.postgres.dispatch import load_due
from offhook.store.postgres.ends import Ends
from offhook.store.postgres.rows import event_of
from offhook.store.postgres.session import Row, Session, Value
from offhook.store.postgres.views import PENDING_WIDTH, pending_of

CANCELED_BY_USER = "it was canceled"

_ASKED = frozenset({Topic.REPLAYS})
_TYPES = msgspec.json.Decoder(tuple[str, ...])
_KNOWN_WIDTH = PENDING_WIDTH + 2


class PostgresReplays:
    """The ports of replays."""

    def __init__(self, database: Database, partitions: int, ends: Ends) -> None:
        self._database = database
        self._partitions = list(range(partitions))
        self._ends = ends

    async def create_replay(self, job: ReplayJob, *, most: int) -> ReplayView | None:
        """Make it, of what stands in the log now; ``None`` if too many are running, or none may."""
        async with self._database.transaction() as session:
            locked = await session.rows("webhooks_locked", webhooks=[job.webhook])
            if not any(row["enabled"] for row in locked):
                return None
            if await session.value("replays_running", webhook=job.webhook) >= most:
                return None
            await self._add(session, job)
        self._database.notices.announce(_ASKED)
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
        async with self._database.transaction() as session:
            await session.run(
                "replay_cancel",
                id=replay,
                account=account,
                reason=CANCELED_BY_USER,
                now_ms=self._database.now_ms(),
            )
        self._database.notices.announce(_ASKED)
        return await self.replay(account, replay) is not None

    async def open_replays(self, partitions: Collection[int]) -> list[ReplayRange]:
        """The ranges in these partitions that are not done, oldest job first."""
        async with self._database.reading() as session:
            rows = await session.rows("replay_ranges_open", asked=list(partitions))
        return [_range_of(row) for row in rows]

    async def row_marks(
        self, webhook: WebhookId, partition: int, after: int, through: int, limit: int
    ) -> list[RowMark]:
        """The webhook's rows at positions in (``after``, ``through``], in order."""
        async with self._database.reading() as session:
            rows = await session.rows(
                "replay_marks",
                webhook=webhook,
                partition=partition,
                after=after,
                through=through,
                limit=limit,
            )
        return [RowMark(*row) for row in rows]

    async def accepted_among(
        self, webhook: WebhookId, partition: int, positions: Sequence[int]
    ) -> set[int]:
        """Those of the positions that the endpoint has accepted."""
        async with self._database.reading() as session:
            rows = await session.rows(
                "replay_accepted", webhook=webhook, partition=partition, positions=list(positions)
            )
        return {row["position"] for row in rows}

    async def standings(
        self, webhook: WebhookId, partition: int, positions: Sequence[int], replay: ReplayId
    ) -> Mapping[int, Standing]:
        """What is known of these deliveries, by position."""
        async with self._database.reading() as session:
            rows = await session.rows(
                "replay_standings",
                webhook=webhook,
                partition=partition,
                positions=list(positions),
                replay=replay,
            )
        return {found.event.position: found for found in map(_standing_of, rows)}

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
        async with self._database.reading() as session:
            rows = await session.rows(
                "replay_waiting",
                partition=partition,
                replay=replay,
                limit=limit + len(busy) + 1,
                now_ms=self._database.now_ms(),
            )
            if not rows:
                return WaitingSlice((), None, left=False)
            free = [(row[0], (row[1], row[2], row[3])) for row in rows if row[3] not in busy]
            taken, next_due_ms = take_due(free, limit, ANY_TIME_MS if early else rows[0]["now_ms"])
            return WaitingSlice(await load_due(session, taken), next_due_ms, left=True)

    async def _listed(self, account: AccountId, limit: int, **wanted: Value) -> list[ReplayView]:
        asked: dict[str, Value] = {"id": None, "webhook": None, "before": None, **wanted}
        async with self._database.reading() as session:
            rows = await session.rows("replays_listed", account=account, limit=limit, **asked)
        return [_view_of(row) for row in rows]

    async def _add(self, session: Session, job: ReplayJob) -> None:
        ends = await self._ends.read(session, self._partitions, self._database.now_ms())
        now_ms = ends[0]["now_ms"]
        through = {row["partition"]: row["position"] for row in ends}
        if job.until_ms is not None:
            through = await self._before(session, job.until_ms)
        after = {} if job.since_ms is None else await self._before(session, job.since_ms)
        fields = {**asdict(job), "created_ms": now_ms}
        fields["types"] = None if job.types is None else msgspec.json.encode(job.types).decode()
        await session.run("replay_add", **fields)
        await session.run(
            "replay_ranges_add",
            replay=job.id,
            webhook=job.webhook,
            partitions=self._partitions,
            after=[after.get(partition, 0) for partition in self._partitions],
            to_positions=[through.get(partition, 0) for partition in self._partitions],
            earlier=job.reaches_back,
            now_ms=now_ms,
        )

    async def _before(self, session: Session, moment_ms: int) -> dict[int, int]:
        """The last position of each partition before a moment."""
        rows = await session.rows("event_since", partitions=self._partitions, created_ms=moment_ms)
        return {row[0]: row[1] for row in rows}


def _job_of(row: Row) -> ReplayJob:
    types = row["types"]
    return ReplayJob(
        id=row["id"],
        account=row["account"],
        webhook=row["webhook"],
        scope=ReplayScope(row["scope"]),
        since_ms=row["since_ms"],
        until_ms=row["until_ms"],
        types=None if types is None else _TYPES.decode(types),
        rate_per_s=row["rate_per_s"],
        created_ms=row["created_ms"],
    )


def _counts_of(row: Row) -> ReplayCounts:
    return ReplayCounts(row["matched"], row["accepted"], row["failed"], row["hurried"])


def _range_of(row: Row) -> ReplayRange:
    return ReplayRange(
        _job_of(row),
        row["partition"],
        row["position"],
        row["to_position"],
        _counts_of(row),
        row["canceled"],
        row["ranges"],
    )


def _view_of(row: Row) -> ReplayView:
    done, canceled_ms = row["done"], row["canceled_ms"]
    return ReplayView(
        _job_of(row),
        state_of(canceled=canceled_ms is not None, done=done),
        _counts_of(row),
        row["read"],
        row["positions"],
        canceled_ms or (row["updated_ms"] if done else None),
        row["reason"],
        max(row["created_ms"], canceled_ms or 0, row["updated_ms"] or 0),
    )


def _standing_of(row: Row) -> Standing:
    own = None if row[0] is None else pending_of(row)
    return Standing(event_of(row, _KNOWN_WIDTH), own, row["accepted"], row["accepted_here"])
