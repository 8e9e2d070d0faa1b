"""What the API asks about deliveries, on SQLite."""

from collections.abc import Sequence

import msgspec

from offhook.delivery.dispatcher import CONSUMER
from offhook.delivery.entries import (
    LAST_ATTEMPT,
    Asked,
    AttemptRecord,
    DeliveryFilter,
    DeliveryView,
    Place,
    RequestKind,
)
from offhook.delivery.traces import fits, retryable_states, sources_of
from offhook.log.entries import Topic
from offhook.model.catalogue import split_pattern
from offhook.model.ids import AccountId, WebhookId
from offhook.store.sqlite.connection import Connection, Value, as_json
from offhook.store.sqlite.database import Database
from offhook.store.sqlite.packing import PARTITION
from offhook.store.sqlite.views import AttemptRow, TracesRow
from offhook.store.sqlite.writer import Transaction

_LONGEST_TIMELINE = 10_000
_LAST = (2**63 - 1, 0, WebhookId(""))
_PLACES = msgspec.json.Decoder(list[Place])
_POSITIONS = msgspec.json.Decoder(list[int])
_WEBHOOKS = msgspec.json.Decoder(list[WebhookId])
_TRACES = msgspec.json.Decoder(list[TracesRow])
_ATTEMPTS = msgspec.json.Decoder(list[AttemptRow])


