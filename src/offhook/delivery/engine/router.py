"""From the log into the queues: each event to whom it is for, by the live path or from a range."""

from collections.abc import Sequence

from offhook.delivery.engine.caution import DIED, delay_ms
from offhook.delivery.engine.flow import PartitionFlow
from offhook.delivery.entries import Lane
from offhook.delivery.ports import DispatchStore
from offhook.delivery.queueing.progress import Range
from offhook.delivery.queueing.queues import Delivery, EndpointQueue, Queues
from offhook.delivery.subscriptions import Endpoint, Subscriptions
from offhook.log.entries import LogSlice
from offhook.model.event import LogEvent

_SHARE_WHEN_FULL = 16


class Router:
    """Routes what was read. Decisions are the flow's; nothing is written here."""

    def __init__(self, *, store: DispatchStore, queues: Queues, memory_bound: int) -> None:
        self._store = store
        self._queues = queues
        self._memory_bound = memory_bound
        self.queued = 0
        """How many deliveries wait in all, as of the last count and what was offered since."""

    def room(self, queue: EndpointQueue) -> int:
        """How many more may wait for an endpoint; once memory is full, no more than a small share
        in all."""
        if self.queued < self._memory_bound:
            return queue.room_to_read
        return min(queue.room_to_read, _SHARE_WHEN_FULL - queue.size)

    async def live(
        self, flow: PartitionFlow, events: Sequence[LogEvent], subscriptions: Subscriptions
    ) -> None:
        """Route events that the live reader took from the log."""
        wanted = _matches(flow, events, subscriptions)
        closed = await self._closed(flow, wanted)
        for endpoint, event in wanted:
            # An earlier event of this slice may have been the one that was too many.
            if not flow.behind(endpoint.id):
                self._live_one(flow, endpoint, event, closed)

    async def ranged(
        self,
        flow: PartitionFlow,
        held: Range,
        endpoint: Endpoint,
        events: Sequence[LogEvent],
        subscriptions: Subscriptions,
    ) -> None:
        """Route events that were read again for an endpoint that fell behind."""
        wanted = [(endpoint, e) for e in events if subscriptions.wants(endpoint.id, e)]
        closed = await self._closed(flow, wanted)
        for _, event in wanted:
            if not flow.was_settled(endpoint.id, event.position):
                delivery = _delivery(flow, endpoint, event, held)
                self._offer(flow, delivery, self._queues.of(endpoint), closed)

    async def probe(
        self,
        flow: PartitionFlow,
        held: Range,
        endpoint: Endpoint,
        found: LogSlice,
        subscriptions: Subscriptions,
    ) -> bool:
        """Queue the first event of a slice of the range that is the first of its lane, ahead of its
        turn; returns whether there was one. Later ones of the lane may have rows, of an owner that
        died. What stands before all that is not over counts as read: else a range of which nothing
        is wanted would never end, and keep the log from its retention."""
        end = flow.live.read_to
        events = [event for event in found.events if event.position <= end]
        wanted = [(endpoint, e) for e in events if subscriptions.wants(endpoint.id, e)]
        left = [it for it in wanted if not flow.is_settled(endpoint.id, it[1].position)]
        through = min(found.read_to, end)
        _read_up(flow, held, endpoint, [event for _, event in wanted], through)
        heads = await self._heads(flow, left)
        for _, event in left:
            lane = Lane(endpoint.id, event.key)
            behind = heads.get(lane, event.position) < event.position
            if endpoint.ordered and (behind or flow.overtakes(lane, event.position)):
                held.search.pass_over(lane.key, event.position)
            if not endpoint.ordered or lane.key not in held.search.behind:
                flow.take_ahead(endpoint.id, event.position)
                held.sought(event.position, end)
                delivery = _delivery(flow, endpoint, event, Range(event.position))
                self._queue(flow, delivery, self._queues.of(endpoint))
                return True
        held.sought(through, end)
        return False

    async def set_aside(
        self,
        flow: PartitionFlow,
        events: Sequence[LogEvent],
        subscriptions: Subscriptions,
        now_ms: int,
    ) -> None:
        """Give each delivery of events that are suspected a row of its own, to be tried later."""
        wanted = _matches(flow, events, subscriptions)
        closed = await self._closed(flow, wanted)
        for endpoint, event in wanted:
            if flow.was_settled(endpoint.id, event.position):
                continue
            delivery = _delivery(flow, endpoint, event, None, since_ms=now_ms)
            lane = Lane(endpoint.id, event.key)
            if endpoint.ordered and (lane in closed or flow.closing(lane)):
                flow.wait_behind(delivery)
            else:
                flow.begin(delivery)
                flow.retry(delivery, endpoint, now_ms + delay_ms(0), DIED)

    def _live_one(
        self, flow: PartitionFlow, endpoint: Endpoint, event: LogEvent, closed: set[Lane]
    ) -> None:
        if flow.was_settled(endpoint.id, event.position):
            return
        queue = self._queues.of(endpoint)
        if self.room(queue) <= 0 or flow.lanes_bound_reached(endpoint.id):
            flow.hold(endpoint.id, event.position)
            return
        self._offer(flow, _delivery(flow, endpoint, event, None), queue, closed)

    def _offer(
        self, flow: PartitionFlow, delivery: Delivery, queue: EndpointQueue, closed: set[Lane]
    ) -> None:
        if queue.endpoint.ordered:
            lane = Lane(delivery.webhook, delivery.lane)
            if lane in closed or flow.closing(lane) or queue.lane_full(lane.key):
                flow.wait_behind(delivery)
                return
        self._queue(flow, delivery, queue)

    def _queue(self, flow: PartitionFlow, delivery: Delivery, queue: EndpointQueue) -> None:
        flow.begin(delivery)
        queue.offer(delivery)
        self.queued += 1
        self._queues.stir(queue)

    async def _closed(
        self, flow: PartitionFlow, wanted: Sequence[tuple[Endpoint, LogEvent]]
    ) -> set[Lane]:
        lanes = _lanes(flow, wanted)
        return await self._store.closed_lanes(flow.partition, lanes) if lanes else set()

    async def _heads(
        self, flow: PartitionFlow, wanted: Sequence[tuple[Endpoint, LogEvent]]
    ) -> dict[Lane, int]:
        lanes = _lanes(flow, wanted)
        return await self._store.lane_heads(flow.partition, lanes) if lanes else {}


