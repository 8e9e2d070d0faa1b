"""Reading ahead: the live tail of a partition, and the ranges of endpoints that fell behind."""

from collections import Counter
from collections.abc import Callable

import structlog

from offhook.clock import Clock
from offhook.delivery.engine.caution import Caution
from offhook.delivery.engine.flow import PartitionFlow
from offhook.delivery.engine.router import Router
from offhook.delivery.ports import DispatchStore
from offhook.delivery.queueing.progress import Range
from offhook.delivery.queueing.queues import EndpointQueue, Queues
from offhook.delivery.subscriptions import OnFault, Subscriptions
from offhook.log.entries import LogSlice
from offhook.log.ports import LogStore
from offhook.model.event import to_ms
from offhook.model.ids import WebhookId

_log = structlog.get_logger(__name__)

_SLICE_EVENTS = 500
_SLICE_BYTES = 4 << 20
_RANGES_A_STEP = 8
_LOOKS_A_STEP = 64
_WORTH_READING = 64
_PAST_ANY_END = 1 << 62


class LogReader:
    """Keeps the queues fed, and the subscriptions as new as what is read. ``on_gone`` is told of
    endpoints that are no more, ``on_left_out`` of those that cannot be loaded any more: what waits
    for them is to be taken out."""

    def __init__(
        self,
        *,
        log: LogStore,
        store: DispatchStore,
        router: Router,
        queues: Queues,
        clock: Clock,
        on_gone: Callable[[WebhookId], None],
        on_left_out: Callable[[EndpointQueue], None],
        on_fault: OnFault,
    ) -> None:
        self._log = log
        self._store = store
        self._router = router
        self._queues = queues
        self._clock = clock
        self._on_gone = on_gone
        self._on_left_out = on_left_out
        self._on_fault = on_fault
        self._turns: Counter[int] = Counter()
        self.subscriptions = Subscriptions(-1, ())

    async def live(self, flow: PartitionFlow) -> bool:
        """Read one slice of the live tail; returns whether there may be more at once."""
        if flow.caution is not None:
            return await self._one_more(flow, flow.caution)
        found = await self._read_on(flow, _SLICE_EVENTS)
        await self._router.live(flow, found.events, self.subscriptions)
        flow.live.read(found.read_to)
        return len(found.events) == _SLICE_EVENTS or _large(found)

    async def ranges(self, flow: PartitionFlow) -> bool:
        """Read on for some of the endpoints that fell behind, in turn; returns whether any did."""
        behind = [(w, held) for w, held in flow.ranges.items() if not held.met]
        turn, fed = self._turns[flow.partition], 0
        for _ in range(min(len(behind), _LOOKS_A_STEP)):
            webhook, held = behind[turn % len(behind)]
            turn += 1
            fed += await self._range(flow, webhook, held)
            if fed >= _RANGES_A_STEP:
                break
        self._turns[flow.partition] = turn
        return fed > 0

    async def follow(self) -> None:
        """Keep the subscriptions new while nothing is read."""
        found = await self._log.read(0, _PAST_ANY_END, 1, 1)
        await self._refresh(found.config_version)

    async def _read_on(self, flow: PartitionFlow, limit: int) -> LogSlice:
        found = await self._log.read(flow.partition, flow.live.read_to, limit, _SLICE_BYTES)
        await self._refresh(found.config_version)
        flow.go_by(self.subscriptions)
        self._hold_left_out(flow)
        return found

    async def _range(self, flow: PartitionFlow, webhook: WebhookId, held: Range) -> bool:
        endpoint = self.subscriptions.endpoints.get(webhook)
        if endpoint is None:
            if webhook in self.subscriptions.left_out:
                return False
            flow.end_range(webhook)
            return True
        queue = self._queues.of(endpoint)
        room = self._router.room(queue)
        worth = room >= _WORTH_READING or (room > 0 and not queue.size)
        if not worth or flow.lanes_bound_reached(webhook) or flow.probing(webhook):
            return False
        # What stands past the live place is the live path's to read.
        end = flow.live.read_to
        found = await self._log.read(flow.partition, held.progress.read_to, room, _SLICE_BYTES)
        events = [event for event in found.events if event.position <= end]
        await self._router.ranged(flow, held, endpoint, events, self.subscriptions)
        held.progress.read(min(found.read_to, end))
        held.met = held.progress.read_to >= end
        return True

    async def _refresh(self, version: int) -> None:
        if version == self.subscriptions.version:
            return
        before = self.subscriptions.left_out
        self.subscriptions = Subscriptions.of(await self._store.webhooks(), self._on_fault)
        for webhook, reason in self.subscriptions.left_out.items():
            if before.get(webhook) != reason:
                _log.error("webhook_left_out", webhook_id=webhook, reason=reason)
        for queue in self._queues.all():
            self._renew(queue)

    def _renew(self, queue: EndpointQueue) -> None:
        webhook = queue.endpoint.id
        current = self.subscriptions.endpoints.get(webhook)
        if current is not None:
            queue.become(current)
            self._queues.look_at(queue)
        elif webhook in self.subscriptions.left_out:
            self._on_left_out(queue)
        else:
            self._on_gone(webhook)

    def _hold_left_out(self, flow: PartitionFlow) -> None:
        """Who cannot be loaded misses nothing: once it can be, it gets what comes from here on."""
        for webhook in self.subscriptions.left_out:
            if not flow.behind(webhook):
                flow.hold(webhook, flow.live.read_to + 1)

    async def _one_more(self, flow: PartitionFlow, caution: Caution) -> bool:
        """Hand over one event, noted before it is handled; set it aside if owners that died had
        noted it too."""
        if not caution.may_read_on(idle=flow.live.idle, now_s=self._clock.monotonic()):
            return False
        found = await self._read_on(flow, 1)
        if not found.events or found.events[0].position > caution.until:
            flow.caution = None
            return True
        position = found.events[0].position
        if caution.condemns(position):
            now_ms = to_ms(self._clock.now())
            await self._router.set_aside(flow, found.events, self.subscriptions, now_ms)
        else:
            await self._store.suspect(flow.partition, flow.lease.epoch, position)
            await self._router.live(flow, found.events, self.subscriptions)
            caution.handed_over_s = self._clock.monotonic()
        flow.live.read(position)
        return True


def _large(found: LogSlice) -> bool:
    """Whether it may have ended for its bytes, with more events behind it: no event has half as
    many."""
    return sum(len(event.data) for event in found.events) > _SLICE_BYTES // 2
