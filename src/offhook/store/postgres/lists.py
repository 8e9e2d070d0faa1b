"""What lists of deliveries are read from, on PostgreSQL."""

from collections.abc import Sequence

from offhook.delivery.engine.dispatcher import CONSUMER
from offhook.delivery.entries import AttemptRecord, Place
from offhook.delivery.lists.entries import Look, Seen, Span, Stretch, TraceFilter
from offhook.delivery.lists.ports import Trace
from offhook.delivery.lists.traces import Traces
from offhook.model.event import LogEvent
from offhook.model.ids import AccountId, EventId, WebhookId
from offhook.store.postgres.database import Database
from offhook.store.postgres.ends import Ends
from offhook.store.postgres.feed import LONGEST_TIMELINE, home_of
from offhook.store.postgres.lanes import DELIVERIES
from offhook.store.postgres.rows import event_of
from offhook.store.postgres.session import Session, named
from offhook.store.postgres.views import last_attempt_of, traces_of

_LOOKS = ("webhooks", "partitions", "after", "through")
_BEFORE_ALL = -(1 << 62)
"""What was trimmed from a log that was moved here stands at negative positions."""
_PAST_ALL = 1 << 62


_SEEN_BY: dict[Trace, str] = {
    Trace.ROW: "deliveries_rows",
    Trace.LIVE: "deliveries_live",
    Trace.ATTEMPT: "deliveries_attempts",
}


class PostgresLists:
    """The port of lists of deliveries."""

    def __init__(self, database: Database, partitions: int, ends: Ends) -> None:
        self._database = database
        self._partitions = partitions
        self._ends = ends

    async def endpoints(self, account: AccountId) -> Sequence[WebhookId]:
        """All endpoints of the account."""
        async with self._database.reading() as session:
            rows = await session.rows("webhooks_of_account", account=account)
        return [row["id"] for row in rows]

    async def stretches(self, account: AccountId, webhook: WebhookId | None) -> list[Stretch]:
        """Where deliveries may have left no trace."""
        async with self._database.reading() as session:
            rows = await session.rows(
                "delivery_stretches", account=account, webhook=webhook, consumer=CONSUMER
            )
        return [Stretch(*row) for row in rows]

    async def spans(self, since_ms: int | None, until_ms: int | None) -> dict[int, Span]:
        """Where events of this time stand."""
        every = range(self._partitions)
        async with self._database.reading() as session:
            ends = await self._ends.read(session, every)
            after, through = await positions_of(session, every, since_ms, until_ms)
        heads = {row["partition"]: row["position"] for row in ends}
        return {at: Span(after[at], min(through[at], heads[at])) for at in every if at in heads}

    async def seen(
        self,
        trace: Trace,
        account: AccountId,
        looks: Sequence[Look],
        most: int,
        wanted: TraceFilter,
    ) -> list[Seen]:
        """What stands there."""
        async with self._database.reading() as session:
            rows = await session.rows(
                _SEEN_BY[trace],
                account=account,
                types=wanted.types,
                prefixes=wanted.prefixes,
                states=None if wanted.states is None else list(wanted.states),
                accepted=wanted.accepted,
                most=most,
                **named(_LOOKS, looks),
            )
        return [Seen(*row) for row in rows]

    async def events(
        self, account: AccountId, spans: Sequence[tuple[int, Span]], limit: int
    ) -> list[LogEvent]:
        """The account's events in these spans."""
        async with self._database.reading() as session:
            rows = await session.rows(
                "feed",
                account=account,
                partitions=[partition for partition, _ in spans],
                after=[span.after for _, span in spans],
                through=[span.through for _, span in spans],
                types=None,
                prefixes=[],
                limit=limit,
            )
        return [event_of(row) for row in rows]

    async def events_at(self, partition: int, positions: Sequence[int]) -> list[LogEvent]:
        """The events at these positions."""
        async with self._database.reading() as session:
            rows = await session.rows("events_at", partition=partition, positions=positions)
        return [event_of(row) for row in rows]

    async def traced(
        self, account: AccountId, partition: int, positions: Sequence[int]
    ) -> list[tuple[WebhookId, int]]:
        """Deliveries there that have a row or an attempt."""
        async with self._database.reading() as session:
            rows = await session.rows(
                "deliveries_of_events", account=account, partition=partition, positions=positions
            )
        return [(row["webhook"], row["position"]) for row in rows]

    async def place_of(self, account: AccountId, event: EventId) -> tuple[int, int] | None:
        """Where an event stands."""
        async with self._database.reading() as session:
            row = await session.row("event_position", account=account, id=event, key=None)
        return None if row is None else (row["partition"], row["position"])

    async def places_of(self, account: AccountId, key: str) -> tuple[int, Sequence[int]]:
        """Where the events of a key stand. A key and its events stand in one partition."""
        async with self._database.reading() as session:
            home = await home_of(session, account, key, self._partitions)
            asked = {"account": account, "partition": home, "key": key}
            own = await session.rows("key_positions", after=0, limit=LONGEST_TIMELINE, **asked)
            kept = await session.rows("kept_of_key", **asked)
        return home, [row["position"] for row in (*own, *kept)]

    async def traces(
        self, account: AccountId, places: Sequence[Place]
    ) -> Sequence[tuple[Traces, AttemptRecord | None]]:
        """All that is known of these deliveries."""
        if not places:
            return []
        asked = named(DELIVERIES, places)
        async with self._database.reading() as session:
            rows = await session.rows("delivery_views", account=account, consumer=CONSUMER, **asked)
        return [(traces_of(row), last_attempt_of(row)) for row in rows]


async def positions_of(
    session: Session, partitions: Sequence[int], since_ms: int | None, until_ms: int | None
) -> tuple[dict[int, int], dict[int, int]]:
    """Of each partition the positions (after, through] at which events of the time stand.
    ``created`` never goes back, so times are positions; what is kept of before the log begins is
    looked through."""
    since = {} if since_ms is None else await _before(session, partitions, since_ms)
    until = {} if until_ms is None else await _before(session, partitions, until_ms)
    trimmed = {} if until_ms is None else await _trimmed(session, partitions)
    after = {at: since.get(at, 0) or _BEFORE_ALL for at in partitions}
    through = {at: max(until.get(at, _PAST_ALL), trimmed.get(at, 0)) for at in partitions}
    return after, through


async def _before(session: Session, partitions: Sequence[int], at_ms: int) -> dict[int, int]:
    rows = await session.rows("event_since", partitions=partitions, created_ms=at_ms)
    return {row[0]: row[1] for row in rows}


async def _trimmed(session: Session, partitions: Sequence[int]) -> dict[int, int]:
    rows = await session.rows("log_trimmed", partitions=partitions)
    return {row["partition"]: row["trimmed_position"] for row in rows}
