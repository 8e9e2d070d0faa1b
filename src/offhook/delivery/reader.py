"""Reading ahead: the live tail of a partition, and the ranges of endpoints that fell behind."""

from collections.abc import Callable

from offhook.delivery.entries import PendingState
from offhook.delivery.flow import PartitionFlow
from offhook.delivery.ports import DispatchStore
from offhook.delivery.progress import Range
from offhook.delivery.queues import Delivery, Queues
from offhook.delivery.router import Router
from offhook.delivery.subscriptions import Subscriptions, endpoint_of
from offhook.log.ports import LogStore
from offhook.model.event import LogEvent
from offhook.model.ids import WebhookId

_SLICE_EVENTS = 500
_SLICE_BYTES = 4 << 20
_RANGES_A_STEP = 8
_WORTH_READING = 64
_DEADLY_TAKEOVERS = 5


class LogReader:
    """Keeps the queues fed, and the subscriptions as new as what is read."""

    def __init__(
        self,
        *,
        log: LogStore,
        store: DispatchStore,
        router: Router,
        queues: Queues,
        on_gone: Callable[[WebhookId], None],
    ) -> None:
        self._log = log
        self._store = store
        self._router = router
        self._queues = queues
        self._on_gone = on_gone
        self._turn = 0
        self.subscriptions = Subscriptions(-1, ())

    async def live(self, flow: PartitionFlow) -> bool:
        """Read one slice of the live tail; returns whether there may be more at once."""
        if flow.careful:
            return await self._one_by_one(flow)
        return await self._slice(flow, _SLICE_EVENTS)

    async def ranges(self, flow: PartitionFlow) -> bool:
        """Read on for some of the endpoints that fell behind, in turn; returns whether any did."""
        behind = [(w, held) for w, held in flow.ranges.items() if not held.met]
        fed = False
        for step in range(min(len(behind), _RANGES_A_STEP)):
            webhook, held = behind[(self._turn + step) % len(behind)]
            fed |= await self._range(flow, webhook, held)
        self._turn += _RANGES_A_STEP
        return fed

    async def _slice(self, flow: PartitionFlow, limit: int) -> bool:
        found = await self._log.read(flow.partition, flow.live.read_to, limit, _SLICE_BYTES)
        await self._refresh(found.config_version)
        if flow.careful and found.events and await self._deadly(flow, found.events[0]):
            return True
        await self._router.live(flow, found.events, self.subscriptions)
        flow.live.read(found.read_to)
        return len(found.events) == limit

    async def _range(self, flow: PartitionFlow, webhook: WebhookId, held: Range) -> bool:
        endpoint = self.subscriptions.endpoints.get(webhook)
        if endpoint is None:
            flow.end_range(webhook)
            return True
        room = self._queues.of(endpoint).room
        if room < _WORTH_READING or flow.lanes_bound_reached(webhook):
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
        snapshot = await self._store.webhooks()
        endpoints = [endpoint_of(stored) for stored in snapshot.webhooks]
        self.subscriptions = Subscriptions(snapshot.config_version, endpoints)
        for queue in self._queues.all():
            current = self.subscriptions.endpoints.get(queue.endpoint.id)
            if current is None:
                self._on_gone(queue.endpoint.id)
            else:
                queue.endpoint = current
                self._queues.stir(queue)

    async def _one_by_one(self, flow: PartitionFlow) -> bool:
        if not flow.live.idle:
            return False
        if flow.live.done_to() > flow.lease.cursor + _SLICE_EVENTS:
            flow.careful = False
        return await self._slice(flow, 1)

    async def _deadly(self, flow: PartitionFlow, event: LogEvent) -> bool:
        """Note the event before it is handled; give it up if it was noted by owners that died."""
        known = flow.suspect == event.position and flow.lease.takeovers >= _DEADLY_TAKEOVERS
        if not known:
            await self._store.suspect(flow.partition, flow.lease.epoch, event.position)
            return False
        for endpoint in self.subscriptions.match(event):
            delivery = Delivery(endpoint.id, event, epoch=flow.lease.epoch, reader=flow.live)
            flow.begin(delivery)
            why = "internal: the process died each time it handled this event"
            flow.park(delivery, endpoint, PendingState.FAILED, why, attempts=0)
        flow.live.read(event.position)
        return True
