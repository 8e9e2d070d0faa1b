"""Endpoints' bounds shared among processes, and their health, on PostgreSQL."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from msgspec.structs import astuple

from offhook.delivery.announcing import HealthNote, turns
from offhook.delivery.bounds.sharing import BoundAsk, BoundGrant, BoundKind, ShareRow, decide_all
from offhook.delivery.health import EndpointHealth
from offhook.model.ids import WebhookId
from offhook.store.postgres.announcements import announce
from offhook.store.postgres.database import Database
from offhook.store.postgres.session import Session, named

_SHARE_COLUMNS = (
    "webhooks",
    "kinds",
    "owners",
    "allowed",
    "counted",
    "wanted",
    "since_ms",
    "asked_ms",
    "until_ms",
)
_HEALTH_COLUMNS = (
    "webhooks",
    "failures",
    "failing_since_ms",
    "last_failure_ms",
    "last_success_ms",
    "announced",
)

_Bound: TypeAlias = tuple[WebhookId, BoundKind]


class PostgresBounds:
    """The port of bounds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def share(self, owner: str, asks: Sequence[BoundAsk], ttl_s: float) -> list[BoundGrant]:
        """Put the owner's shares anew; grants are in the order of the asks."""
        if not asks:
            return []
        webhooks, ttl_ms = list({ask.webhook for ask in asks}), round(ttl_s * 1000)
        async with self._database.transaction() as session:
            await session.rows("shares_locked", webhooks=webhooks)
            stored, now_ms = await _shares(session, webhooks, self._database.now_ms())
            decided = decide_all(asks, owner, stored, now_ms=now_ms, ttl_ms=ttl_ms)
            rows = {
                (ask.webhook, ask.kind): row for ask, (row, _) in zip(asks, decided, strict=True)
            }
            await _put(session, owner, rows, now_ms)
        return [grant for _, grant in decided]

    async def alone(self, owner: str) -> bool:
        """Whether nobody else's share counts any more; if so, the owner's own are dropped."""
        now_ms = self._database.now_ms()
        async with self._database.transaction() as session:
            if await session.value("shares_of_others", owner=owner, now_ms=now_ms):
                return False
            await session.run("shares_leave", owner=owner, now_ms=now_ms)
        return True


class PostgresHealth:
    """The port of endpoints' health."""

    def __init__(self, database: Database, partitions: int) -> None:
        self._database = database
        self._partitions = partitions

    async def note_health(self, notes: Sequence[HealthNote]) -> dict[WebhookId, EndpointHealth]:
        """Merge what was seen of each endpoint into its row; returns what it is now."""
        if not notes:
            return {}
        now_ms = self._database.now_ms()
        async with self._database.transaction() as session:
            standing = await _standing(session, notes)
            if not standing:
                return {}
            webhooks = [note.webhook for note in standing]
            await session.run("health_add", webhooks=webhooks, now_ms=now_ms)
            rows = await session.rows("health", webhooks=webhooks)
            stored = {row["webhook"]: EndpointHealth(*row[1:]) for row in rows}
            turned = turns(standing, stored, self._partitions)
            merged = [(webhook, *astuple(health)) for webhook, health in turned.health.items()]
            await session.run("health_put", **named(_HEALTH_COLUMNS, merged), now_ms=now_ms)
            await announce(session, turned.told)
        return turned.health


async def _standing(session: Session, notes: Sequence[HealthNote]) -> list[HealthNote]:
    """Those whose endpoint may receive and stands where it did, as it does until the end of the
    transaction."""
    rows = await session.rows("webhooks_noted", webhooks=[note.webhook for note in notes])
    urls = {row["id"]: row["url"] for row in rows}
    return [note for note in notes if urls.get(note.webhook) == note.url]


async def _shares(
    session: Session, webhooks: Sequence[WebhookId], now_ms: int | None
) -> tuple[Mapping[_Bound, list[ShareRow]], int]:
    """The rows that count, of each bound of these endpoints, and the moment they were read at."""
    found = defaultdict[_Bound, list[ShareRow]](list)
    rows = await session.rows("shares", webhooks=webhooks, now_ms=now_ms)
    for row in rows:
        if row["webhook"] is not None:
            found[row["webhook"], BoundKind(row["kind"])].append(ShareRow(*row[3:]))
    return found, rows[0]["now_ms"]


async def _put(
    session: Session, owner: str, rows: Mapping[_Bound, ShareRow | None], now_ms: int
) -> None:
    await session.run(
        "shares_clear",
        owner=owner,
        now_ms=now_ms,
        webhooks=[webhook for webhook, _ in rows],
        **named(("dropped", "kinds"), [bound for bound, row in rows.items() if row is None]),
    )
    kept = [(*bound, *astuple(row)) for bound, row in rows.items() if row is not None]
    if kept:
        await session.run("share_put", **named(_SHARE_COLUMNS, kept))
