"""What an endpoint that takes little at a time may cost the others, on any store: the real
dispatcher over it, on a scripted network. Needs the fixtures ``store`` and ``clock``."""

from offhook.delivery.engine.dispatcher import CONSUMER
from offhook.delivery.entries import Answer
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.stores import ConformingStore
from offhook.testing.engine import Bench
from offhook.testing.network import OK, Gate, ScriptedNetwork

KEYS = [f"k{number % 40}" for number in range(400)]
SLOW, QUICK = "https://slow.example/hook", "https://quick.example/hook"
LONG_S = 12
LEASE_S = 10.0


class SlownessConformance:
    """Whoever is slow holds back neither the cursor nor anybody, and gets all in order."""

    async def test_what_a_rate_lets_wait_does_not_hold_back_the_cursor(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        first = await _bench(store, clock, ScriptedNetwork(), rate_limit_per_s=10)
        await first.post(*KEYS)
        await _go_on(first, LONG_S)
        assert 100 <= _count(first.network, SLOW) <= 150
        assert await _unread_by_next(store, clock) == 0
        second = Bench(store, clock, first.network, owner="second")
        await _go_on(second, 60)
        _assert_each_once_in_order(first.network, times=10)
        assert await _held(store) == 0

    async def test_nor_does_what_is_in_flight_for_long(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        gate = Gate()
        network = ScriptedNetwork(lambda it: gate(it) if it.url == SLOW else OK)
        first = await _bench(store, clock, network, max_in_flight=1)
        await first.post(*KEYS)
        await _go_on(first, LONG_S)
        assert gate.waiting == 1
        assert await _unread_by_next(store, clock) == 0
        second = Bench(store, clock, ScriptedNetwork(), owner="second")
        await second.take_over()
        assert {each.url for each in second.network.accepted} == {SLOW}
        for key in KEYS:
            assert second.network.sequences(key, SLOW) == list(range(1, 11))

    async def test_it_gets_all_once_and_in_order_while_more_comes(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = await _bench(store, clock, ScriptedNetwork(), rate_limit_per_s=10)
        for _ in range(3):
            await bench.post(*KEYS[:200])
            await _go_on(bench, LONG_S)
        assert _count(bench.network, QUICK) == 600
        assert await _held(store) > 0
        await _go_on(bench, 40)
        _assert_each_once_in_order(bench.network, times=15)
        assert await _held(store) == 0

    async def test_what_fails_after_it_waited_for_long_holds_its_key_in_order(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = await _bench(store, clock, ScriptedNetwork(), rate_limit_per_s=0.2)
        await bench.post(*"aabb")
        await _go_on(bench, LONG_S)
        bench.network.script = lambda it: Answer(503) if it.url == SLOW else OK
        await _go_on(bench, LONG_S)
        bench.network.script = lambda _: OK
        await _go_on(bench, 60)
        for key in "ab":
            assert bench.network.sequences(key, SLOW) == [1, 2]


async def _bench(
    store: ConformingStore, clock: FakeClock, network: ScriptedNetwork, **slow: object
) -> Bench:
    bench = Bench(store, clock, network, owner="first")
    await bench.webhook("slow", **slow)
    await bench.webhook("quick")
    return bench


async def _go_on(bench: Bench, seconds: int) -> None:
    """Let the time pass, also where something stays in flight."""
    for _ in range(seconds):
        bench.clock.advance(1)
        for _ in range(6):
            await bench.step()


async def _unread_by_next(store: ConformingStore, clock: FakeClock) -> int:
    """How many events lie above the cursors that the next owner is given, now that this one is
    gone."""
    clock.advance(LEASE_S + 1)
    share = await store.leases.acquire(CONSUMER, "looks", LEASE_S)
    heads = [await store.log.head(lease.partition) for lease in share.taken]
    await store.leases.leave(CONSUMER, "looks")
    assert len(heads) == store.log.partitions
    return sum(heads) - sum(lease.cursor for lease in share.taken)


def _count(network: ScriptedNetwork, url: str) -> int:
    return sum(each.url == url for each in network.accepted)


async def _held(store: ConformingStore) -> int:
    return sum([len(await store.dispatch.held(it)) for it in range(store.log.partitions)])


def _assert_each_once_in_order(network: ScriptedNetwork, *, times: int) -> None:
    for url in (SLOW, QUICK):
        for key in KEYS:
            assert network.sequences(key, url) == list(range(1, times + 1)), (url, key)
