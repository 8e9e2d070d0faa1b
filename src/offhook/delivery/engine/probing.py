"""Choosing what to probe with: an endpoint whose circuit is half open, and nothing of it is due."""

from collections.abc import Collection, Iterable, Sequence
from enum import Enum, auto
from math import inf

from offhook.clock import Clock
from offhook.delivery.engine.flow import PartitionFlow
from offhook.delivery.engine.router import Router
from offhook.delivery.entries import DuePending, PendingRow
from offhook.delivery.ports import DispatchStore
from offhook.delivery.queueing.progress import Range
from offhook.delivery.queueing.queues import Delivery, EndpointQueue, Queues
from offhook.delivery.subscriptions import Endpoint, Subscriptions
from offhook.log.ports import LogStore
from offhook.model.ids import WebhookId

_EVENTS = 200
_BYTES = 1 << 20
_ENDPOINTS_A_STEP = 64
_LOOKS_A_STEP = 64
_LOOKS_A_TURN = 16
_LONGEST_LOOK_S = 0.02
_REST = 4.0
"""For each second of looking in vain, so many are left to others."""


class Look(Enum):
    """What came of looking into the log."""

    FOUND = auto()
    NOTHING = auto()
    """There is nothing in all that the endpoint is behind with."""
    NOT_YET = auto()
    """There was nothing as far as was looked."""
    LATER = auto()
    """It is others' turn: nothing was looked at."""


class Prober:
    """Takes, in turn, what failed before (out of its time, without counting if it fails again, and
    another one each time) and the next event of a key that nothing of failed: if that is accepted,
    the endpoint is well and refuses one event alone. Else that one has a row, which is all that a
    probe ever costs. Where there is neither, a replay may probe.

    That event may stand far on in the log, behind many that the endpoint does not want or that
    wait behind what failed: each turn goes on looking where the last one ended. Looking in vain
    leaves most of the time to others.

    However many endpoints wait for a probe, after an outage of our own say, a step chooses for 64
    at most and looks into the log as often at most, so that leases are renewed meanwhile.
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
        self._vain_s = 0.0
        self._rest_until_s = -inf
        self._first = 0

    def due_in_s(self) -> float:
        """Seconds until it goes on after looking in vain."""
        left_s = self._rest_until_s - self._clock.monotonic()
        return left_s if left_s > 0 else inf

    async def run(self, flows: Sequence[PartitionFlow], subscriptions: Subscriptions) -> bool:
        """Queue probes for endpoints that wait for one; returns whether more of them do."""
        known = subscriptions.endpoints.keys()
        waiting = [it for it in self._queues.unprobed() if it.endpoint.id in known]
        if not waiting or not flows or self._clock.monotonic() < self._rest_until_s:
            return False
        turn, more = waiting[:_ENDPOINTS_A_STEP], len(waiting) > _ENDPOINTS_A_STEP
        firsts = await self._firsts(flows, turn)
        self._looks_left, self._vain_s = _LOOKS_A_STEP, 0.0
        for queue in turn:
            more |= await self._serve(flows, queue, firsts.get(queue.endpoint.id), subscriptions)
        if self._vain_s:
            self._rest_until_s = self._clock.monotonic() + _REST * self._vain_s
        return more

    async def _firsts(
        self, flows: Collection[PartitionFlow], queues: Sequence[EndpointQueue]
    ) -> dict[WebhookId, DuePending]:
        """What failed before of each of these, in one question for all."""
        webhooks = {queue.endpoint.id for queue in queues}
        busy = [
            (it, flow.partition, at) for flow in flows for it, at in flow.busy if it in webhooks
        ]
        tried = [(queue.endpoint.id, *place) for queue in queues for place in queue.circuit.tried]
        partitions = [flow.partition for flow in flows]
        found = await self._store.first_due(partitions, webhooks, busy + tried)
        return {item.row.webhook: item for item in found}

    async def _serve(
        self,
        flows: Sequence[PartitionFlow],
        queue: EndpointQueue,
        item: DuePending | None,
        subscriptions: Subscriptions,
    ) -> bool:
        """Queue a probe for this endpoint, or see that there is none; returns whether it is to be
        gone on with at once."""
        circuit, look = queue.circuit, Look.FOUND
        flow = None if item is None else _whose(flows, item.row, queue.endpoint)
        if item is not None and flow is not None and not circuit.seeks_fresh:
            _offer(flow, queue, item)
        else:
            look = await self._look(flows, queue, subscriptions)
        if look is Look.LATER:
            return True
        if item is not None and flow is None:
            circuit.others_before(item.row.partition, item.row.position)
        goes_on = look is Look.NOT_YET and flow is None
        if goes_on:
            circuit.look_on()
        elif look is not Look.FOUND:
            circuit.found_none(self._clock.monotonic(), idle=look is Look.NOTHING)
        if item is None:
            # All of it was tried: it begins with the first again.
            circuit.tried.clear()
        self._queues.had_its_turn(queue)
        return goes_on

    async def _look(
        self, flows: Sequence[PartitionFlow], queue: EndpointQueue, subscriptions: Subscriptions
    ) -> Look:
        """Look for an event that was not tried yet, in each partition by turns."""
        self._first = (self._first + 1) % len(flows)
        in_turn = [*flows[self._first :], *flows[: self._first]]
        ranges = [(flow, held) for flow in in_turn if (held := _behind(flow, queue.endpoint.id))]
        if all(held.search.over for _, held in ranges):
            for _, held in ranges:
                held.seek_anew()
        looked = False
        for _ in range(_LOOKS_A_TURN):
            left = [it for it in ranges if not it[1].met and not it[1].search.over]
            for flow, held in left:
                if self._looks_left <= 0 or self._vain_s >= _LONGEST_LOOK_S:
                    return Look.NOT_YET if looked else Look.LATER
                looked = True
                if await self._found(flow, held, queue.endpoint, subscriptions):
                    return Look.FOUND
        if any(not held.met and not held.search.over for _, held in ranges):
            return Look.NOT_YET
        return Look.NOTHING

    async def _found(
        self, flow: PartitionFlow, held: Range, endpoint: Endpoint, subscriptions: Subscriptions
    ) -> bool:
        began_s, end = self._clock.monotonic(), flow.live.read_to
        self._looks_left -= 1
        after = held.seek_from(endpoint.revision, end)
        found = await self._log.read(flow.partition, after, _EVENTS, _BYTES)
        if await self._router.probe(flow, held, endpoint, found, subscriptions):
            return True
        self._vain_s += self._clock.monotonic() - began_s
        return False


def _behind(flow: PartitionFlow, webhook: WebhookId) -> Range | None:
    """What the endpoint has still to read of a partition."""
    held = flow.ranges.get(webhook)
    if held is None or held.met or held.progress.read_to >= flow.live.read_to:
        return None
    return held


def _whose(
    flows: Iterable[PartitionFlow], row: PendingRow, endpoint: Endpoint
) -> PartitionFlow | None:
    """Whose the row is; ``None`` where an earlier one of its lane may be left to be sent."""
    for flow in flows:
        if flow.partition == row.partition and not flow.probes_too_soon(row, endpoint.revision):
            return flow
    return None


def _offer(flow: PartitionFlow, queue: EndpointQueue, item: DuePending) -> None:
    row = item.row
    delivery = Delivery.of_row(row, item.event, epoch=flow.lease.epoch)
    delivery.probe = True
    queue.circuit.others_before(row.partition, row.position)
    flow.begin(delivery)
    queue.offer(delivery)
