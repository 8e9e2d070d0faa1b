"""A life of the delivery engine, drawn from a seed: what is posted, what fails, when it dies."""

import asyncio
import contextlib
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence

from pieces import change

from offhook.delivery.dispatcher import Bounds
from offhook.delivery.entries import (
    Answer,
    ApplyReport,
    DeliveryFilter,
    DeliveryStatus,
    DeliveryView,
    FailureKind,
    PartitionChanges,
    Request,
)
from offhook.log.entries import Lease
from offhook.model.ids import DEFAULT_ACCOUNT, WebhookId
from offhook.store.sqlite import SqliteStore
from offhook.store.sqlite.dispatch import SqliteDispatch
from offhook.store.sqlite.leases import SqliteLeases
from offhook.testing.clock import FakeClock
from offhook.testing.engine import Bench, in_order
from offhook.testing.network import OK, ScriptedNetwork, arrival

LEASE_S = 10.0
BOUNDS = Bounds(queued=40, in_flight=12, unapplied=20, lease_s=LEASE_S, stop_s=0.05)
FICKLE = "fickle"
"""An endpoint whose owner disables it, and changes its mind about order: to it nothing is promised,
but it must leave nothing behind."""
KEYS = "aaaabbcdefgh"
RETRY = {"delays_s": [1, 2, 4], "until_s": 36_000, "statuses": [429, 503]}
FAILURES = (Answer(503), Answer(429, retry_after="3"), Answer(None, FailureKind.TIMEOUT))
REFUSED = Answer(418)


class Away(Exception):
    """The store does not answer."""


class MoodyDispatch(SqliteDispatch):
    """Does not apply while it is away."""

    away = False

    async def apply(self, changes: Sequence[PartitionChanges]) -> ApplyReport:
        if self.away:
            raise Away
        return await super().apply(changes)


class MoodyLeases(SqliteLeases):
    """Does not renew while it is away."""

    away = False

    async def renew(self, leases: Sequence[Lease], ttl_s: float) -> list[Lease]:
        if self.away:
            raise Away
        return await super().renew(leases, ttl_s)


class MoodyStore:
    """A real store that may be away."""

    def __init__(self, store: SqliteStore) -> None:
        self.log = store.log
        self.webhooks = store.webhooks
        self.deliveries = store.deliveries
        self.dispatch = MoodyDispatch(store._database, store.dispatch._tail, store.dispatch._vault)
        self.leases = MoodyLeases(store._database)
        self.bounds = store.bounds
        self.health = store.health
        self.replays = store.replays
        self.filters = store.filters

    def set_away(self, away: bool) -> None:
        self.dispatch.away = self.leases.away = away


class Receivers:
    """All endpoints: which of them are down, slow, or refuse a key; and what they took."""

    def __init__(self, rnd: random.Random) -> None:
        self._rnd = rnd
        self.network = ScriptedNetwork(self._answer)
        self.down: set[str] = set()
        self.failing: Counter[tuple[str, str]] = Counter()
        self.refusing: set[tuple[str, str]] = set()
        self.slow = 0.0
        self.given_up: set[tuple[str, str, int]] = set()
        self.done_with: set[tuple[str, str]] = set()
        self.sent_again: list[tuple[str, str]] = []
        self._waiting: list[asyncio.Event] = []

    def let_some_go(self) -> None:
        self._rnd.shuffle(self._waiting)
        for _ in range(self._rnd.randint(0, len(self._waiting))):
            self._waiting.pop().set()

    def let_all_go(self) -> None:
        while self._waiting:
            self._waiting.pop().set()

    def get_well(self) -> None:
        self.down.clear()
        self.failing.clear()
        self.refusing.clear()
        self.slow = 0.0
        self.let_all_go()

    def took(self) -> dict[tuple[str, str], list[int]]:
        """By endpoint and key, the sequences in the order of acceptance."""
        took: dict[tuple[str, str], list[int]] = defaultdict(list)
        for each in self.network.accepted:
            took[_name(each.url), each.key].append(each.sequence)
        return took

    async def _answer(self, request: Request) -> Answer:
        seen, name = arrival(request), _name(request.url)
        if (name, seen.id) in self.done_with:
            self.sent_again.append((name, seen.id))
        if self._rnd.random() < self.slow:
            gate = asyncio.Event()
            self._waiting.append(gate)
            await gate.wait()
        if name in self.down:
            return self._rnd.choice(FAILURES)
        if (name, seen.key) in self.refusing:
            self.given_up.add((name, seen.key, seen.sequence))
            return REFUSED
        if self.failing[name, seen.key] > 0:
            self.failing[name, seen.key] -= 1
            return self._rnd.choice(FAILURES)
        return OK


