"""Deliveries in memory: per endpoint, one in flight per key, many keys at once."""

from collections import deque
from collections.abc import Callable, Iterable

from offhook.delivery.progress import Progress
from offhook.delivery.subscriptions import Endpoint
from offhook.model.event import LogEvent
from offhook.model.ids import WebhookId

QUEUE_BOUND = 256
LANE_BOUND = 8


class Delivery:
    """One event on its way to one endpoint.

    What vouches for it until it is settled: its row where it is ``pending``, else the ``reader``
    that took it from the log. ``attempts`` counts those made before this one; ``epoch`` is of the
    lease under which it was read: results under an older one are void.
    """

    __slots__ = ("attempts", "epoch", "event", "reader", "since_ms", "webhook")

    def __init__(
        self,
        webhook: WebhookId,
        event: LogEvent,
        *,
        epoch: int,
        reader: Progress | None,
        attempts: int = 0,
        since_ms: int | None = None,
    ) -> None:
        self.webhook = webhook
        self.event = event
        self.epoch = epoch
        self.reader = reader
        self.attempts = attempts
        self.since_ms = event.created_ms if since_ms is None else since_ms

    @property
    def pending(self) -> bool:
        """Whether it came from a row of its own."""
        return self.reader is None


class EndpointQueue:
    """What waits for one endpoint. Order is kept per key where the endpoint asks for it.
    ``closed`` once the endpoint is gone: nothing more is tried then."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.in_flight = 0
        self.closed = False
        self._ready: deque[Delivery] = deque()
        self._lanes: dict[str, deque[Delivery]] = {}
        self._waiting = 0

    @property
    def size(self) -> int:
        """How many wait; those in flight do not count."""
        return self._waiting

    @property
    def room(self) -> int:
        """How many more may wait."""
        return QUEUE_BOUND - self._waiting

    @property
    def sendable(self) -> bool:
        """Whether a permit is free and something may go."""
        return bool(self._ready) and self.in_flight < self.endpoint.max_in_flight

    def lane_full(self, key: str) -> bool:
        """Whether this key has as many waiting in memory as it may."""
        lane = self._lanes.get(key)
        return lane is not None and len(lane) >= LANE_BOUND

    def offer(self, delivery: Delivery) -> None:
        """Queue it, behind what its key already has here."""
        self._waiting += 1
        if not self.endpoint.ordered:
            self._ready.append(delivery)
            return
        lane = self._lanes.get(delivery.event.key)
        if lane is None:
            self._lanes[delivery.event.key] = deque()
            self._ready.append(delivery)
        else:
            lane.append(delivery)

    def take(self) -> Delivery:
        """The next to send; its key is busy until ``pass_on`` or ``cut``."""
        self.in_flight += 1
        self._waiting -= 1
        return self._ready.popleft()

    def pass_on(self, key: str) -> None:
        """The key's delivery is through: its next one may go."""
        self.in_flight -= 1
        lane = self._lanes.get(key)
        if lane:
            self._ready.append(lane.popleft())
        elif lane is not None:
            del self._lanes[key]

    def cut(self, key: str) -> Iterable[Delivery]:
        """The key's delivery failed and will be tried again: take out all that wait behind it."""
        self.in_flight -= 1
        lane = self._lanes.pop(key, None) or ()
        self._waiting -= len(lane)
        return lane

    def drain(self) -> list[Delivery]:
        """Take out all that wait; what is in flight stays."""
        gone = list(self._ready)
        for delivery in self._ready:
            gone.extend(self._lanes.pop(delivery.event.key, ()))
        for lane in self._lanes.values():
            gone.extend(lane)
            lane.clear()
        self._ready.clear()
        self._waiting = 0
        return gone


class Queues:
    """All endpoints' queues; those that may send take turns."""

    def __init__(self) -> None:
        self._queues: dict[WebhookId, EndpointQueue] = {}
        self._turns: deque[EndpointQueue] = deque()
        self._in_turn: set[EndpointQueue] = set()

    def of(self, endpoint: Endpoint) -> EndpointQueue:
        """The endpoint's queue, made when first asked for."""
        queue = self._queues.get(endpoint.id)
        if queue is None:
            queue = self._queues[endpoint.id] = EndpointQueue(endpoint)
        return queue

    def all(self) -> list[EndpointQueue]:
        """Every queue."""
        return list(self._queues.values())

    def size(self) -> int:
        """How many deliveries wait in all."""
        return sum(queue.size for queue in self._queues.values())

    def close(self, webhook: WebhookId) -> list[Delivery]:
        """The endpoint is gone: close its queue, and hand out what waited."""
        queue = self._queues.pop(webhook, None)
        if queue is None:
            return []
        queue.closed = True
        return queue.drain()

    def keep(self, wanted: Callable[[Delivery], bool]) -> None:
        """Throw away what waits and is not wanted any more."""
        for queue in self._queues.values():
            for delivery in queue.drain():
                if wanted(delivery):
                    queue.offer(delivery)
            self.stir(queue)

    def stir(self, queue: EndpointQueue) -> None:
        """Something changed for this queue: give it a turn if it may send."""
        if queue.sendable and queue not in self._in_turn:
            self._in_turn.add(queue)
            self._turns.append(queue)

    def next(self) -> tuple[EndpointQueue, Delivery] | None:
        """The next delivery to send, one from each endpoint in turn; ``None`` if none may go."""
        while self._turns:
            queue = self._turns.popleft()
            self._in_turn.discard(queue)
            if queue.sendable:
                delivery = queue.take()
                self.stir(queue)
                return queue, delivery
        return None
