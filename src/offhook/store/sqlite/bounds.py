"""Endpoints' bounds shared among processes, and their health, on SQLite."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from offhook.delivery.announcing import HealthNote, turns
from offhook.delivery.bounds.sharing import BoundAsk, BoundGrant, BoundKind, ShareRow, decide_all
from offhook.delivery.health import EndpointHealth
from offhook.model.ids import WebhookId
from offhook.store.sqlite.announcements import announce
from offhook.store.sqlite.connection import Connection, Value, as_json
from offhook.store.sqlite.database import Database
from offhook.store.sqlite.writer import Transaction

_SHARES = msgspec.json.Decoder(list[tuple[WebhookId, BoundKind, ShareRow]])
_URLS = msgspec.json.Decoder(dict[WebhookId, str])
_HEALTH = msgspec.json.Decoder(dict[WebhookId, EndpointHealth])


class SqliteBounds:
    """The port of bounds. There is one writer, so asks never interleave."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def share(self, owner: str, asks: Sequence[BoundAsk], ttl_s: float) -> list[BoundGrant]:
        """Put the owner's shares anew; grants are in the order of the asks."""

        def work(transaction: Transaction) -> list[BoundGrant]:
            now_ms, ttl_ms = self._database.now_ms(), round(ttl_s * 1000)
            stored = _shares(transaction.connection, asks, now_ms)
            decided = decide_all(asks, owner, stored, now_ms=now_ms, ttl_ms=ttl_ms)
            _put(transaction.connection, owner, asks, [row for row, _ in decided], now_ms)
            return [grant for _, grant in decided]

        return await self._database.write(work) if asks else []

    async def alone(self, owner: str) -> bool:
        """Whether nobody else's share counts any more; if so, the owner's own are dropped."""

        def work(transaction: Transaction) -> bool:
            connection, now_ms = transaction.connection, self._database.now_ms()
            if connection.value("shares_of_others", owner=owner, now_ms=now_ms):
                return False
            connection.run("shares_leave", owner=owner, now_ms=now_ms)
            return True

        return await self._database.write(work)


class SqliteHealth:
    """The port of endpoints' health."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note_health(self, notes: Sequence[HealthNote]) -> dict[WebhookId, EndpointHealth]:
        """Merge what was seen of each endpoint into its row; returns what it is now."""

        def work(transaction: Transaction) -> dict[WebhookId, EndpointHealth]:
            connection, now_ms = transaction.connection, self._database.now_ms()
            asked = as_json(note.webhook for note in notes)
            urls = connection.rows("webhooks_noted", _URLS, webhooks=asked)
            stored = connection.rows("health", _HEALTH, webhooks=asked)
            standing = [note for note in notes if urls.get(note.webhook) == note.url]
            turned = turns(standing, stored, partitions=1)
            rows = [(webhook, *_health_row(it), now_ms) for webhook, it in turned.health.items()]
            connection.insert("health_put", rows)
            announce(connection, turned.told)
            return turned.health

        return await self._database.write(work) if notes else {}


def _shares(
    connection: Connection, asks: Sequence[BoundAsk], now_ms: int
) -> Mapping[tuple[WebhookId, BoundKind], list[ShareRow]]:
    """The rows that count, of each bound that is asked about."""
    found: dict[tuple[WebhookId, BoundKind], list[ShareRow]] = defaultdict(list)
    webhooks = as_json({ask.webhook for ask in asks})
    for webhook, kind, row in connection.rows("shares", _SHARES, webhooks=webhooks, now_ms=now_ms):
        found[webhook, kind].append(row)
    return found


def _put(
    connection: Connection,
    owner: str,
    asks: Sequence[BoundAsk],
    rows: Sequence[ShareRow | None],
    now_ms: int,
) -> None:
    connection.run(
        "shares_clear",
        owner=owner,
        now_ms=now_ms,
        webhooks=as_json({ask.webhook for ask in asks}),
        asked=as_json([(ask.webhook, ask.kind) for ask in asks]),
    )
    kept: list[Sequence[Value]] = [
        (ask.webhook, ask.kind, *msgspec.structs.astuple(row))
        for ask, row in zip(asks, rows, strict=True)
        if row is not None
    ]
    connection.insert("share_put", kept)


def _health_row(health: EndpointHealth) -> tuple[Value, ...]:
    return (
        health.failures,
        health.failing_since_ms,
        health.last_failure_ms,
        health.last_success_ms,
        health.announced,
    )
