"""Choosing what to probe with: an endpoint whose circuit is half open, and nothing of it is due."""

from collections.abc import Collection, Mapping, Sequence
from math import inf

from offhook.clock import Clock
from offhook.delivery.engine.flow import PartitionFlow
from offhook.delivery.engine.router import Router
from offhook.delivery.entries import DuePending
from offhook.delivery.ports import DispatchStore
from offhook.delivery.queueing.queues import Delivery, EndpointQueue, Queues
from offhook.delivery.subscriptions import Subscriptions
from offhook.log.ports import LogStore
from offhook.model.ids import WebhookId

_EVENTS = 500
_BYTES = 1 << 20
_ENDPOINTS_A_STEP = 64
_LOOKS_A_STEP = 64
_LOOKS_A_TURN = 4
_REST = 4.0
"""For each second of looking in vain, so many are left to others."""


class Prober:
    """Takes, in turn, what failed before (out of its time, and without counting if it fails again)
    and the next event of a key that nothing of failed: if that is accepted, the endpoint is well
    and refuses one event alone. Else that one has a row, which is all that a probe ever costs.

    That event may stand far on in the log, behind many that the endpoint does not want or that
    wait behind what failed: each turn goes on looking where the last one ended. A step looks in
    vain for one endpoint at most, and leaves most of the time to others then.

    However many endpoints wait for a probe, after an outage of our own say, a step chooses for 64
    at most and looks into the log about as often, so that leases are renewed meanwhile.
    """

    def __init__(
        self, *, log: LogStore, store: DispatchStore, router: Router, queues: Queues, clock: Clock
    ) -> None:
        self._log = log
        self._store = store
        self._router = router
        self._queues = queues
        self._clock = clock
        self._looks_left = 0
        self._rest_until_s = -inf

    def due_in_s(self) -> float:
        """Seconds until it goes on after looking in vain."""
        left_s = self._rest_until_s - self._clock.monotonic()
        return left_s if left_s > 0 else inf

    async def run(self, flows: Collection[PartitionFlow], subscriptions: Subscriptions) -> bool:
        """Queue probes for endpoints that wait for one; returns whether more of them do."""
        began_s = self._clock.monotonic()
        known = subscriptions.endpoints.keys()
        waiting = [it for it in self._queues.unprobed() if it.endpoint.id in known]
        if not waiting or not flows or began_s < self._rest_until_s:
            return False
        turn = waiting[:_ENDPOINTS_A_STEP]
        firsts = await self._firsts(flows, [it for it in turn if not it.circuit.fresh])
        self._looks_left = _LOOKS_A_STEP
        for queue in turn:
            if self._looks_left <= 0:
                return True
            looks_left = self._looks_left
            chosen = await self._choose(flows, queue, firsts, subscriptions)
            if not chosen:
                self._found_none(flows, queue)
            self._queues.had_its_turn(queue)
            if not chosen and self._looks_left < looks_left:
                now_s = self._clock.monotonic()
                self._rest_until_s = now_s + _REST * (now_s - began_s)
                return True
        return len(waiting) > len(turn)

    def _found_none(self, flows: Collection[PartitionFlow], queue: EndpointQueue) -> None:
        ranges = (flow.ranges.get(queue.endpoint.id) for flow in flows)
        if any(held is not None and held.search.to for held in ranges):
            queue.circuit.found_none_yet()
        else:
            queue.circuit.found_none(self._clock.monotonic())

    async def _firsts(
        self, flows: Collection[PartitionFlow], queues: Sequence[EndpointQueue]
    ) -> dict[WebhookId, DuePending]:
        """What failed before of each of these, in one question for all."""
        if not queues:
            return {}
        webhooks = {queue.endpoint.id for queue in queues}
        busy = [
            (it, flow.partition, at) for flow in flows for it, at in flow.busy if it in webhooks
        ]
        partitions = [flow.partition for flow in flows]
        found = await self._store.first_due(partitions, webhooks, busy)
        return {item.row.webhook: item for item in found}

    async def _choose(
        self,
        flows: Collection[PartitionFlow],
        queue: EndpointQueue,
        firsts: Mapping[WebhookId, DuePending],
        subscriptions: Subscriptions,
    ) -> bool:
        item = firsts.get(queue.endpoint.id)
        for flow in flows:
            if item is None:
                if await self._fresh(flow, queue, subscriptions):
                    return True
            elif flow.partition == item.row.partition:
                _offer(flow, queue, item)
                return True
        return False

    async def _fresh(
        self, flow: PartitionFlow, queue: EndpointQueue, subscriptions: Subscriptions
    ) -> bool:
        held = flow.ranges.get(queue.endpoint.id)
        for _ in range(_LOOKS_A_TURN):
            if held is None or held.met or held.progress.read_to >= flow.live.read_to:
                break
            self._looks_left -= 1
            after = held.seek_from(queue.endpoint.revision)
            found = await self._log.read(flow.partition, after, _EVENTS, _BYTES)
            if await self._router.probe(flow, held, queue.endpoint, found, subscriptions):
                return True
            if not held.search.to or self._looks_left <= 0:
                break
        return False


def _offer(flow: PartitionFlow, queue: EndpointQueue, item: DuePending) -> None:
    delivery = Delivery.of_row(item.row, item.event, epoch=flow.lease.epoch)
    delivery.probe = True
    flow.begin(delivery)
    queue.offer(delivery)
