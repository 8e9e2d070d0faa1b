"""Deliveries in memory: per endpoint, one in flight per key, many keys at once.

Times are monotonic seconds.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import chain, count
from math import inf
from typing import assert_never

from offhook.delivery.entries import PendingRow, lane_name
from offhook.delivery.queueing.circuit import Circuit, CircuitState, Pace
from offhook.delivery.queueing.permits import Permits
from offhook.delivery.queueing.progress import Progress
from offhook.delivery.queueing.rate import Starts
from offhook.delivery.subscriptions import Endpoint
from offhook.model.event import LogEvent
from offhook.model.ids import ReplayId, WebhookId

QUEUE_BOUND = 256
LANE_BOUND = 8
UNTRIED_BOUND = 4


class Delivery:
    """One event on its way to one endpoint.

    What vouches for it until it is settled: its row where it is ``pending``, else the ``reader``
    that took it from the log. ``attempts`` counts those made before this one, the first of which
    failed at ``failed_ms``; ``epoch`` is of the lease under which it was read: results under an
    older one are void. ``lane`` names the lane of its key; ``late`` the one that it was let out of,
    or put back into, ``unordered`` if it is out of it. ``replay`` is the job that sends it again.
    A ``probe`` is tried out of its time: if it fails, its row stays as it was.
    """

    __slots__ = (
        "attempts",
        "epoch",
        "event",
        "failed_ms",
        "lane",
        "late",
        "probe",
        "reader",
        "replay",
        "since_ms",
        "unordered",
        "webhook",
    )

    def __init__(
        self,
        webhook: WebhookId,
        event: LogEvent,
        *,
        epoch: int,
        reader: Progress | None,
        attempts: int = 0,
        since_ms: int | None = None,
        replay: ReplayId | None = None,
    ) -> None:
        self.webhook = webhook
        self.event = event
        self.epoch = epoch
        self.reader = reader
        self.attempts = attempts
        self.since_ms = event.created_ms if since_ms is None else since_ms
        self.replay = replay
        self.lane = lane_name(event.key, replay)
        self.failed_ms: int | None = None
        self.late: str | None = None
        self.unordered = False
        self.probe = False

    @classmethod
    def of_row(cls, row: PendingRow, event: LogEvent, *, epoch: int) -> "Delivery":
        """The delivery that a row of its own stands for."""
        delivery = cls(
            row.webhook,
            event,
            epoch=epoch,
            reader=None,
            attempts=row.number,
            since_ms=row.since_ms,
            replay=row.replay,
        )
        delivery.failed_ms, delivery.late = row.failed_ms, row.late
        delivery.unordered = row.lane is None and row.late is not None
        return delivery

    @property
    def pending(self) -> bool:
        """Whether it came from a row of its own."""
        return self.reader is None


@dataclass(frozen=True, slots=True)
class Share:
    """What a process may use of an endpoint's bounds: requests in flight, and starts within the
    rate's window; before ``until_s``."""

    in_flight: int
    starts: int
    until_s: float


NO_SHARE = Share(0, 0, -inf)