class Scenario:
    """One engine after another over one store, and receivers that remember all of them."""

    def __init__(self, store: SqliteStore, clock: FakeClock, seed: int) -> None:
        self.rnd = random.Random(seed)
        self.store = MoodyStore(store)
        self.clock = clock
        self.receivers = Receivers(self.rnd)
        self.owners = 0
        self.bench = self._bench()
        self.posted: Counter[str] = Counter()
        self.starts: dict[str, Counter[str]] = {}
        self.ordered: dict[str, bool] = {}
        self.log: list[str] = []

    async def live(self, actions: int) -> None:
        """Make endpoints, then let things happen."""
        for name in ("crm", "ads", "sms")[: self.rnd.randint(1, 3)]:
            await self._add(name)
        await self._add(FICKLE)
        happenings = self._happenings()
        for act in self.rnd.choices(list(happenings), list(happenings.values()), k=actions):
            self.log.append(act.__name__)
            await act()

    async def recover(self) -> None:
        """All is well again, for long enough."""
        self.store.set_away(False)
        self.receivers.get_well()
        for _ in range(60):
            self.clock.advance(1)
            await self._settle()

    async def broken_promises(self) -> list[str]:
        """What receivers did not get, or got out of order, or again though it was known."""
        await self._note_parked()
        broken = [f"sent again: {each}" for each in self.receivers.sent_again]
        took = self.receivers.took()
        for name in self.starts.keys() - {FICKLE}:
            for key in self.posted:
                broken += self._broken_for(name, key, took[name, key])
        return broken

    async def leftovers(self) -> list[str]:
        """What should be gone once everything was delivered."""
        [owner] = self.bench.dispatcher._flows.values()
        left = {
            "closed lanes": await self.store.dispatch.lane_counts(0),
            "lanes that the owner believes closed": +owner._lanes,
            "rows due": (await self.store.dispatch.due([0], 10, ())).items,
            "ranges": await self.store.dispatch.held(0),
            "ranges in memory": owner.ranges,
            "rows under way": owner.busy,
            "unread": await self.store.log.head(0) - owner.live.done_to(),
        }
        return [f"{what}: {found}" for what, found in left.items() if found]

    def _happenings(self) -> dict[Callable[[], Awaitable[None]], float]:
        return {
            self.post: 8,
            self.work: 10,
            self.pass_time: 6,
            self.endpoint_goes_down_or_up: 3,
            self.some_are_slow: 2,
            self.slow_ones_answer: 4,
            self.a_key_fails: 3,
            self.a_key_is_refused_or_not: 0.7,
            self.crash: 1.5,
            self.die_often: 0.3,
            self.stop: 0.5,
            self.store_goes_or_comes: 0.7,
            self.add_late: 0.5,
            self.describe: 0.7,
            self.disable_or_enable: 1,
            self.order_or_not: 1,
            self.ask_for_retry: 0.7,
        }

    async def post(self) -> None:
        keys = self.rnd.choices(KEYS, k=self.rnd.choice([1, 3, 10, 40]))
        self.posted.update(keys)
        await self.bench.post(*keys)

    async def work(self) -> None:
        for _ in range(self.rnd.choice([1, 2, 5, 15])):
            await self._step()

    async def pass_time(self) -> None:
        self.clock.advance(self.rnd.choice([0.05, 0.3, 1, 3]))
        await self._step()

    async def endpoint_goes_down_or_up(self) -> None:
        self.receivers.down ^= {self._any()}

    async def some_are_slow(self) -> None:
        self.receivers.slow = self.rnd.choice([0, 0.1, 0.5, 1])

    async def slow_ones_answer(self) -> None:
        self.receivers.let_some_go()
        await self._step()

    async def a_key_fails(self) -> None:
        self.receivers.failing[self._any(), self.rnd.choice(KEYS)] += self.rnd.randint(1, 4)

    async def a_key_is_refused_or_not(self) -> None:
        self.receivers.refusing ^= {(self._any(), self.rnd.choice(KEYS))}

    async def crash(self) -> None:
        """The process is gone; what it had sent may still be taken by its receivers."""
        await self._note_delivered()
        self.bench = self._bench()
        if self.rnd.random() < 0.5:
            self.receivers.let_all_go()
        await asyncio.sleep(0)
        self.clock.advance(LEASE_S + 1)

    async def die_often(self) -> None:
        for _ in range(self.rnd.randint(2, 4)):
            await self.crash()
            await self._step()

    async def stop(self) -> None:
        if not self.store.dispatch.away:
            await self.bench.dispatcher.stop()
            await self._note_delivered()
            self.bench = self._bench()

    async def store_goes_or_comes(self) -> None:
        self.store.set_away(not self.store.dispatch.away)

    async def add_late(self) -> None:
        if "late" not in self.starts:
            await self._add("late")

    async def describe(self) -> None:
        await change(self.store, self._any(), description=str(self.rnd.random()))

    async def disable_or_enable(self) -> None:
        await change(self.store, FICKLE, enabled=self.rnd.random() < 0.6)

    async def order_or_not(self) -> None:
        await change(self.store, FICKLE, ordered=self.rnd.random() < 0.6)

    async def ask_for_retry(self) -> None:
        position = self.rnd.randint(1, max(1, self.posted.total()))
        await self.store.deliveries.request_retry(WebhookId(f"wh_{self._any()}"), 0, position)

    def _bench(self) -> Bench:
        self.owners += 1
        network = self.receivers.network
        return Bench(self.store, self.clock, network, owner=f"owner-{self.owners}", bounds=BOUNDS)

    def _any(self) -> str:
        return self.rnd.choice(sorted(self.starts))

    async def _add(self, name: str) -> None:
        self.ordered[name] = self.rnd.random() < 0.8
        self.starts[name] = Counter(self.posted)
        in_flight = self.rnd.choice([1, 3, 16])
        await self.bench.webhook(
            name, ordered=self.ordered[name], retry=RETRY, max_in_flight=in_flight
        )

    async def _settle(self) -> None:
        calm = 0
        async with asyncio.timeout(20):
            while calm < 3:
                await self._step()
                calm = calm + 1 if self.bench.dispatcher.quiet else 0

    async def _step(self) -> None:
        await self.bench.dispatcher.run_once()
        for _ in range(3):
            await asyncio.sleep(0)
        if self.bench.dispatcher._applier.busy:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.bench._wake.wait(), 0.003)
            self.bench._wake.clear()

    async def _note_delivered(self) -> None:
        """What is known to be delivered when an owner goes must not be sent by the next."""
        for view in await self._views(DeliveryStatus.DELIVERED):
            self.receivers.done_with.add((view.webhook.removeprefix("wh_"), view.event_id))

    async def _note_parked(self) -> None:
        """An event during which the process died again and again is given up, rightly."""
        for view in await self._views(DeliveryStatus.FAILED):
            if "the process died" in (view.reason or ""):
                found = await self.store.log.read(0, view.position - 1, 1, 1)
                name = view.webhook.removeprefix("wh_")
                self.receivers.given_up.add((name, view.key, found.events[0].sequence))

    async def _views(self, status: DeliveryStatus) -> list[DeliveryView]:
        wanted = DeliveryFilter(status=status)
        return await self.store.deliveries.deliveries(DEFAULT_ACCOUNT, wanted, None, 10_000)

    def _broken_for(self, name: str, key: str, took: list[int]) -> list[str]:
        gone = {each[2] for each in self.receivers.given_up if each[:2] == (name, key)}
        took = [sequence for sequence in took if sequence not in gone]
        due = set(range(self.starts[name][key] + 1, self.posted[key] + 1))
        broken = []
        if lost := due - gone - set(took):
            broken.append(f"lost at {name}, key {key}: {sorted(lost)}")
        if strange := set(took) - due:
            broken.append(f"not for {name}, key {key}: {sorted(strange)}")
        if self.ordered[name] and not in_order(took):
            broken.append(f"out of order at {name}, key {key}: {took}")
        return broken


def _name(url: str) -> str:
    return url.removeprefix("https://").partition(".")[0]
