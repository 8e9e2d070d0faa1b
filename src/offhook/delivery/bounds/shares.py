"""What one process has to ask for of endpoints' bounds, and what it was granted. Pure.

Times are monotonic seconds. A grant counts from before it was asked for, as a lease does.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf

from offhook.delivery.bounds.sharing import SLICE_MS, BoundAsk, BoundGrant, BoundKind
from offhook.delivery.queueing.queues import NO_SHARE, EndpointQueue, Queues, Share

TICK_S = 1.0
_SLICE_S = SLICE_MS / 1000
_WAITING_S = 0.1
_HANDING_OVER_S = 0.05
_IDLE_S = 3.0


@dataclass(slots=True)
class _Standing:
    """An endpoint of which this process has, or wants, a share."""

    queue: EndpointQueue
    active_s: float
    due_s: float = -inf
    handing_over_s: float = _HANDING_OVER_S


class Shares:
    """The shares of one process, renewed before they run out and let go when nothing needs them."""

    def __init__(self, queues: Queues, ttl_s: float) -> None:
        self._queues = queues
        self._ttl_s = ttl_s
        self._standings: dict[EndpointQueue, _Standing] = {}
        self._next_s = inf

    def divide(self, now_s: float) -> bool:
        """Others are about to send too: whatever is in use has to be asked for; false: nothing."""
        self._queues.divide()
        self._standings = {
            queue: _Standing(queue, now_s) for queue in self._queues.all() if _in_use(queue, now_s)
        }
        self._reckon()
        return bool(self._standings)

    def unite(self) -> None:
        """There is nobody to share with."""
        self._queues.unite()
        self._standings.clear()
        self._next_s = inf

    def due_in_s(self, now_s: float) -> float:
        """Seconds until something is to be asked."""
        return 0.0 if self._queues.starved else max(0.0, self._next_s - now_s)

    def asks(self, now_s: float) -> list[BoundAsk]:
        """All that is due to be asked now."""
        while self._queues.starved:
            queue, _ = self._queues.starved.popitem()
            self._standings.setdefault(queue, _Standing(queue, now_s))
            self._reckon()
        if now_s < self._next_s:
            return []
        self._forget_replaced()
        due = [standing for standing in self._standings.values() if standing.due_s <= now_s]
        return [ask for standing in due for ask in _asks(standing, now_s)]

    def granted(
        self, asks: Sequence[BoundAsk], grants: Sequence[BoundGrant], asked_s: float
    ) -> None:
        """The answer to what was asked at ``asked_s``."""
        of = {(grant.webhook, grant.kind): grant for grant in grants}
        for ask in asks:
            if ask.kind is not BoundKind.IN_FLIGHT:
                continue
            queue = self._queues.find(ask.webhook)
            standing = None if queue is None else self._standings.get(queue)
            if standing is None:
                continue
            rate = of.get((ask.webhook, BoundKind.RATE))
            self._grant(standing, ask, of[ask.webhook, ask.kind], rate, asked_s)
        self._forget_closed()

    def unanswered(self, asks: Sequence[BoundAsk], now_s: float) -> None:
        """Nobody knows what became of them: until the next answer nothing more is used than was
        used then, and nothing for longer than it was granted."""
        used = {(ask.webhook, ask.kind): ask.used for ask in asks}
        for standing in self._standings.values():
            queue = standing.queue
            in_flight = used.get((queue.endpoint.id, BoundKind.IN_FLIGHT))
            if in_flight is None:
                continue
            starts = used.get((queue.endpoint.id, BoundKind.RATE), 0)
            if queue.share is not None and queue.share is not NO_SHARE:
                queue.share = Share(
                    min(queue.share.in_flight, in_flight),
                    min(queue.share.starts, starts),
                    queue.share.until_s,
                )
            standing.due_s = now_s + TICK_S
        self._reckon()

    def last_asks(self, now_s: float) -> list[BoundAsk]:
        """What to say before the process goes: it wants nothing more, and this is what it began."""
        self._forget_replaced()
        began = (it for it in self._queues.all() if _began(it, now_s))
        queues = dict.fromkeys((*self._standings, *began))
        return [ask for queue in queues for ask in _asks_of(queue, 0, 0, now_s)]

    def _grant(
        self,
        standing: _Standing,
        ask: BoundAsk,
        grant: BoundGrant,
        rate: BoundGrant | None,
        asked_s: float,
    ) -> None:
        queue = standing.queue
        if not ask.wanted:
            queue.share = NO_SHARE
            del self._standings[queue]
        else:
            starts = 0 if rate is None else rate.allowed
            queue.share = Share(grant.allowed, starts, asked_s + self._ttl_s)
            standing.due_s = asked_s + _pause_s(standing, ask, grant, rate)
        self._queues.stir(queue)

    def _forget_closed(self) -> None:
        for queue in [queue for queue in self._standings if queue.closed]:
            del self._standings[queue]
        self._reckon()

    def _forget_replaced(self) -> None:
        """An endpoint that was enabled again before what it had was answered for has another queue:
        of one endpoint one thing is asked."""
        for queue in [queue for queue in self._standings if queue.closed]:
            if self._queues.find(queue.endpoint.id) is not None:
                del self._standings[queue]

    def _reckon(self) -> None:
        self._next_s = _earliest(self._standings.values())


def _asks(standing: _Standing, now_s: float) -> Iterable[BoundAsk]:
    queue = standing.queue
    busy = queue.in_flight + queue.size
    if busy:
        standing.active_s = now_s
    lately = now_s < standing.active_s + _IDLE_S
    return _asks_of(queue, queue.in_flight, busy or int(lately), now_s)


def _asks_of(queue: EndpointQueue, in_flight: int, wanted: int, now_s: float) -> Iterable[BoundAsk]:
    endpoint = queue.endpoint
    yield BoundAsk(endpoint.id, BoundKind.IN_FLIGHT, endpoint.max_in_flight, wanted, in_flight)
    if (rate := endpoint.rate_limit) is not None:
        used = queue.starts.used(rate, now_s)
        yield BoundAsk(endpoint.id, BoundKind.RATE, rate.count, wanted, used, rate.window_s)


def _in_use(queue: EndpointQueue, now_s: float) -> bool:
    return bool(queue.in_flight or queue.size) or _began(queue, now_s)


def _began(queue: EndpointQueue, now_s: float) -> bool:
    rate = queue.endpoint.rate_limit
    return rate is not None and queue.starts.used(rate, now_s) > 0


def _pause_s(
    standing: _Standing, ask: BoundAsk, grant: BoundGrant, rate: BoundGrant | None
) -> float:
    """How soon to ask again: each second; sooner to take a turn or to give one up, and to hand over
    what is still in use of a share that shrank, less and less often while it stays so."""
    grants = [grant] if rate is None else [grant, rate]
    pause_s = TICK_S
    if any(it.crowded for it in grants):
        pause_s = _SLICE_S
    if not all(it.allowed for it in grants):
        pause_s = _waiting_s(standing.queue)
    if grant.allowed < ask.used:
        pause_s = min(pause_s, standing.handing_over_s)
        standing.handing_over_s = min(standing.handing_over_s * 2, TICK_S)
    else:
        standing.handing_over_s = _HANDING_OVER_S
    return pause_s


def _waiting_s(queue: EndpointQueue) -> float:
    """Who waits for its turn looks often, but of a slow rate not in vain."""
    rate = queue.endpoint.rate_limit
    return _WAITING_S if rate is None else min(max(_WAITING_S, rate.window_s / 20), 2 * _SLICE_S)


def _earliest(standings: Iterable[_Standing]) -> float:
    return min((standing.due_s for standing in standings), default=inf)