def _matches(
    flow: PartitionFlow, events: Sequence[LogEvent], subscriptions: Subscriptions
) -> list[tuple[Endpoint, LogEvent]]:
    return [
        (endpoint, event)
        for event in events
        for endpoint in subscriptions.match(event, flow.behind)
    ]


def _lanes(flow: PartitionFlow, wanted: Sequence[tuple[Endpoint, LogEvent]]) -> set[Lane]:
    """Those of their lanes that may be closed."""
    return {
        Lane(endpoint.id, event.key)
        for endpoint, event in wanted
        if endpoint.ordered and flow.may_be_closed(endpoint.id)
    }


def _delivery(
    flow: PartitionFlow,
    endpoint: Endpoint,
    event: LogEvent,
    held: Range | None,
    since_ms: int | None = None,
) -> Delivery:
    reader = flow.live if held is None else held.progress
    epoch = flow.lease.epoch
    return Delivery(endpoint.id, event, epoch=epoch, reader=reader, since_ms=since_ms)


def _read_up(
    flow: PartitionFlow,
    held: Range,
    endpoint: Endpoint,
    wanted: Sequence[LogEvent],
    through: int,
) -> None:
    """Read the range up to the first of these that is not over."""
    going_on = (it.position for it in wanted if not flow.is_over(endpoint.id, it.position))
    held.nothing_up_to(next(going_on, through + 1) - 1)
    for event in wanted:
        if event.position <= held.progress.read_to:
            flow.was_settled(endpoint.id, event.position)
