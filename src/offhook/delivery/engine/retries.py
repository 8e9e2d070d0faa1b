"""What has a row of its own: retries that fall due, and retries that somebody asks for."""

from collections.abc import Collection, Iterable, Mapping
from math import inf

import structlog
from msgspec.structs import replace

from offhook.clock import Clock
from offhook.delivery.engine.caution import DIED, delay_ms, is_hopeless
from offhook.delivery.engine.flow import PartitionFlow
from offhook.delivery.engine.outcome import exhaustion
from offhook.delivery.entries import (
    DispatchRequest,
    DuePending,
    Lane,
    PartitionChanges,
    PendingRow,
    PendingState,
)
from offhook.delivery.ports import DispatchStore
from offhook.delivery.queueing.queues import Delivery, Queues
from offhook.delivery.subscriptions import Endpoint, Subscriptions
from offhook.model.event import to_ms

_log = structlog.get_logger(__name__)

_PER_WEBHOOK = 128
_REQUESTS_AT_ONCE = 200
_SOONEST_S = 0.05
_LATEST_S = 1.0


class Retrier:
    """Takes due rows into the queues, and carries out requests."""

    def __init__(self, *, store: DispatchStore, queues: Queues, clock: Clock) -> None:
        self._store = store
        self._queues = queues
        self._clock = clock
        self._asked = False
        self._left = 0
        self._doubtful = frozenset[int]()

    def hasten(self) -> None:
        """Somebody asked for something: look in the next step."""
        self._asked = True

    def due_in_s(self, flows: Iterable[PartitionFlow]) -> float:
        """Seconds until it is time to look."""
        next_s = min((flow.look_at_s for flow in flows), default=inf)
        return max(0.0, next_s - self._clock.monotonic())

    async def run(self, flows: Collection[PartitionFlow], subscriptions: Subscriptions) -> None:
        """Load what is due and look for requests, of all these partitions if it is time to for any
        of them: it is one question for all."""
        if not flows or (self.due_in_s(flows) > 0 and not self._asked):
            return
        self._asked, now_ms = False, to_ms(self._clock.now())
        flow_of = {flow.partition: flow for flow in flows}
        await self._requests(flow_of, subscriptions, now_ms)
        busy = [(webhook, flow.partition, at) for flow in flows for webhook, at in flow.busy]
        but = [*self._queues.full(), *subscriptions.left_out]
        found = await self._store.due(flow_of.keys(), _PER_WEBHOOK, busy, but)
        for item in found.items:
            await self._take(flow_of[item.row.partition], item, subscriptions)
        look_at_s = self._clock.monotonic() + look_again_s(found.next_due_ms, now_ms)
        for flow in flows:
            flow.look_at_s = look_at_s

    async def _take(
        self, flow: PartitionFlow, item: DuePending, subscriptions: Subscriptions
    ) -> None:
        endpoint = subscriptions.endpoints.get(item.row.webhook)
        if endpoint is None:
            return
        queue = self._queues.of(endpoint)
        if queue.room <= 0 or flow.comes_too_soon(item.row):
            return
        delivery = Delivery.of_row(item.row, item.event, epoch=flow.lease.epoch)
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
            told = exhaustion(delivery, row.number, DIED, now_ms)
            if told is not None:
                flow.changes.announce(told)
            return False
        noted = replace(row, number=row.number + 1, due_ms=now_ms + delay_ms(row.number))
        changes = PartitionChanges(flow.lease, flow.lease.cursor, rows=(noted,))
        try:
            return not (await self._store.apply([changes])).lost
        except Exception as error:  # noqa: BLE001 - it is due still, and the others go on meanwhile
            _log.warning("not_noted", position=row.position, error=repr(error))
            return False

    async def _requests(
        self, flow_of: Mapping[int, PartitionFlow], subscriptions: Subscriptions, now_ms: int
    ) -> None:
        """Those of rows whose outcome is not in the store yet, and of endpoints that cannot be
        loaded for now, are left for a later look, and do not count against how many are read. So
        are, for one look, those of endpoints that are not known: such a one may have been enabled
        since the subscriptions were read."""
        doubtful = set[int]()
        limit, self._left = _REQUESTS_AT_ONCE + self._left, 0
        for request in await self._store.requests(flow_of.keys(), limit):
            flow = flow_of[request.partition]
            busy = (request.webhook, request.position) in flow.busy
            if busy or request.webhook in subscriptions.left_out:
                self._left += 1
            elif self._may_be_new(request, subscriptions):
                self._left += 1
                doubtful.add(request.id)
            elif not flow.carries_out(request.id):
                _carry_out(flow, request, subscriptions, now_ms)
                flow.changes.carry_out(request.id)
        self._doubtful = frozenset(doubtful)

    def _may_be_new(self, request: DispatchRequest, subscriptions: Subscriptions) -> bool:
        known = request.webhook in subscriptions.endpoints
        return not known and request.id not in self._doubtful


def look_again_s(next_due_ms: int | None, now_ms: int) -> float:
    """Seconds until rows are looked for again, the next of which falls due at ``next_due_ms`` by
    the store's clock: it may tell another time than this process's, so a second at most."""
    if next_due_ms is None:
        return _LATEST_S
    return min(max((next_due_ms - now_ms) / 1000, _SOONEST_S), _LATEST_S)


def _carry_out(
    flow: PartitionFlow, request: DispatchRequest, subscriptions: Subscriptions, now_ms: int
) -> None:
    row = request.row
    endpoint = subscriptions.endpoints.get(request.webhook)
    if row is None or endpoint is None:
        return
    if row.state in {PendingState.FAILED, PendingState.CANCELED}:
        # What a replay gave up is no replay's any more.
        row = replace(row, replay=None)
        lane = row.own_lane.key if endpoint.ordered else None
        flow.changes.put(_again(row, lane, now_ms, since_ms=now_ms, late=lane))
    else:
        hurry(flow, row, now_ms)


def hurry(flow: PartitionFlow, row: PendingRow, now_ms: int) -> None:
    """Have what is pending tried now: the head of its lane, or it alone."""
    if (row.webhook, row.position) in flow.busy:
        return
    if row.lane is not None:
        flow.changes.hurry(Lane(row.webhook, row.lane))
    elif row.state is PendingState.RETRY:
        flow.changes.put(_again(row, None, now_ms, since_ms=row.since_ms, late=row.late))


def _again(
    row: PendingRow, lane: str | None, due_ms: int, *, since_ms: int, late: str | None
) -> PendingRow:
    return replace(
        row, lane=lane, state=PendingState.RETRY, due_ms=due_ms, since_ms=since_ms, late=late
    )
