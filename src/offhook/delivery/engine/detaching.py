"""What waits long for one endpoint must not hold back the cursor, which stands for all."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from itertools import chain
from math import inf

from offhook.clock import Clock
from offhook.delivery.engine.flow import PartitionFlow
from offhook.delivery.engine.sending import Sends
from offhook.delivery.queueing.progress import Progress
from offhook.delivery.queueing.queues import Delivery, Queues
from offhook.model.ids import WebhookId

LONG_S = 5.0
"""How often it is looked: what is under way live since the look before has waited for long."""


class Detacher:
    """Has ranges vouch for what endpoints are slow to take, in place of the live reader.

    A rate, a bound on what is in flight, or slow answers can make an endpoint take hours for what
    waits for it in memory. That stays where it is, in its order: all that changes is whose place
    in the log it keeps, so that a burst costs one row at most.
    """

    def __init__(self, *, queues: Queues, sends: Sends, clock: Clock) -> None:
        self._queues = queues
        self._sends = sends
        self._clock = clock
        self._look_at_s = -inf

    def run(self, flows: Collection[PartitionFlow]) -> None:
        """Look, if it is time to, who holds back the cursor since the last look."""
        now_s = self._clock.monotonic()
        if now_s < self._look_at_s:
            return
        self._look_at_s = now_s + LONG_S
        pinned = {flow.live: flow for flow in flows if flow.pinned}
        if pinned:
            self._detach(pinned)
        for flow in flows:
            flow.age()

    def _detach(self, pinned: Mapping[Progress, PartitionFlow]) -> None:
        slow = defaultdict[tuple[PartitionFlow, WebhookId], list[Delivery]](list)
        sent = self._sends.under_way().values()
        for delivery in chain(self._queues.waiting(), *sent):
            flow = None if delivery.reader is None else pinned.get(delivery.reader)
            if flow is not None:
                slow[flow, delivery.webhook].append(delivery)
        for (flow, webhook), deliveries in slow.items():
            if any(flow.is_old(delivery.event.position) for delivery in deliveries):
                flow.detach(webhook, deliveries)
