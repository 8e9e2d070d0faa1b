"""Lanes that are held too long: an endpoint accepts others and refuses one event alone."""

from collections.abc import Collection, Iterator

from offhook.clock import Clock
from offhook.delivery.engine.flow import PartitionFlow
from offhook.delivery.entries import LaneAge
from offhook.delivery.ports import DispatchStore
from offhook.delivery.subscriptions import Subscriptions
from offhook.model.event import to_ms

_EVERY_S = 1.0
_AT_ONCE = 200


class Releaser:
    """Looks every second for lanes to let go, by each endpoint's ``max_hold_s``."""

    def __init__(self, *, store: DispatchStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._next_s = 0.0

    async def run(self, flows: Collection[PartitionFlow], subscriptions: Subscriptions) -> None:
        """Let go what is held too long, if it is time to look."""
        now_s = self._clock.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + _EVERY_S
        asked = [age for flow in flows for age in self._ages(flow, subscriptions)]
        if not asked:
            return
        flow_of = {flow.partition: flow for flow in flows}
        for partition, lane in await self._store.overheld(asked, _AT_ONCE):
            flow_of[partition].changes.release(lane)

    def _ages(self, flow: PartitionFlow, subscriptions: Subscriptions) -> Iterator[LaneAge]:
        now_ms = to_ms(self._clock.now())
        for webhook in flow.with_closed_lanes():
            endpoint = subscriptions.endpoints.get(webhook)
            if endpoint is not None:
                yield LaneAge(flow.partition, webhook, now_ms - endpoint.max_hold_ms)
