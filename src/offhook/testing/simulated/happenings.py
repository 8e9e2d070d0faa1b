"""What may happen in a life, one method each; which of it does, and when, the dice say."""

import asyncio
import random
from collections.abc import Awaitable, Callable

from offhook.delivery.replays.entries import ReplayScope
from offhook.signing.secret import make_secret
from offhook.testing.simulated.clients import Clients
from offhook.testing.simulated.faulty_store import Trap
from offhook.testing.simulated.moods import Mood
from offhook.testing.simulated.plan import KEYS, NAMES, PATIENT, Kind, endpoint
from offhook.testing.simulated.process import Process
from offhook.testing.simulated.world import World

_FOR_A_WHILE = tuple(mood for mood in Mood if mood is not Mood.GONE)
_LATE = ("late", "later", "last")


class Happenings:
    """Lets things happen to a world."""

    def __init__(self, world: World, clients: Clients, rnd: random.Random) -> None:
        self._world = world
        self._clients = clients
        self._rnd = rnd
        self._fickle = NAMES[-1]
        self._over = False

    async def begin(self) -> None:
        """Make the first endpoints and processes."""
        plan = self._world.plan
        for name in NAMES[: self._rnd.randint(1, len(NAMES))]:
            await self._subscribe(name)
        for _ in range(plan.processes):
            self._world.start_process()

    async def live(self) -> None:
        """Let the time of the plan pass, and things happen."""
        plan, loop = self._world.plan, self._world.loop
        names, weights = list(plan.weights), list(plan.weights.values())
        while loop.time() < plan.lasts_s:
            await asyncio.sleep(self._rnd.expovariate(1 / plan.every_s))
            name = self._rnd.choices(names, weights)[0]
            happens: Callable[[], Awaitable[None]] = getattr(self, name)
            await happens()

    async def end_all_troubles(self) -> None:
        """From here on all is well."""
        self._over, world = True, self._world
        world.trace.tell("all is well from here on")
        world.receivers.get_well()
        for process in world.up:
            process.line.get_well()
            process.line.trap = None
            process.host.wake(world.loop)
        if not world.up:
            world.start_process()
        world.disturb()

    async def post(self) -> None:
        """Some events."""
        most = 25 if self._world.plan.kind is Kind.BACKLOG else 5
        self._clients.post(self._rnd.randint(1, most))

    async def call(self) -> None:
        """A call, which settles by itself later."""
        self._clients.call()

    async def endpoint_changes_mood(self) -> None:
        """It behaves in another way from now on."""
        name, mood = self._endpoint(), self._rnd.choice(_FOR_A_WHILE)
        self._world.receivers.become(name, mood)
        self._world.trace.tell(f"{name} is {mood}")

    async def endpoint_gets_well(self) -> None:
        """It takes everything again."""
        name = self._endpoint()
        self._world.receivers.become(name, Mood.FINE)
        self._world.trace.tell(f"{name} is well")

    async def endpoint_refuses_a_key(self) -> None:
        """Or no longer."""
        self._world.receivers.refuse_or_not(self._endpoint(), self._rnd.choice(KEYS))
        self._world.trace.tell(f"refused now: {sorted(self._world.receivers.refused_keys)}")

    async def endpoint_refuses_a_key_for_long(self) -> None:
        """While it takes all else, and there is more of that key."""
        name, key = self._endpoint(), self._rnd.choice(KEYS)
        await self._world.change(name, max_hold_s=self._rnd.choice([3, 10]), retry=PATIENT)
        self._world.receivers.refuse_alone(name, key, for_s=60)
        self._world.trace.tell(f"{name} refuses {key} alone")
        for after_s in range(0, 60, 5):
            self._world.loop.call_later(after_s, self._post_of, (key, *KEYS[:6]))

    async def endpoint_is_gone(self) -> None:
        """It answers 410."""
        name = self._endpoint()
        self._world.receivers.become(name, Mood.GONE)
        self._world.trace.tell(f"{name} is gone")

    async def process_dies(self) -> None:
        """Now."""
        if process := self._process():
            self._die(process)

    async def process_dies_between_steps(self) -> None:
        """Before or after one of the next things that it asks of the store, or hears."""
        if process := self._process():
            process.line.trap = Trap(self._rnd.randint(1, 40), lambda: self._die(process))

    async def process_dies_often(self) -> None:
        """Each as soon as it has done a few things."""
        for _ in range(self._rnd.randint(2, 6)):
            process = self._world.start_process()
            self._world.loop.call_later(self._rnd.uniform(0.01, 8), self._die, process)
        await self.process_dies()

    async def process_sleeps(self) -> None:
        """It is suspended, perhaps for longer than its leases last."""
        if process := self._process():
            self._world.suspend(process, self._rnd.choice([0.2, 3, 9, 20]))

    async def process_sleeps_between_steps(self) -> None:
        """Before or after one of the next things that it asks of the store, or hears."""
        if process := self._process():
            for_s = self._rnd.choice([0.2, 3, 9, 20])
            sleep = Trap(self._rnd.randint(1, 40), lambda: self._world.suspend(process, for_s))
            process.line.trap = sleep

    async def process_comes(self) -> None:
        """One more."""
        if len(self._world.up) < self._world.plan.most_processes:
            self._world.start_process()

    async def process_stops(self) -> None:
        """In order; another one comes later."""
        if process := self._process():
            self._stop(process)

    async def process_stops_without_store(self) -> None:
        """In order, but for the store, which is away since before, and back in the midst of it."""
        process = self._process()
        if process is None or process.host.asleep:
            return
        loop, stops_in_s = self._world.loop, self._rnd.uniform(0, 4)
        process.line.away = True
        self._ends_in(process, stops_in_s + self._rnd.uniform(0, 3), "no store, and is to stop")
        loop.call_later(stops_in_s, self._stop, process)

    async def clock_is_stepped(self) -> None:
        """A machine's clock, by up to two seconds."""
        if process := self._process():
            process.clock.ahead_s = self._rnd.uniform(-2, 2)
            self._world.promises.clocks_off_s = 4.0
            self._world.trace.tell(f"{process.host.name} is {process.clock.ahead_s:.3f} s ahead")

    async def store_is_slow(self) -> None:
        """For one process or all."""
        slow_s = self._rnd.choice([0.01, 0.2, 1, 4])
        for process in self._some():
            process.line.slow_s = slow_s
            self._ends_in(process, self._rnd.uniform(0.5, 10), f"slow store, {slow_s} s")

    async def store_fails(self) -> None:
        """Some of what is asked, before or after the commit."""
        failing, losing = self._rnd.choice([(0.2, 0.0), (0.0, 0.2), (0.1, 0.3)])
        for process in self._some():
            process.line.failing, process.line.losing = failing, losing
            self._ends_in(process, self._rnd.uniform(0.5, 10), "failing store")

    async def store_goes_away(self) -> None:
        """For one process or all, perhaps for longer than leases last."""
        away_s = self._rnd.choice([0.5, 3, 12])
        for process in self._some():
            process.line.away = True
            self._ends_in(process, away_s, "no store")

    async def endpoint_comes(self) -> None:
        """A new one."""
        for name in _LATE:
            if name not in self._world.ledger.subscriptions:
                await self._subscribe(name)
                return

    async def endpoint_is_deleted(self) -> None:
        """For good."""
        name = self._endpoint()
        if self._world.ledger.subscriptions[name].document is not None:
            await self._world.delete(name)

    async def endpoint_is_disabled_or_enabled(self) -> None:
        """By its owner, whatever it was before."""
        name = self._endpoint()
        if (document := self._world.ledger.subscriptions[name].document) is not None:
            self._world.receivers.become(name, Mood.FINE)
            await self._world.change(name, enabled=not document.enabled)

    async def endpoint_changes_bounds(self) -> None:
        """How many at once, and how many a second."""
        fields = {
            "max_in_flight": self._rnd.choice([1, 2, 16]),
            "rate_limit_per_s": self._rnd.choice([None, 2, 30]),
        }
        await self._world.change(self._endpoint(), **fields)

    async def endpoint_changes_interest(self) -> None:
        """Which events it wants."""
        events = self._rnd.choice([["*"], ["custom.*"], ["custom.a", "call.*"]])
        await self._world.change(self._endpoint(), events=events)

    async def endpoint_changes_order(self) -> None:
        """Whether order is kept: of one alone, to which no order is promised then."""
        if self._fickle in self._world.ledger.subscriptions:
            await self._world.change(self._fickle, ordered=self._rnd.random() < 0.5)

    async def endpoint_moves(self) -> None:
        """To where it never stood before, as bad there as it is here, or well."""
        name = self._troubled_endpoint()
        if self._rnd.random() < 0.5:
            self._world.receivers.become(name, Mood.FINE)
        revision = self._world.ledger.subscriptions[name].revision
        await self._world.change(name, url=f"https://{name}.example/hook{revision + 1}")
        self._perhaps_one_dies_soon()

    async def endpoint_is_toggled(self) -> None:
        """Disabled and enabled again by its owner, with no time in between."""
        name = self._troubled_endpoint()
        if self._world.ledger.subscriptions[name].enabled:
            await self._world.change(name, enabled=False)
            await self._world.change(name, enabled=True)
            self._perhaps_one_dies_soon()

    async def secret_is_rotated(self) -> None:
        """With a while in which both are good."""
        subscription = self._world.ledger.subscriptions[self._endpoint()]
        secret = make_secret(self._rnd.randbytes(32))
        await self._world.rotate(subscription, secret, self._rnd.choice([3, 60]))

    async def somebody_asks_for_a_retry(self) -> None:
        """Of something that was given up, or of anything."""
        ledger = self._world.ledger
        parked = list(ledger.parked)
        if parked and self._rnd.random() < 0.8:
            name, event_id = self._rnd.choice(parked)
        elif ledger.events:
            name, event_id = self._endpoint(), self._rnd.choice(list(ledger.events))
        else:
            return
        event, subscription = ledger.events[event_id], ledger.subscriptions[name]
        if subscription.document is not None:
            ledger.asked_for_retry(name, event)
            await self._world.store.deliveries.request_retry(
                subscription.webhook, event.partition, event.position
            )

    async def somebody_asks_for_a_replay(self) -> None:
        """Of all that an endpoint was to have, or of what it has not."""
        subscription = self._world.ledger.subscriptions[self._endpoint()]
        if subscription.enabled:
            scope, rate = self._rnd.choice(list(ReplayScope)), self._rnd.choice([5, 50, 1000])
            types = self._rnd.choice([None, None, ("custom.*",)])
            await self._world.replay(subscription, scope, rate, types)

    async def replay_is_canceled(self) -> None:
        """Wherever it stands."""
        replays = list(self._world.ledger.replays)
        if replays:
            await self._world.cancel_replay(self._rnd.choice(replays))

    async def _subscribe(self, name: str) -> None:
        await self._world.subscribe(name, endpoint(self._rnd, name, self._world.plan.kind))

    def _post_of(self, keys: tuple[str, ...]) -> None:
        if not self._over:
            self._clients.post_of(keys)

    def _endpoint(self) -> str:
        return self._rnd.choice(list(self._world.ledger.subscriptions))

    def _troubled_endpoint(self) -> str:
        """One whose owner has reason to do something, if there is any; else any."""
        troubled = [
            name
            for name, subscription in self._world.ledger.subscriptions.items()
            if subscription.enabled and self._world.receivers.mood(name) is not Mood.FINE
        ]
        return self._rnd.choice(troubled) if troubled else self._endpoint()

    def _perhaps_one_dies_soon(self) -> None:
        """A process, when it has begun to follow what was changed."""
        process = self._process()
        if process is not None and self._rnd.random() < 0.5:
            self._world.loop.call_later(self._rnd.uniform(0, 3), self._die, process)

    def _process(self) -> Process | None:
        up = self._world.up
        return self._rnd.choice(up) if up else None

    def _some(self) -> list[Process]:
        up = self._world.up
        return up if not up or self._rnd.random() < 0.5 else [self._rnd.choice(up)]

    def _die(self, process: Process) -> None:
        if process.up and not self._over:
            self._world.kill(process)
            self._replace()

    def _stop(self, process: Process) -> None:
        if process.up and not process.host.asleep and not self._over:
            self._world.stop(process)
            self._replace()

    def _replace(self) -> None:
        """Somebody starts another process after a while."""

        def start() -> None:
            if len(self._world.up) < self._world.plan.most_processes:
                self._world.start_process()

        self._world.loop.call_later(self._rnd.uniform(0.1, 8), start)

    def _ends_in(self, process: Process, after_s: float, trouble: str) -> None:
        world = self._world
        world.trace.tell(f"{process.host.name} has a {trouble} for {after_s:.2f} s")
        world.disturb()

        def end() -> None:
            process.line.get_well()
            world.disturb()

        world.loop.call_later(after_s, end)
