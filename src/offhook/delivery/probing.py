"""Choosing what to probe with: an endpoint whose circuit is half open, and nothing of it is due."""

from collections.abc import Collection

from offhook.clock import Clock
from offhook.delivery.flow import PartitionFlow
from offhook.delivery.ports import DispatchStore
from offhook.delivery.queues import Delivery, EndpointQueue, Queues
from offhook.delivery.router import Router
from offhook.delivery.subscriptions import Subscriptions
from offhook.log.ports import LogStore

_EVENTS = 200
_BYTES = 1 << 20


class Prober:
    """Takes, in turn, what failed before (out of its time, and without counting if it fails again)
    and the next event of a key that nothing of failed: if that is accepted, the endpoint is well
    and refuses one event alone. Else that one has a row, which is all that a probe ever costs.
    """

    def __init__(
        self, *, log: LogStore, store: DispatchStore, router: Router, queues: Queues, clock: Clock
    ) -> None:
        self._log = log
        self._store = store
        self._router = router
        self._queues = queues
        self._clock = clock

    async def run(self, flows: Collection[PartitionFlow], subscriptions: Subscriptions) -> None:
        """Queue a probe for each endpoint that waits for one."""
        for queue in self._queues.unprobed():
            if queue.endpoint.id in subscriptions.endpoints:
                if not await self._choose(flows, queue, subscriptions):
                    queue.circuit.found_none(self._clock.monotonic())
                self._queues.look_at(queue)

    async def _choose(
        self, flows: Collection[PartitionFlow], queue: EndpointQueue, subscriptions: Subscriptions
    ) -> bool:
        order = (self._fresh, self._failed) if queue.circuit.fresh else (self._failed, self._fresh)
        for choose in order:
            for flow in flows:
                if await choose(flow, queue, subscriptions):
                    return True
        return False

    async def _failed(
        self, flow: PartitionFlow, queue: EndpointQueue, _subscriptions: Subscriptions
    ) -> bool:
        item = await self._store.first_due(flow.partition, queue.endpoint.id)
        if item is None or (item.row.webhook, item.row.position) in flow.busy:
            return False
        delivery = Delivery.of_row(item.row, item.event, epoch=flow.lease.epoch)
        delivery.probe = True
        flow.begin(delivery)
        queue.offer(delivery)
        return True

    async def _fresh(
        self, flow: PartitionFlow, queue: EndpointQueue, subscriptions: Subscriptions
    ) -> bool:
        endpoint, held = queue.endpoint, flow.ranges.get(queue.endpoint.id)
        if held is None or held.met:
            return False
        found = await self._log.read(flow.partition, held.progress.read_to, _EVENTS, _BYTES)
        events = [event for event in found.events if event.position <= flow.live.read_to]
        return await self._router.probe(flow, endpoint, events, subscriptions)
