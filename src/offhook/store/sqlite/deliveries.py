"""What the API asks about deliveries, on SQLite."""

import msgspec

from offhook.delivery.entries import (
    LAST_ATTEMPT,
    Asked,
    AttemptRecord,
    DeliveryFilter,
    PendingRow,
    Place,
    RequestKind,
)
from offhook.delivery.lists.traces import retryable_states
from offhook.log.entries import Topic
from offhook.model.catalogue import split_pattern
from offhook.model.ids import AccountId, WebhookId
from offhook.store.sqlite.connection import Connection, Value, as_json
from offhook.store.sqlite.database import Database
from offhook.store.sqlite.lists import span_of
from offhook.store.sqlite.packing import PARTITION
from offhook.store.sqlite.views import AttemptRow, TracesRow
from offhook.store.sqlite.writer import Transaction

_LONGEST_TIMELINE = 10_000
_PLACES = msgspec.json.Decoder(list[Place])
_POSITIONS = msgspec.json.Decoder(list[int])
_WEBHOOKS = msgspec.json.Decoder(list[WebhookId])
_TRACES = msgspec.json.Decoder(list[TracesRow])
_ATTEMPTS = msgspec.json.Decoder(list[AttemptRow])


class SqliteDeliveries:
    """The port of what the API asks about deliveries."""

    def __init__(self, database: Database) -> None:
        self._database = database

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

    async def request_retry(
        self,
        webhook: WebhookId,
        partition: int,
        position: int,
        canceled: PendingRow | None = None,
    ) -> None:
        """Ask the owner for another attempt now; returns once the request is durable."""
        asked: dict[str, Value] = {"webhook": webhook, "partition": partition, "position": position}
        row: dict[str, Value] = {} if canceled is None else msgspec.structs.asdict(canceled)

        def work(transaction: Transaction) -> None:
            if row:
                transaction.connection.run("pending_add", **row)
            transaction.connection.run("request_add", kind=RequestKind.RETRY, **asked)
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


def _retries_wanted(
    connection: Connection, account: AccountId, wanted: DeliveryFilter, limit: int, now_ms: int
) -> list[Place]:
    after, through = span_of(connection, wanted.since_ms, wanted.until_ms)
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