class SqliteDeliveries:
    """The port of what the API asks about deliveries."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def deliveries(
        self,
        account: AccountId,
        wanted: DeliveryFilter,
        before: tuple[int, int, WebhookId] | None,
        limit: int,
    ) -> list[DeliveryView]:
        """Deliveries, newest first, that stand before (position, partition, webhook)."""
        return await self._database.query(
            lambda it: _Listing(it, account, wanted).page(before or _LAST, limit)
        )

    async def delivery(
        self, account: AccountId, webhook: WebhookId, partition: int, position: int
    ) -> DeliveryView | None:
        """One delivery; ``None`` when the account has no such webhook or event."""
        place = (webhook, partition, position)
        found = await self._database.query(lambda it: _traces(it, account, [place]))
        own = [traces for traces in found if traces.known and traces.account == account]
        return own[0].view() if own else None

    async def attempts(
        self,
        account: AccountId,
        webhook: WebhookId,
        partition: int,
        position: int,
        before: tuple[int, int] = LAST_ATTEMPT,
        limit: int = 200,
    ) -> list[AttemptRecord]:
        """Its attempts, newest first, that stand before (started_ms, number)."""
        asked: dict[str, Value] = {
            "account": account,
            "webhook": webhook,
            "partition": partition,
            "position": position,
            "before_ms": before[0],
            "before_number": before[1],
            "limit": limit,
        }
        rows = await self._database.query(lambda it: it.rows("attempts", _ATTEMPTS, **asked))
        return [row.record() for row in rows]

    async def request_retry(self, webhook: WebhookId, partition: int, position: int) -> None:
        """Ask the owner for another attempt now; returns once the request is durable."""
        asked: dict[str, Value] = {
            "kind": RequestKind.RETRY,
            "webhook": webhook,
            "partition": partition,
            "position": position,
        }

        def work(transaction: Transaction) -> None:
            transaction.connection.run("request_add", **asked)
            transaction.topics.add(Topic.REQUESTS)

        await self._database.write(work)

    async def request_retries(self, account: AccountId, wanted: DeliveryFilter, most: int) -> Asked:
        """Ask for another attempt of undelivered deliveries; which they are is read beside the
        writer, that a long look holds up nobody."""
        now_ms = self._database.now_ms()
        places = await self._database.query(
            lambda it: _retries_wanted(it, account, wanted, most + 1, now_ms)
        )
        asked: dict[str, Value] = {"kind": RequestKind.RETRY, "deliveries": as_json(places[:most])}

        def work(transaction: Transaction) -> None:
            transaction.connection.run("requests_add", **asked)
            transaction.topics.add(Topic.REQUESTS)

        if places:
            await self._database.write(work)
        return Asked(min(len(places), most), len(places) > most)


class _Listing:
    """Pages of one filtered list, read on one connection."""

    def __init__(self, connection: Connection, account: AccountId, wanted: DeliveryFilter) -> None:
        self._connection = connection
        self._account = account
        self._wanted = wanted
        sources = sources_of(wanted.statuses)
        after, through = _span(connection, wanted)
        self._through = (through + 1, 0, WebhookId(""))
        self._asked: dict[str, Value] = {
            "account": account,
            "partition": PARTITION,
            "type": wanted.type,
            "webhook": wanted.webhook,
            "states": None if sources.states is None else as_json(sources.states),
            "attempts": sources.attempts,
            "accepted": sources.accepted,
            "after": after,
        }

    def page(self, before: tuple[int, int, WebhookId], limit: int) -> list[DeliveryView]:
        """The next deliveries that pass the filter. What the traces must be put together for, the
        status, is looked at place by place, until there are enough."""
        found: list[DeliveryView] = []
        before = min(before, self._through)
        while len(found) < limit:
            places = self._places(before, limit)
            for traces in _traces(self._connection, self._account, places):
                view = traces.view() if fits(traces, self._wanted) else None
                if view is not None:
                    found.append(view)
            if len(places) < limit:
                break
            webhook, partition, position = places[-1]
            before = (position, partition, webhook)
        return found[:limit]

    def _places(self, before: tuple[int, int, WebhookId], limit: int) -> list[Place]:
        asked = {
            **self._asked,
            "before_position": before[0],
            "before_partition": before[1],
            "before_webhook": before[2],
            "limit": limit,
        }
        positions = self._positions()
        if positions is not None:
            asked["positions"] = as_json(positions)
            return self._connection.rows("deliveries_of_events", _PLACES, **asked)
        asked["webhooks"] = as_json(self._webhooks())
        return self._connection.rows("deliveries_of_webhooks", _PLACES, **asked)

    def _positions(self) -> Sequence[int] | None:
        """Where the events stand that the filter names; ``None`` when it names none."""
        if self._wanted.event is not None:
            position = self._connection.value(
                "event_position",
                account=self._account,
                id=self._wanted.event,
                key=self._wanted.key,
            )
            return [] if position is None else [position]
        if self._wanted.key is None:
            return None
        return self._connection.rows(
            "key_positions",
            _POSITIONS,
            account=self._account,
            key=self._wanted.key,
            after=self._asked["after"],
            limit=_LONGEST_TIMELINE,
        )

    def _webhooks(self) -> Sequence[WebhookId]:
        if self._wanted.webhook is not None:
            return [self._wanted.webhook]
        return self._connection.rows("webhooks_of_account", _WEBHOOKS, account=self._account)


def _retries_wanted(
    connection: Connection, account: AccountId, wanted: DeliveryFilter, limit: int, now_ms: int
) -> list[Place]:
    after, through = _span(connection, wanted)
    return connection.rows(
        "retries_wanted",
        _PLACES,
        account=account,
        partition=PARTITION,
        webhook=wanted.webhook,
        event=wanted.event,
        type=split_pattern(wanted.type).named,
        prefix=split_pattern(wanted.type).beginning,
        key=wanted.key,
        since_ms=wanted.since_ms,
        until_ms=wanted.until_ms,
        states=as_json(retryable_states(wanted.statuses)),
        after=after,
        through=through,
        limit=limit,
        now_ms=now_ms,
    )


def _span(connection: Connection, wanted: DeliveryFilter) -> tuple[int, int]:
    """The positions (after, through] at which events of the time stand. ``created`` never goes
    back, so times are positions; what is kept of before the log begins is looked through."""
    floor = connection.value("log_floor", partition=PARTITION)
    after, through = 0, _LAST[0] - 1
    if wanted.since_ms is not None:
        first = connection.value("event_since", created_ms=wanted.since_ms)
        after = first - 1 if first > 1 else 0
    if wanted.until_ms is not None:
        first = connection.value("event_since", created_ms=wanted.until_ms)
        through = max(first - 1, floor)
    return after, through


def _traces(connection: Connection, account: AccountId, places: Sequence[Place]) -> list[TracesRow]:
    if not places:
        return []
    return connection.rows(
        "delivery_views",
        _TRACES,
        account=account,
        consumer=CONSUMER,
        deliveries=as_json(places),
    )
