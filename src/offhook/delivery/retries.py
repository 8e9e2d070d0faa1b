"""What has a row of its own: retries that fall due, and retries that somebody asks for."""

import structlog
from msgspec.structs import replace

from offhook.clock import Clock
from offhook.delivery.caution import DIED, delay_ms, is_hopeless
from offhook.delivery.entries import (
    DispatchRequest,
    DuePending,
    Lane,
    PartitionChanges,
    PendingRow,
    PendingState,
)
from offhook.delivery.flow import PartitionFlow
from offhook.delivery.ports import DispatchStore
from offhook.delivery.queues import Delivery, Queues
from offhook.delivery.subscriptions import Endpoint, Subscriptions
from offhook.model.event import to_ms

_log = structlog.get_logger(__name__)

_PER_WEBHOOK = 64
_REQUESTS_AT_ONCE = 200
_SOONEST_MS = 50
_LATEST_MS = 200


class Retrier:
    """Takes due rows into the queues, and carries out requests."""

    def __init__(self, *, store: DispatchStore, queues: Queues, clock: Clock) -> None:
        self._store = store
        self._queues = queues
        self._clock = clock

    async def run(self, flow: PartitionFlow, subscriptions: Subscriptions) -> None:
        """Load what is due and look for requests, if it is time to."""
        now_ms = to_ms(self._clock.now())
        if now_ms < flow.next_due_ms:
            return
        await self._requests(flow, subscriptions, now_ms)
        found = await self._store.due(flow.partition, _PER_WEBHOOK, flow.busy)
        for item in found.items:
            await self._take(flow, item, subscriptions)
        next_ms = now_ms + _LATEST_MS if found.next_due_ms is None else found.next_due_ms
        flow.next_due_ms = min(max(next_ms, now_ms + _SOONEST_MS), now_ms + _LATEST_MS)

    async def _take(
        self, flow: PartitionFlow, item: DuePending, subscriptions: Subscriptions
    ) -> None:
        endpoint = subscriptions.endpoints.get(item.row.webhook)
        if endpoint is None:
            return
        queue = self._queues.of(endpoint)
        if queue.room <= 0 or _too_soon(flow, item.row):
            return
        delivery = _delivery(flow, item)
        if item.row.reason == DIED and not await self._dares(flow, delivery, endpoint, item.row):
            return
        flow.begin(delivery)
        queue.offer(delivery)
        self._queues.stir(queue)

    async def _dares(
        self, flow: PartitionFlow, delivery: Delivery, endpoint: Endpoint, row: PendingRow
    ) -> bool:
        """Whether to try again what owners may have died of; gives it up when that is hopeless.

        The attempt is written down before it is made, with the time of the next: if the process
        dies of it, the next one does not at once.
        """
        now_ms = to_ms(self._clock.now())
        if is_hopeless(row.number, now_ms - row.since_ms):
            flow.begin(delivery)
            flow.park(delivery, endpoint, PendingState.FAILED, DIED, row.number)
            return False
        noted = replace(row, number=row.number + 1, due_ms=now_ms + delay_ms(row.number))
        changes = PartitionChanges(flow.lease, flow.lease.cursor, rows=(noted,))
        try:
            return not (await self._store.apply([changes])).lost
        except Exception as error:  # noqa: BLE001 - it is due still, and the others go on meanwhile
            _log.warning("not_noted", position=row.position, error=repr(error))
            return False

    async def _requests(
        self, flow: PartitionFlow, subscriptions: Subscriptions, now_ms: int
    ) -> None:
        for request in await self._store.requests(flow.partition, _REQUESTS_AT_ONCE):
            _carry_out(flow, request, subscriptions, now_ms)
            flow.changes.carry_out(request.id)


def _delivery(flow: PartitionFlow, item: DuePending) -> Delivery:
    return Delivery(
        item.row.webhook,
        item.event,
        epoch=flow.lease.epoch,
        reader=None,
        attempts=item.row.number,
        since_ms=item.row.since_ms,
    )


def _too_soon(flow: PartitionFlow, row: PendingRow) -> bool:
    """Whether earlier ones of its lane may have no row of their own in the store yet."""
    if row.lane is None:
        return False
    return row.position > flow.read_to(row.webhook) or flow.overtakes(
        Lane(row.webhook, row.lane), row.position
    )


def _carry_out(
    flow: PartitionFlow, request: DispatchRequest, subscriptions: Subscriptions, now_ms: int
) -> None:
    row = request.row
    endpoint = subscriptions.endpoints.get(request.webhook)
    if row is None or endpoint is None or (row.webhook, row.position) in flow.busy:
        return
    if row.state in {PendingState.FAILED, PendingState.CANCELED}:
        lane = row.key if endpoint.ordered else None
        flow.changes.put(_again(row, lane, now_ms, since_ms=now_ms))
    elif row.lane is None:
        flow.changes.put(_again(row, None, now_ms, since_ms=row.since_ms))
    else:
        flow.changes.hurry(Lane(row.webhook, row.lane))


def _again(row: PendingRow, lane: str | None, due_ms: int, since_ms: int) -> PendingRow:
    return PendingRow(
        webhook=row.webhook,
        partition=row.partition,
        position=row.position,
        account=row.account,
        event_id=row.event_id,
        event_type=row.event_type,
        key=row.key,
        lane=lane,
        state=PendingState.RETRY,
        number=row.number,
        due_ms=due_ms,
        since_ms=since_ms,
        reason=row.reason,
    )