class EndpointQueue:
    """What waits for one endpoint. Order is kept per key where the endpoint asks for it.
    ``closed`` once the endpoint is gone: nothing more is tried then. ``share`` is what may be used
    of its bounds; ``None``: all of it."""

    def __init__(
        self, endpoint: Endpoint, *, share: Share | None = None, silent_since: float = -inf
    ) -> None:
        self.endpoint = endpoint
        self.share = share
        self.starts = Starts(silent_since)
        self.circuit = Circuit()
        self.pace = Pace()
        self.in_flight = 0
        self.closed = False
        self._ready: deque[Delivery] = deque()
        self._lanes: dict[str, deque[Delivery]] = {}
        self._out: Counter[str] = Counter()
        self._waiting = 0

    def become(self, endpoint: Endpoint) -> None:
        """The endpoint is as described from now on. At another URL nothing is known of it yet."""
        before, self.endpoint = self.endpoint, endpoint
        if endpoint.url != before.url:
            self.circuit, self.pace = Circuit(), Pace()
        if endpoint.ordered is not before.ordered:
            for delivery in self.drain():
                self.offer(delivery)

    @property
    def size(self) -> int:
        """How many wait; those in flight do not count."""
        return self._waiting

    @property
    def room(self) -> int:
        """How many more may wait: none while the circuit is open, then one to probe with, if it
        is to be one that is due."""
        match self.circuit.state:
            case CircuitState.CLOSED:
                return QUEUE_BOUND - self._waiting
            case CircuitState.HALF_OPEN:
                return 0 if self.circuit.seeks_fresh else 1 - self.in_flight - self._waiting
            case CircuitState.OPEN:
                return 0
            case _:
                assert_never(self.circuit.state)

    @property
    def room_to_read(self) -> int:
        """How many more may be read from the log for it."""
        return self.room if self.circuit.state is CircuitState.CLOSED else 0

    @property
    def room_to_replay(self) -> int:
        """How many more may wait of what replays send: also the one to probe with, if nothing else
        was found, for then nobody would find out that it is back."""
        return self.room if self.circuit.idle else self.room_to_read

    @property
    def hangs(self) -> bool:
        """Whether what is sent to it may take long, as far as is known: beyond the first few to an
        endpoint that has not answered yet, it may."""
        unknown = self.pace.untried and self.in_flight >= UNTRIED_BOUND
        return unknown or self.pace.hangs or self.circuit.state is CircuitState.HALF_OPEN

    @property
    def sendable(self) -> bool:
        """Whether a permit is free and something may go, the rate aside."""
        return bool(self._ready) and self.in_flight < self._permits()

    @property
    def starved(self) -> bool:
        """Whether something waits, and no share was granted."""
        return bool(self._ready) and self.share is NO_SHARE

    def free_at(self, now_s: float) -> float:
        """From when on the rate, the pace and the share's time let one begin."""
        rate, share = self.endpoint.rate_limit, self.share
        if share is not None and now_s >= share.until_s:
            return inf
        paced_s = max(now_s, self.pace.not_before_s)
        if rate is None:
            return paced_s
        allowed = rate.count if share is None else min(rate.count, share.starts)
        return max(paced_s, self.starts.free_at(rate, allowed, now_s))

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
        lane = self._lanes.get(delivery.lane)
        if lane is not None:
            lane.append(delivery)
        elif self._out[delivery.lane]:
            # It was sent while no order was kept.
            self._lanes[delivery.lane] = deque((delivery,))
        else:
            self._lanes[delivery.lane] = deque()
            self._ready.append(delivery)

    def take(self) -> Delivery:
        """The next to send; its key is busy until ``pass_on``, ``cut`` or ``put_back``."""
        self.in_flight += 1
        self._waiting -= 1
        if self.endpoint.rate_limit is not None:
            self.starts.reserve()
        delivery = self._ready.popleft()
        self._out[delivery.lane] += 1
        return delivery

    def begin(self, now_s: float) -> bool:
        """The send that was taken begins now; false if the share that it was taken within is over,
        or has become too small for it."""
        if self.share is not None and not self._covers_taken(self.share, now_s):
            return False
        self.starts.begin(now_s)
        return True

    def put_back(self, delivery: Delivery) -> None:
        """It was taken and never begun: it is the next again."""
        self._come_back(delivery.lane)
        self._waiting += 1
        if self.endpoint.ordered and self._out[delivery.lane]:
            self._lanes.setdefault(delivery.lane, deque()).appendleft(delivery)
        else:
            self._ready.appendleft(delivery)

    def pass_on(self, key: str) -> None:
        """The key's delivery is through: its next one may go, once all of it are that were sent
        while no order was kept."""
        self._come_back(key)
        lane = self._lanes.get(key)
        if self._out[key] and self.endpoint.ordered:
            return
        if lane:
            self._ready.append(lane.popleft())
        elif lane is not None:
            del self._lanes[key]

    def cut(self, key: str) -> Iterable[Delivery]:
        """The key's delivery failed and will be tried again: take out all that wait behind it."""
        self._come_back(key)
        lane = self._lanes.pop(key, None) or ()
        self._waiting -= len(lane)
        return lane

    def _come_back(self, key: str) -> None:
        self.in_flight -= 1
        self._out[key] -= 1
        if self._out[key] <= 0:
            del self._out[key]

    def _covers_taken(self, share: Share, now_s: float) -> bool:
        if now_s >= share.until_s or self.in_flight > share.in_flight:
            return False
        rate = self.endpoint.rate_limit
        return rate is None or self.starts.used(rate, now_s) <= share.starts

    def _permits(self) -> int:
        match self.circuit.state:
            case CircuitState.CLOSED:
                permits = min(self.endpoint.max_in_flight, self.pace.window)
            case CircuitState.HALF_OPEN:
                permits = 1
            case CircuitState.OPEN:
                permits = 0
            case _:
                assert_never(self.circuit.state)
        return permits if self.share is None else min(permits, self.share.in_flight)

    @property
    def replays(self) -> int:
        """How many of those that wait are sent by replays."""
        return sum(it.replay is not None for it in self.waiting())

    def waiting(self) -> Iterable[Delivery]:
        """All that wait."""
        return chain(self._ready, *self._lanes.values())

    def remove(self, unwanted: Callable[[Delivery], bool]) -> list[Delivery]:
        """Take out those that wait and are not wanted any more."""
        removed = []
        for delivery in self.drain():
            if unwanted(delivery):
                removed.append(delivery)
            else:
                self.offer(delivery)
        return removed

    def restart(self, under_way: Sequence[Delivery]) -> None:
        """Nothing waits any more; these were taken and will pass on, or be put back."""
        self._ready.clear()
        self._waiting = 0
        self._lanes = {delivery.lane: deque() for delivery in under_way}
        self._out = Counter(delivery.lane for delivery in under_way)
        self.in_flight = len(under_way)

    def drain(self) -> list[Delivery]:
        """Take out all that wait; what is in flight stays."""
        gone = list(self._ready)
        for delivery in self._ready:
            gone.extend(self._lanes.pop(delivery.lane, ()))
        for lane in self._lanes.values():
            gone.extend(lane)
            lane.clear()
        self._ready.clear()
        self._waiting = 0
        return gone


