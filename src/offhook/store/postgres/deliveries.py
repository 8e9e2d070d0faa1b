"""What the API asks about deliveries, on PostgreSQL."""

from collections.abc import Sequence

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
from offhook.store.postgres.database import Database
from offhook.store.postgres.feed import LONGEST_TIMELINE, home_of
from offhook.store.postgres.lanes import DELIVERIES
from offhook.store.postgres.session import Row, Session, Value, named
from offhook.store.postgres.views import StoredTraces, attempt_of, traces_of

_LAST = (2**63 - 1, 0, WebhookId(""))
_BEFORE_ALL = -(2**62)
"""What was trimmed from a log that was moved here stands at negative positions."""
_ASKED = frozenset({Topic.REQUESTS})


class PostgresDeliveries:
    """The port of what the API asks about deliveries."""

    def __init__(self, database: Database, partitions: int) -> None:
        self._database = database
        self._partitions = partitions

    async def deliveries(
        self,
        account: AccountId,
        wanted: DeliveryFilter,
        before: tuple[int, int, WebhookId] | None,
        limit: int,
    ) -> list[DeliveryView]:
        """Deliveries, newest first, that stand before (position, partition, webhook)."""
        async with self._database.reading() as session:
            listing = _Listing(session, account, wanted, self._partitions)
            return await listing.page(before or _LAST, limit)

    async def delivery(
        self, account: AccountId, webhook: WebhookId, partition: int, position: int
    ) -> DeliveryView | None:
        """One delivery; ``None`` when the account has no such webhook or event."""
        place = (webhook, partition, position)
        async with self._database.reading() as session:
            found = await _traces(session, account, [place])
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
        async with self._database.reading() as session:
            rows = await session.rows(
                "attempts",
                account=account,
                webhook=webhook,
                partition=partition,
                position=position,
                before_ms=before[0],
                before_number=before[1],
                limit=limit,
            )
        return [attempt_of(row) for row in rows]

    async def request_retry(self, webhook: WebhookId, partition: int, position: int) -> None:
        """Ask the owner for another attempt now; returns once the request is durable."""
        async with self._database.transaction() as session:
            await session.run(
                "request_add",
                kind=RequestKind.RETRY,
                webhook=webhook,
                partition=partition,
                position=position,
            )
        self._database.notices.announce(_ASKED)

    async def request_retries(self, account: AccountId, wanted: DeliveryFilter, most: int) -> Asked:
        """Ask for another attempt of undelivered deliveries; returns once that is durable."""
        async with self._database.transaction() as session:
            count: int = await session.value(
                "requests_add",
                kind=RequestKind.RETRY,
                account=account,
                webhook=wanted.webhook,
                event=wanted.event,
                type=split_pattern(wanted.type).named,
                prefix=split_pattern(wanted.type).beginning,
                key=wanted.key,
                since_ms=wanted.since_ms,
                until_ms=wanted.until_ms,
                states=retryable_states(wanted.statuses),
                limit=most,
                now_ms=self._database.now_ms(),
                **await _span(session, wanted, self._partitions),
            )
        if count:
            self._database.notices.announce(_ASKED)
        return Asked(min(count, most), count > most)


class _Listing:
    """Pages of one filtered list, read on one connection."""

    def __init__(
        self, session: Session, account: AccountId, wanted: DeliveryFilter, partitions: int
    ) -> None:
        self._session = session
        self._account = account
        self._wanted = wanted
        self._partitions = partitions
        sources = sources_of(wanted.statuses)
        self._asked: dict[str, Value] = {
            "account": account,
            "type": wanted.type,
            "states": sources.states,
            "attempts": sources.attempts,
            "accepted": sources.accepted,
        }

    async def page(self, before: tuple[int, int, WebhookId], limit: int) -> list[DeliveryView]:
        """The next deliveries that pass the filter. What the traces must be put together for, the
        status, is looked at place by place, until there are enough."""
        found: list[DeliveryView] = []
        self._asked |= await _span(self._session, self._wanted, self._partitions)
        while len(found) < limit:
            places = await self._places(before, limit)
            for traces in await _traces(self._session, self._account, places):
                view = traces.view() if fits(traces, self._wanted) else None
                if view is not None:
                    found.append(view)
            if len(places) < limit:
                break
            webhook, partition, position = places[-1]
            before = (position, partition, webhook)
        return found[:limit]

    async def _places(self, before: tuple[int, int, WebhookId], limit: int) -> list[Place]:
        asked = {
            **self._asked,
            "before_position": before[0],
            "before_partition": before[1],
            "before_webhook": before[2],
            "limit": limit,
        }
        events = await self._events()
        if events is None:
            asked["webhooks"] = await self._webhooks()
            return _places(await self._session.rows("deliveries_of_webhooks", **asked))
        asked["webhook"] = self._wanted.webhook
        asked["partition"], asked["positions"] = events
        return _places(await self._session.rows("deliveries_of_events", **asked))

    async def _events(self) -> tuple[int, Sequence[int]] | None:
        """The partition and positions of the events that the filter names; ``None`` when it names
        none. A key and its events stand in one partition."""
        key = self._wanted.key
        if self._wanted.event is not None:
            row = await self._session.row(
                "event_position", account=self._account, id=self._wanted.event, key=key
            )
            return (0, []) if row is None else (row["partition"], [row["position"]])
        if key is None:
            return None
        home = await home_of(self._session, self._account, key, self._partitions)
        rows = await self._session.rows(
            "key_positions",
            account=self._account,
            partition=home,
            key=key,
            after=0,
            limit=LONGEST_TIMELINE,
        )
        return home, [row["position"] for row in rows]

    async def _webhooks(self) -> Sequence[WebhookId]:
        if self._wanted.webhook is not None:
            return [self._wanted.webhook]
        rows = await self._session.rows("webhooks_of_account", account=self._account)
        return [row["id"] for row in rows]


async def _span(session: Session, wanted: DeliveryFilter, partitions: int) -> dict[str, Value]:
    """Of each partition the positions (after, through] at which events of the time stand.
    ``created`` never goes back, so times are positions; what is kept of before the log begins is
    looked through."""
    every = list(range(partitions))
    since, until = wanted.since_ms, wanted.until_ms
    after = {} if since is None else await _before(session, every, since)
    through = {} if until is None else await _before(session, every, until)
    floors = {} if until is None else await _floors(session, every)
    return {
        "partitions": every,
        "after": [after.get(at, 0) or _BEFORE_ALL for at in every],
        "through": [max(through.get(at, _LAST[0]), floors.get(at, 0)) for at in every],
    }


async def _before(session: Session, partitions: Sequence[int], at_ms: int) -> dict[int, int]:
    rows = await session.rows("event_since", partitions=partitions, created_ms=at_ms)
    return {row[0]: row[1] for row in rows}


async def _floors(session: Session, partitions: Sequence[int]) -> dict[int, int]:
    rows = await session.rows("log_floor", partitions=partitions)
    return {row["partition"]: row["floor_position"] for row in rows}


async def _traces(
    session: Session, account: AccountId, places: Sequence[Place]
) -> list[StoredTraces]:
    if not places:
        return []
    asked = named(DELIVERIES, places)
    rows = await session.rows("delivery_views", account=account, consumer=CONSUMER, **asked)
    return [traces_of(row) for row in rows]


def _places(rows: Sequence[Row]) -> list[Place]:
    return [(row["webhook"], row["partition"], row["position"]) for row in rows]
