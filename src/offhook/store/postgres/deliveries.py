"""What the API asks about deliveries, on PostgreSQL."""

import msgspec

from offhook.delivery.entries import (
    LAST_ATTEMPT,
    Asked,
    AttemptRecord,
    DeliveryFilter,
    PendingRow,
    RequestKind,
)
from offhook.delivery.lists.traces import retryable_states
from offhook.log.entries import Topic
from offhook.model.catalogue import split_pattern
from offhook.model.ids import AccountId, WebhookId
from offhook.store.postgres.database import Database
from offhook.store.postgres.lists import positions_of
from offhook.store.postgres.views import attempt_of

_ASKED = frozenset({Topic.REQUESTS})


class PostgresDeliveries:
    """The port of what the API asks about deliveries."""

    def __init__(self, database: Database, partitions: int) -> None:
        self._database = database
        self._partitions = partitions

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

    async def request_retry(
        self,
        webhook: WebhookId,
        partition: int,
        position: int,
        canceled: PendingRow | None = None,
    ) -> None:
        """Ask the owner for another attempt now; returns once the request is durable."""
        async with self._database.transaction() as session:
            if canceled is not None:
                await session.run("pending_add", **msgspec.structs.asdict(canceled))
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
        every = range(self._partitions)
        async with self._database.transaction() as session:
            after, through = await positions_of(session, every, wanted.since_ms, wanted.until_ms)
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
                partitions=every,
                after=list(after.values()),
                through=list(through.values()),
            )
        if count:
            self._database.notices.announce(_ASKED)
        return Asked(min(count, most), count > most)
