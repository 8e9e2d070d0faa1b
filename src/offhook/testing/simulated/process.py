"""One process of the engine on a simulated host: what ``offhook serve`` runs, but for its API."""

import asyncio
import random
from dataclasses import dataclass
from typing import TypeVar, cast

from offhook.delivery.engine.announcer import Announcer
from offhook.delivery.engine.dispatcher import Bounds
from offhook.delivery.ports import (
    AnnouncementStore,
    BoundStore,
    DispatchStore,
    FilterStore,
    HealthStore,
    Transport,
    WebhookStore,
)
from offhook.log.appender import Appender
from offhook.log.entries import Topic
from offhook.log.fold import fold
from offhook.log.ports import LeaseStore, LogStore, TimerStore
from offhook.log.running import Runner
from offhook.log.timers import Timers
from offhook.store.contract import Replays
from offhook.testing.engine import make_dispatcher
from offhook.testing.simulated.clocks import HostClock
from offhook.testing.simulated.faulty_store import FaultyPort, Line, Witness
from offhook.testing.simulated.virtual_time import Host

Port = TypeVar("Port")


@dataclass(frozen=True, slots=True)
class Ports:
    """A store as one process reaches it. ``appends`` is of the one partition that SQLite has; the
    rest sees the log in as many as the simulation says."""

    log: LogStore
    appends: LogStore
    leases: LeaseStore
    timers: TimerStore
    dispatch: DispatchStore
    bounds: BoundStore
    health: HealthStore
    announcements: AnnouncementStore
    replays: Replays
    filters: FilterStore
    webhooks: WebhookStore

    def behind(self, line: Line, host: Host, rnd: random.Random, witness: Witness) -> "Ports":
        """The same, as reached over a line."""

        def reach(port: Port) -> Port:
            return cast("Port", FaultyPort(port, line, host, rnd, witness))

        return Ports(
            log=reach(self.log),
            appends=reach(self.appends),
            leases=reach(self.leases),
            timers=reach(self.timers),
            dispatch=reach(self.dispatch),
            bounds=reach(self.bounds),
            health=reach(self.health),
            announcements=reach(self.announcements),
            replays=reach(self.replays),
            filters=reach(self.filters),
            webhooks=self.webhooks,
        )


class Process:
    """Dispatcher, timers, announcer and appender on one host."""

    def __init__(
        self,
        host: Host,
        line: Line,
        clock: HostClock,
        *,
        ports: Ports,
        transport: Transport,
        rnd: random.Random,
        bounds: Bounds,
    ) -> None:
        self.host = host
        self.line = line
        self.clock = clock
        self.stopping = False
        self._wake, self._wake_timers = asyncio.Event(), asyncio.Event()
        self._wake_announcer = asyncio.Event()
        self.appender = Appender(store=ports.appends, fold=fold)
        self._dispatcher = make_dispatcher(
            ports,
            clock,
            transport,
            rnd=rnd,
            owner=host.name,
            wake=self._wake.set,
            bounds=bounds,
        )
        self._timers = Timers(
            store=ports.timers,
            leases=ports.leases,
            appender=self.appender,
            clock=clock,
            owner=host.name,
            lease_s=bounds.lease_s,
        )
        announcer = Announcer(
            store=ports.announcements,
            appender=self.appender,
            partitions=lambda: self._dispatcher.partitions,
        )
        self._announced = Runner(announcer, self._wake_announcer)
        self._deliveries = Runner(self._dispatcher, self._wake)
        self._timed = Runner(self._timers, self._wake_timers)

    @property
    def up(self) -> bool:
        """Whether it runs, or will again."""
        return self.host.alive and not self.stopping

    async def start(self) -> None:
        """Begin; on its host."""
        self.appender.start()
        self._deliveries.start()
        self._timed.start()
        self._announced.start()

    async def stop(self) -> None:
        """End in order; on its host."""
        await self._announced.stop()
        await self.appender.stop()
        await self._timed.stop()
        await self._deliveries.stop()

    def committed(self, topics: frozenset[Topic]) -> None:
        """A commit that this process hears of."""
        if Topic.LEASES in topics:
            self._dispatcher.hasten()
            self._timers.hasten()
            self._wake_timers.set()
        if Topic.REQUESTS in topics:
            self._dispatcher.asked()
        if Topic.REPLAYS in topics:
            self._dispatcher.replay_asked()
        self._wake.set()