class Queues:
    """All endpoints' queues; those that may send take turns.

    While ``divided``, other processes send to the same endpoints, and each queue sends only within
    a share that was granted; ``starved`` has those that something waits in without one, in order.
    """

    def __init__(self) -> None:
        self._queues: dict[WebhookId, EndpointQueue] = {}
        self._turns: deque[EndpointQueue] = deque()
        self._slow_turns: deque[EndpointQueue] = deque()
        self._in_turn: dict[EndpointQueue, bool] = {}
        self._later: list[tuple[float, int, EndpointQueue]] = []
        self._put_off: dict[EndpointQueue, float] = {}
        self._ticket = count()
        self._silent_since = -inf
        self.divided = False
        self.starved: dict[EndpointQueue, None] = {}
        self._resting: dict[EndpointQueue, None] = {}
        self._tick_at_s = inf

    @property
    def circuits_open(self) -> int:
        """Endpoints whose circuit is not closed."""
        closed = CircuitState.CLOSED
        return sum(queue.circuit.state is not closed for queue in self._queues.values())

    def of(self, endpoint: Endpoint) -> EndpointQueue:
        """The endpoint's queue, made when first asked for."""
        queue = self._queues.get(endpoint.id)
        if queue is None:
            queue = self._queues[endpoint.id] = EndpointQueue(
                endpoint,
                share=NO_SHARE if self.divided else None,
                silent_since=self._silent_since,
            )
        return queue

    def find(self, webhook: WebhookId) -> EndpointQueue | None:
        """The queue of this endpoint, if there is one."""
        return self._queues.get(webhook)

    def divide(self) -> None:
        """Other processes may send from now on: nothing goes without a share."""
        self.divided = True
        for queue in self._queues.values():
            queue.share = NO_SHARE
            self.stir(queue)

    def unite(self) -> None:
        """This process is alone: every bound is its own."""
        self.divided = False
        self.starved.clear()
        for queue in self._queues.values():
            queue.share = None
            self.stir(queue)

    def silence(self, now_s: float) -> None:
        """Somebody who died may have begun sends until now: rates wait for a window."""
        self._silent_since = now_s
        for queue in self._queues.values():
            queue.starts.silent_since = now_s

    def all(self) -> list[EndpointQueue]:
        """Every queue."""
        return list(self._queues.values())

    def pressing(self, now_s: float) -> bool:
        """Whether any delivery waits that its endpoint's pace would let go now."""
        return any(
            queue.size and queue.pace.not_before_s <= now_s for queue in self._queues.values()
        )

    def size(self) -> int:
        """How many deliveries wait in all."""
        return sum(queue.size for queue in self._queues.values())

    def waiting(self) -> Iterable[Delivery]:
        """All deliveries that wait."""
        return chain.from_iterable(queue.waiting() for queue in self._queues.values())

    def close(self, webhook: WebhookId) -> list[Delivery]:
        """The endpoint is gone: close its queue, and hand out what waited."""
        queue = self._queues.pop(webhook, None)
        if queue is None:
            return []
        queue.closed = True
        self.starved.pop(queue, None)
        self._resting.pop(queue, None)
        return queue.drain()

    def keep(self, wanted: Callable[[Delivery], bool]) -> None:
        """Throw away what waits and is not wanted any more."""
        for queue in self._queues.values():
            for delivery in queue.drain():
                if wanted(delivery):
                    queue.offer(delivery)
            self.stir(queue)

    def restart(self, under_way: Mapping[EndpointQueue, Sequence[Delivery]]) -> None:
        """Forget what waits and who has a turn. What is still under way keeps its place and its
        key, and only that: nothing that memory had wrong is left."""
        for turns in (self._turns, self._slow_turns, self._in_turn, self._later, self._put_off):
            turns.clear()
        self.starved.clear()
        for queue in self._queues.values():
            queue.restart(under_way.get(queue, ()))

    def stir(self, queue: EndpointQueue) -> None:
        """Something changed for this queue: give it a turn if it may send."""
        if queue.sendable:
            slow = queue.hangs
            if self._in_turn.get(queue) is not slow:
                # Where it stood among the others before, it is passed over.
                self._in_turn[queue] = slow
                (self._slow_turns if slow else self._turns).append(queue)
        elif queue.starved:
            self.starved[queue] = None

    def next(
        self, now_s: float, permits: Permits | None = None
    ) -> tuple[EndpointQueue, Delivery] | None:
        """The next delivery to send, one from each endpoint in turn; ``None`` if none may go.
        Endpoints that hang take turns of their own, for permits of their own."""
        if self._later:
            self.due_in_s(now_s)
        for turns, slow in ((self._turns, False), (self._slow_turns, True)):
            while turns and (permits is None or permits.free(slow=slow)):
                queue = turns.popleft()
                if self._in_turn.get(queue) is not slow:
                    continue
                del self._in_turn[queue]
                if queue.hangs is slow and self._may_go(queue, now_s):
                    delivery = queue.take()
                    queue.pace.started(now_s)
                    self.stir(queue)
                    return queue, delivery
                if queue.hangs is not slow:
                    self.stir(queue)
        return None

    def tick(self, now_s: float) -> None:
        """Let probes through whose time has come."""
        if now_s < self._tick_at_s:
            return
        for queue in [it for it in self._resting if it.circuit.state is CircuitState.CLOSED]:
            del self._resting[queue]
        for queue in self._resting:
            queue.circuit.tick(now_s)
            self.stir(queue)
        self._tick_at_s = min((it.circuit.due_s for it in self._resting), default=inf)

    def look_at(self, queue: EndpointQueue) -> None:
        """Something changed for a queue, or was chosen for it, or is to be in a while."""
        self._tick_at_s = min(self._tick_at_s, queue.circuit.due_s)
        self.stir(queue)

    def had_its_turn(self, queue: EndpointQueue) -> None:
        """Something was chosen for a queue to probe with, or looked for: now it is the others'
        turn."""
        if queue in self._resting:
            del self._resting[queue]
            self._resting[queue] = None
        self.look_at(queue)

    def rest(self, queue: EndpointQueue) -> list[Delivery]:
        """The endpoint's circuit has opened: hand out what waited."""
        self._resting[queue] = None
        self._tick_at_s = min(self._tick_at_s, queue.circuit.due_s)
        return queue.drain()

    def unprobed(self) -> list[EndpointQueue]:
        """Endpoints that something is to be chosen for, to probe with; in turn."""
        return [
            queue
            for queue in self._resting
            if queue.circuit.may_choose and not queue.in_flight and not queue.size
        ]

    def full(self) -> list[WebhookId]:
        """Endpoints that nothing more may wait for now."""
        return [webhook for webhook, queue in self._queues.items() if queue.room <= 0]

    def due_in_s(self, now_s: float) -> float:
        """Seconds until a queue that its rate or its circuit holds back may go on; those that may
        now get a turn."""
        while self._later:
            due_s, _, queue = self._later[0]
            if self._put_off.get(queue) == due_s:
                if due_s > now_s:
                    return min(due_s, self._tick_at_s) - now_s
                del self._put_off[queue]
                self.stir(queue)
            heappop(self._later)
        return self._tick_at_s - now_s

    def _may_go(self, queue: EndpointQueue, now_s: float) -> bool:
        if not queue.sendable:
            return False
        free_at = queue.free_at(now_s)
        if free_at > now_s:
            self._put_off_to(queue, free_at)
        return free_at <= now_s

    def _put_off_to(self, queue: EndpointQueue, due_s: float) -> None:
        if due_s < self._put_off.get(queue, inf):
            self._put_off[queue] = due_s
            heappush(self._later, (due_s, next(self._ticket), queue))
