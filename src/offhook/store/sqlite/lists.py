"""What lists of deliveries are read from, on SQLite."""

from collections.abc import Sequence
from itertools import chain

import msgspec

from offhook.delivery.engine.dispatcher import CONSUMER
from offhook.delivery.entries import AttemptRecord, Place
from offhook.delivery.lists.entries import Look, Seen, Span, Stretch, TraceFilter
from offhook.delivery.lists.ports import Trace
from offhook.delivery.lists.traces import Traces
from offhook.model.event import LogEvent
from offhook.model.ids import AccountId, EventId, WebhookId
from offhook.store.sqlite.append import read_end
from offhook.store.sqlite.connection import Connection, Value, as_json
from offhook.store.sqlite.database import Database
from offhook.store.sqlite.packing import PARTITION, unpack_events
from offhook.store.sqlite.views import TracesRow

_LONGEST_TIMELINE = 10_000
_BEFORE_ALL = -(1 << 62)
"""What was trimmed from a log that is moved elsewhere stands at negative positions."""
_WEBHOOKS = msgspec.json.Decoder(list[WebhookId])
_STRETCHES = msgspec.json.Decoder(list[Stretch])
_SEEN = msgspec.json.Decoder(list[Seen])
_TRACES = msgspec.json.Decoder(list[TracesRow])
_DELIVERIES = msgspec.json.Decoder(list[tuple[WebhookId, int]])
_POSITIONS = msgspec.json.Decoder(list[int])


_SEEN_BY: dict[Trace, str] = {
    Trace.ROW: "deliveries_rows",
    Trace.LIVE: "deliveries_live",
    Trace.ATTEMPT: "deliveries_attempts",
}


class SqliteLists:
    """The port of lists of deliveries."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def endpoints(self, account: AccountId) -> Sequence[WebhookId]:
        """All endpoints of the account."""
        return await self._database.query(
            lambda it: it.rows("webhooks_of_account", _WEBHOOKS, account=account)
        )

    async def stretches(self, account: AccountId, webhook: WebhookId | None) -> list[Stretch]:
        """Where deliveries may have left no trace."""
        return await self._database.query(
            lambda it: it.rows(
                "delivery_stretches",
                _STRETCHES,
                account=account,
                webhook=webhook,
                consumer=CONSUMER,
            )
        )

    async def spans(self, since_ms: int | None, until_ms: int | None) -> dict[int, Span]:
        """Where events of this time stand."""
        return {PARTITION: await self._database.query(lambda it: span_of(it, since_ms, until_ms))}

    async def seen(
        self,
        trace: Trace,
        account: AccountId,
        looks: Sequence[Look],
        most: int,
        wanted: TraceFilter,
    ) -> list[Seen]:
        """What stands there."""
        types = None if wanted.types is None else as_json(wanted.types)
        states = None if wanted.states is None else as_json(wanted.states)
        asked: dict[str, Value] = {"types": types, "prefixes": as_json(wanted.prefixes)}
        asked |= {"states": states, "accepted": wanted.accepted, "account": account}
        return await self._database.query(
            lambda it: it.rows(_SEEN_BY[trace], _SEEN, looks=as_json(looks), most=most, **asked)
        )

    async def events(
        self, account: AccountId, spans: Sequence[tuple[int, Span]], limit: int
    ) -> list[LogEvent]:
        """The account's events in these spans."""

        def of(connection: Connection, span: Span) -> list[LogEvent]:
            row = connection.row(
                "feed",
                account=account,
                after=span.after,
                through=span.through,
                types=None,
                prefixes="[]",
                limit=limit,
            )
            return [] if row is None else unpack_events(*row)

        found = await self._database.query(lambda it: [of(it, span) for _, span in spans])
        return list(chain.from_iterable(found))

    async def events_at(self, _partition: int, positions: Sequence[int]) -> list[LogEvent]:
        """The events at these positions."""
        row = await self._database.query(
            lambda it: it.row("events_at", positions=as_json(positions))
        )
        return [] if row is None else unpack_events(*row)

    async def traced(
        self, account: AccountId, partition: int, positions: Sequence[int]
    ) -> list[tuple[WebhookId, int]]:
        """Deliveries there that have a row or an attempt."""
        return await self._database.query(
            lambda it: it.rows(
                "deliveries_of_events",
                _DELIVERIES,
                account=account,
                partition=partition,
                positions=as_json(positions),
            )
        )

    async def place_of(self, account: AccountId, event: EventId) -> tuple[int, int] | None:
        """Where an event stands."""
        position = await self._database.query(
            lambda it: it.value("event_position", account=account, id=event, key=None)
        )
        return None if position is None else (PARTITION, position)

    async def places_of(self, account: AccountId, key: str) -> tuple[int, Sequence[int]]:
        """Where the events of a key stand."""

        def work(connection: Connection) -> list[int]:
            asked: dict[str, Value] = {"account": account, "key": key}
            kept = connection.rows("kept_of_key", _POSITIONS, **asked)
            own = connection.rows(
                "key_positions", _POSITIONS, after=0, limit=_LONGEST_TIMELINE, **asked
            )
            return [*own, *kept]

        return PARTITION, await self._database.query(work)

    async def traces(
        self, account: AccountId, places: Sequence[Place]
    ) -> Sequence[tuple[Traces, AttemptRecord | None]]:
        """All that is known of these deliveries."""
        asked: dict[str, Value] = {"deliveries": as_json(places), "consumer": CONSUMER}
        rows = await self._database.query(
            lambda it: it.rows("delivery_views", _TRACES, account=account, **asked)
        )
        return [(row, row.last_attempt()) for row in rows]


def span_of(connection: Connection, since_ms: int | None, until_ms: int | None) -> Span:
    """The positions at which events of the time stand. ``created`` never goes back, so times are
    positions; what is kept of before the log begins is looked through."""
    end = read_end(connection)
    after, through = _BEFORE_ALL, end.position
    if since_ms is not None:
        first = connection.value("event_since", created_ms=since_ms)
        after = first - 1 if first > 1 else _BEFORE_ALL
    if until_ms is not None:
        first = connection.value("event_since", created_ms=until_ms)
        trimmed = connection.value("log_trimmed", partition=PARTITION)
        through = max(first - 1, trimmed)
    return Span(after, through)
