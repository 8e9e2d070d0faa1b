"""Keeping to endpoints' bounds together with the other processes."""

from collections.abc import Sequence

import structlog

from offhook.clock import Clock
from offhook.delivery.bounds.shares import TICK_S, Shares
from offhook.delivery.bounds.sharing import BoundAsk
from offhook.delivery.ports import BoundStore
from offhook.delivery.queueing.queues import Queues

_log = structlog.get_logger(__name__)


class Bounding:
    """Whoever holds all partitions has every bound whole, once nobody's share counts any more, and
    asks nobody. Otherwise each endpoint's queue sends only within a share that the store granted.

    All is done between sends: while the store is asked, nothing is begun.
    """

    def __init__(
        self, *, store: BoundStore, queues: Queues, clock: Clock, owner: str, ttl_s: float
    ) -> None:
        self._store = store
        self._queues = queues
        self._clock = clock
        self._owner = owner
        self._ttl_s = ttl_s
        self._shares = Shares(queues, ttl_s)
        self._looked_s = float("-inf")
        self._unregistered = False
        self._shares.divide(clock.monotonic())

    @property
    def registered(self) -> bool:
        """Whether the store knows all that this process uses, so that it may let partitions go."""
        return self._queues.divided and not self._unregistered

    def due_in_s(self) -> float:
        """Seconds until there is something to ask."""
        return self._shares.due_in_s(self._clock.monotonic()) if self._queues.divided else TICK_S

    async def run(self, *, holds_all: bool) -> None:
        """Ask what is due; ``holds_all`` says whether all partitions are this process's to keep."""
        now_s = self._clock.monotonic()
        if holds_all:
            await self._try_alone(now_s)
        else:
            self.part()
        asks = self._shares.asks(now_s) if self._queues.divided else []
        if asks:
            await self._ask(asks, now_s)

    def part(self) -> None:
        """Others may hold partitions from now on: what was this process's whole is so no more."""
        if not self._queues.divided:
            self._unregistered = self._shares.divide(self._clock.monotonic())

    def begin_anew(self) -> None:
        """The first partition is gained: what this process might use before is void, be it shares
        or all. Whoever held all partitions meanwhile had every bound whole, and asked nobody."""
        self._unregistered = self._shares.divide(self._clock.monotonic())

    async def finish(self) -> None:
        """Leave to others what this process does not need any more."""
        asks = self._shares.last_asks(self._clock.monotonic())
        if asks:
            await self._store.share(self._owner, asks, self._ttl_s)

    async def _try_alone(self, now_s: float) -> None:
        if not self._queues.divided or now_s < self._looked_s + TICK_S:
            return
        self._looked_s = now_s
        try:
            alone = await self._store.alone(self._owner)
        except Exception as error:  # noqa: BLE001 - until it is known, shares are asked for
            _log.warning("bounds_not_known", error=repr(error))
            return
        if alone:
            self._shares.unite()

    async def _ask(self, asks: Sequence[BoundAsk], now_s: float) -> None:
        try:
            grants = await self._store.share(self._owner, asks, self._ttl_s)
        except Exception as error:  # noqa: BLE001 - what was granted before runs out by itself
            _log.warning("bounds_not_shared", error=repr(error))
            self._shares.unanswered(asks, now_s)
            return
        self._unregistered = False
        self._shares.granted(asks, grants, now_s)
