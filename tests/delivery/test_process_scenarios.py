"""Lives of several processes, each drawn from its seed: all is well in the end."""

import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from offhook.delivery.dispatcher import Bounds
from offhook.delivery.entries import Answer
from offhook.model.ids import DEFAULT_ACCOUNT
from offhook.store.sqlite import open_sqlite
from offhook.store.sqlite.leases import SqliteLeases
from offhook.testing.clock import FakeClock
from offhook.testing.engine import Bench, in_order
from offhook.testing.network import OK
from offhook.testing.partitioned import PartitionedStore
from offhook.testing.processes import Processes

PARTITIONS = 5
ACTIONS = 40
KEYS = "aaabbcdefgh"
CRM, ADS = "https://crm.example/hook", "https://ads.example/hook"
RATE = 9
RETRY = {"delays_s": [1, 2], "until_s": 36_000}


class Life:
    """What happens to the processes."""

    def __init__(self, processes: Processes, rnd: random.Random) -> None:
        self.processes = processes
        self.rnd = rnd
        self.lives = 0
        self.posted: Counter[str] = Counter()

    async def begin(self) -> None:
        self.start()
        await self.bench.webhook("crm", retry=RETRY, rate_limit_per_s=RATE)
        await self.bench.webhook("ads", retry=RETRY, max_in_flight=2, ordered=False)

    @property
    def bench(self) -> Bench:
        return next(iter(self.processes.alive.values())).bench

    async def live(self) -> None:
        doings: dict[Callable[[], Awaitable[None]], float] = {
            self.post: 6,
            self.pass_time: 12,
            self.one_comes: 2,
            self.one_stops: 1,
            self.one_dies: 1,
            self.one_sleeps_or_wakes: 3,
            self.receivers_change: 4,
        }
        for act in self.rnd.choices(list(doings), list(doings.values()), k=ACTIONS):
            await act()

    async def end(self) -> None:
        receivers = self.processes.receivers
        receivers.hold, receivers.reply = lambda _: False, lambda _: OK
        receivers.answer()
        for process in self.processes.alive.values():
            process.asleep = False
        await self.processes.until(self.all_delivered, 400)

    def all_delivered(self) -> bool:
        return all(
            len(set(self.processes.receivers.sequences(key, url))) == count
            for key, count in self.posted.items()
            for url in (CRM, ADS)
        )

    def start(self) -> None:
        self.lives += 1
        self.processes.start(f"{self.rnd.choice('abc')}{self.lives}")

    async def post(self) -> None:
        keys = self.rnd.choices(KEYS, k=self.rnd.choice([1, 5, 20]))
        self.posted.update(keys)
        await self.bench.post(*keys)

    async def pass_time(self) -> None:
        await self.processes.pass_time(self.rnd.choice([0.05, 0.5, 2]), step_s=0.1)
        self.processes.receivers.answer(self.rnd.randint(0, 6))

    async def one_comes(self) -> None:
        if len(self.processes.alive) < 4:
            self.start()

    async def one_stops(self) -> None:
        if len(self.processes.alive) > 1:
            await self.processes.stop(self.rnd.choice(sorted(self.processes.alive)))

    async def one_dies(self) -> None:
        self.processes.kill(self.rnd.choice(sorted(self.processes.alive)))
        if not self.processes.alive:
            self.start()

    async def one_sleeps_or_wakes(self) -> None:
        process = self.processes.alive[self.rnd.choice(sorted(self.processes.alive))]
        process.asleep = not process.asleep

    async def receivers_change(self) -> None:
        receivers, rnd = self.processes.receivers, self.rnd
        slow, failing = rnd.choice([0, 0.3, 1]), rnd.choice([0, 0, 0.5])
        receivers.hold = lambda _: rnd.random() < slow
        receivers.reply = lambda _: Answer(503) if rnd.random() < failing else OK


@pytest.fixture
async def processes() -> AsyncIterator[Processes]:
    clock = FakeClock()
    store = open_sqlite(None, clock=clock)
    await store.keys.put_account(DEFAULT_ACCOUNT, "Default")
    leases = SqliteLeases(store._database, PARTITIONS)
    bounds = Bounds(lease_s=6.0, give_back_s=1.0, stop_s=0.01)
    yield Processes(PartitionedStore(store, leases, PARTITIONS), clock, bounds)
    await store.close()


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_becomes_of_processes_nothing_is_lost_and_order_and_rates_hold(
    processes: Processes, seed: int
) -> None:
    life = Life(processes, random.Random(seed))
    await life.begin()
    await life.live()
    await life.end()
    receivers = processes.receivers
    assert all(in_order(receivers.sequences(key, CRM)) for key in KEYS)
    assert receivers.most_begun_within(1, CRM) <= RATE
