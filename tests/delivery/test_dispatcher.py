"""The whole engine on a bench: its bounds, its fairness, and what becomes of it without a store."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence

import pytest
from pieces import change

from offhook.delivery.bounds.sharing import BoundGrant
from offhook.delivery.engine import dispatcher as dispatching
from offhook.delivery.engine import router as routing
from offhook.delivery.engine.dispatcher import Bounds
from offhook.delivery.entries import Answer, ApplyReport, PartitionChanges
from offhook.log.entries import Lease, LogSlice
from offhook.model.errors import Unavailable
from offhook.model.ids import DEFAULT_ACCOUNT, WebhookId
from offhook.store.sqlite import SqliteStore, open_sqlite
from offhook.store.sqlite.dispatch import SqliteDispatch
from offhook.store.sqlite.leases import SqliteLeases
from offhook.store.sqlite.log import SqliteLog
from offhook.testing.clock import FakeClock
from offhook.testing.engine import Bench
from offhook.testing.network import OK, Gate, ScriptedNetwork, arrival

LEASE_S = 10.0


class Store:
    """A real store whose disk may be full."""

    def __init__(self, store: SqliteStore) -> None:
        self.log = _Log(store._database, store.dispatch._tail)
        self.webhooks = store.webhooks
        self.deliveries = store.deliveries
        self.dispatch = _Dispatch(store._database, store.dispatch._tail, store.dispatch._vault)
        self.leases = _Leases(store._database)
        self.bounds = store.bounds
        self.health = store.health
        self.filters = store.filters
        self.replays = store.replays

    def fill_up(self, full: bool = True) -> None:
        self.dispatch.full = self.leases.full = full

    def go_away(self, away: bool = True) -> None:
        self.log.away = away
        self.fill_up(away)


class _Log(SqliteLog):
    away = False

    async def read(self, partition: int, after: int, limit: int, max_bytes: int) -> LogSlice:
        if self.away:
            raise Unavailable("The connection is lost.")
        return await super().read(partition, after, limit, max_bytes)


class _Dispatch(SqliteDispatch):
    full = False
    hangs = False

    async def apply(self, changes: Sequence[PartitionChanges]) -> ApplyReport:
        if self.full:
            raise OSError("the disk is full")
        if self.hangs:
            await asyncio.Event().wait()
        return await super().apply(changes)


class _Leases(SqliteLeases):
    full = False
    stuck = False

    async def renew(self, leases: Sequence[Lease], ttl_s: float) -> list[Lease]:
        if self.full:
            raise OSError("the disk is full")
        return await super().renew(leases, ttl_s)

    async def release(self, leases: Sequence[Lease]) -> None:
        if self.full or self.stuck:
            raise OSError("the disk is full")
        await super().release(leases)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store(clock: FakeClock) -> AsyncIterator[Store]:
    opened = open_sqlite(None, clock=clock)
    await opened.keys.put_account(DEFAULT_ACCOUNT, "Default")
    yield Store(opened)
    await opened.close()


MakeBench = Callable[..., Bench]


@pytest.fixture
def bench(store: Store, clock: FakeClock) -> MakeBench:
    def made(script: object = None, *, owner: str = "bench", **bounds: object) -> Bench:
        network = ScriptedNetwork(script or (lambda _: OK))
        return Bench(store, clock, network, owner=owner, bounds=Bounds(lease_s=LEASE_S, **bounds))

    return made


def keys(count: int) -> list[str]:
    return [f"k{number}" for number in range(count)]


async def steps(bench: Bench, count: int = 10) -> None:
    for _ in range(count):
        await bench.step()


class TestBounds:
    async def test_sends_under_way_are_bounded_over_all_endpoints(self, bench: MakeBench) -> None:
        gate = Gate()
        made = bench(gate, in_flight=8)
        for name in ("x", "y", "z"):
            await made.webhook(name)
        await made.post(*keys(10))
        await steps(made)
        assert gate.waiting == made.dispatcher.in_flight == 6
        gate.open()
        await made.settle()
        assert len(made.network.accepted) == 30

    async def test_memory_is_bounded_and_nobody_is_left_without_a_share(
        self, bench: MakeBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(routing, "_SHARE_WHEN_FULL", 4)
        gate = Gate()
        made = bench(gate, queued=50, in_flight=1)
        names = [f"e{number}" for number in range(20)]
        for name in names:
            await made.webhook(name)
        await made.post(*keys(200))
        await steps(made)
        sizes = [queue.size for queue in made.dispatcher._queues.all()]
        assert sum(sizes) <= 50 + 4 * len(names)
        assert min(sizes) >= 3
        gate.open()
        made.network.script = lambda _: OK
        await made.settle()
        arrived = Counter(each.url for each in made.network.accepted)
        assert set(arrived.values()) == {200}

    async def test_with_many_unwritten_results_nothing_new_is_sent(
        self, bench: MakeBench, store: Store
    ) -> None:
        made = bench(unapplied=10, in_flight=4)
        await made.webhook("crm")
        await made.post(*keys(100))
        store.dispatch.full = True
        await steps(made, 60)
        sent = len(made.network.requests)
        assert 10 < sent <= 10 + 2 * 4 + 1
        await steps(made, 20)
        assert len(made.network.requests) == sent
        store.dispatch.full = False
        await made.settle()
        assert Counter(each.key for each in made.network.accepted) == Counter(keys(100))


class TestFairness:
    async def test_endpoints_take_turns(self, bench: MakeBench) -> None:
        gate = Gate()
        made = bench(gate, in_flight=8)
        for name in ("big", "x", "y"):
            await made.webhook(name, events=["*"])
        await made.post(*keys(50))
        await steps(made)
        begun = Counter(request.url for request in made.network.requests)
        assert set(begun.values()) == {2}
        gate.open()

    async def test_one_that_is_full_of_work_delays_no_other(self, bench: MakeBench) -> None:
        made = bench(in_flight=2)
        await made.webhook("early", max_in_flight=1)
        await made.post(*keys(200))
        await steps(made, 3)
        await made.webhook("late")
        await made.post("fresh")
        await made.until(lambda: any("late" in each.url for each in made.network.accepted))
        before = [each for each in made.network.accepted if "early" in each.url]
        assert len(before) < 150


class TestStoreAway:
    async def test_what_is_known_is_kept_and_nothing_is_begun_until_it_is_back(
        self, bench: MakeBench, store: Store
    ) -> None:
        gate = Gate()
        made = bench(gate)
        await made.webhook("crm")
        await made.post("a", "a", "b")
        await made.until(lambda: gate.waiting == 2)
        store.go_away()
        gate.open()
        await steps(made)
        assert len(made.network.requests) == 2
        store.go_away(False)
        await made.settle()
        assert made.network.sequences("a") == [1, 2]
        assert len(made.network.requests) == 3


class TestLeases:
    async def test_without_its_lease_it_starts_no_send(
        self, bench: MakeBench, store: Store, clock: FakeClock
    ) -> None:
        made = bench()
        await made.webhook("crm")
        await made.settle()
        clock.advance(LEASE_S + 1)
        store.fill_up()
        await made.post("a")
        await steps(made)
        assert made.network.requests == []
        store.fill_up(False)
        clock.advance(1)
        await made.settle()
        assert made.network.sequences("a") == [1]

    async def test_results_wait_through_failed_heartbeats_and_nothing_goes_out_twice(
        self, bench: MakeBench, store: Store, clock: FakeClock
    ) -> None:
        made = bench()
        await made.webhook("crm")
        await made.settle()
        await made.post(*keys(20))
        store.fill_up()
        await steps(made)
        for _ in range(20):
            clock.advance(LEASE_S / 4)
            await made.step()
        store.fill_up(False)
        clock.advance(LEASE_S / 4)
        await made.settle()
        sent = Counter(arrival(request).key for request in made.network.requests)
        assert sent == Counter(keys(20))

    async def test_while_results_gather_the_loop_waits(self, bench: MakeBench) -> None:
        gate = Gate()
        made = bench(lambda r: gate(r) if arrival(r).key == "slow" else OK)
        await made.webhook("crm")
        await made.post("slow", "a")
        await made.until(lambda: gate.waiting == 1 and made.dispatcher.in_flight == 1)
        await steps(made)
        await made.post("b")
        await made.until(lambda: "b" in {each.key for each in made.network.accepted})
        assert await made.dispatcher.run_once() > 0.1
        gate.open()
        await made.settle()

    async def test_what_came_back_after_the_lease_was_lost_is_not_written(
        self, bench: MakeBench, clock: FakeClock
    ) -> None:
        gate = Gate()
        first = bench(gate, owner="first")
        await first.webhook("crm")
        await first.post("a", "a")
        await first.until(lambda: gate.waiting == 1)
        clock.advance(LEASE_S + 1)
        second = bench(owner="second")
        await second.settle()
        assert second.network.sequences("a") == [1, 2]
        gate.open()
        await first.settle()
        assert first.dispatcher._flows == {}
        assert first.dispatcher._queues.size() == 0
        assert len(first.network.requests) == 1

    async def test_a_late_report_of_a_lease_taken_anew_does_not_drop_the_new_one(
        self, bench: MakeBench, store: Store, clock: FakeClock
    ) -> None:
        made = bench()
        await made.webhook("crm")
        await made.settle()
        await made.post("a")
        store.dispatch.full = True
        await made.until(lambda: made.dispatcher._applier.busy)
        made.dispatcher.recover()
        await made.step()
        [flow] = made.dispatcher._flows.values()
        store.dispatch.full = False
        await made.settle()
        assert list(made.dispatcher._flows.values()) == [flow]
        await made.post("a")
        await made.settle()
        assert made.network.sequences("a") == [1, 1, 2]


class TestSleeping:
    """The process is suspended between the start of a send and its first step."""

    async def _started_and_slept(self, made: Bench, clock: FakeClock) -> None:
        await made.webhook("crm")
        await made.settle()
        await made.post("a", "b", "b")
        await made.dispatcher.run_once()
        assert made.dispatcher.in_flight == 2
        clock.advance(LEASE_S + 1)
        while made.dispatcher.in_flight:
            await asyncio.sleep(0)
        assert made.network.requests == []

    async def test_past_its_lease_nothing_is_sent_and_another_owner_sends_it(
        self, bench: MakeBench, store: Store, clock: FakeClock
    ) -> None:
        slept, other = bench(owner="z"), bench(owner="other")
        await self._started_and_slept(slept, clock)
        await other.settle()
        await slept.settle()
        assert slept.network.requests == []
        assert other.network.sequences("a") == [1]
        assert other.network.sequences("b") == [1, 2]
        for position in (1, 2, 3):
            made = await store.deliveries.attempts(
                DEFAULT_ACCOUNT, WebhookId("wh_crm"), 0, position
            )
            assert len(made) == 1

    async def test_if_nobody_took_over_it_is_sent_once_the_lease_is_renewed(
        self, bench: MakeBench, clock: FakeClock
    ) -> None:
        slept = bench()
        await self._started_and_slept(slept, clock)
        await slept.settle()
        assert slept.network.sequences("a") == [1]
        assert slept.network.sequences("b") == [1, 2]
        assert len(slept.network.requests) == 3

    async def test_what_came_back_for_an_endpoint_that_went_meanwhile_is_canceled(
        self, bench: MakeBench, store: Store, clock: FakeClock
    ) -> None:
        slept = bench()
        await self._started_and_slept(slept, clock)
        await store.webhooks.delete_webhook(DEFAULT_ACCOUNT, WebhookId("wh_crm"))
        await slept.settle()
        assert slept.network.requests == []
        assert slept.dispatcher._flows[0].live.done_to() == 3


class TestRate:
    async def test_no_more_begin_within_a_second_than_the_endpoint_takes(
        self, bench: MakeBench, clock: FakeClock
    ) -> None:
        made = bench()
        await made.webhook("crm", rate_limit_per_s=4)
        await made.webhook("ads")
        await made.post(*keys(12))
        counts = []
        for _ in range(4):
            await steps(made)
            counts.append(sum("crm" in it.url for it in made.network.requests))
            clock.advance(1)
        assert counts == [4, 8, 12, 12]
        assert sum("ads" in it.url for it in made.network.requests) == 12

    async def test_it_wakes_when_the_next_may_begin(
        self, bench: MakeBench, clock: FakeClock
    ) -> None:
        made = bench()
        await made.webhook("crm", rate_limit_per_s=2)
        await made.settle()
        await made.post(*keys(3))
        await steps(made)
        clock.advance(0.9)
        await steps(made)
        assert await made.dispatcher.run_once() == pytest.approx(0.1)
        clock.advance(0.1)
        await steps(made)
        assert len(made.network.requests) == 3

    async def test_another_rate_holds_at_once(
        self, bench: MakeBench, store: Store, clock: FakeClock
    ) -> None:
        made = bench()
        await made.webhook("crm", rate_limit_per_s=0.01)
        await made.post(*keys(9))
        await steps(made)
        assert len(made.network.requests) == 1
        await change(store, rate_limit_per_s=5)
        await steps(made)
        assert len(made.network.requests) == 5
        await change(store, rate_limit_per_s=None)
        await made.settle()
        assert len(made.network.requests) == 9


class TestHandingOver:
    async def test_a_partition_stays_until_the_store_knows_what_is_in_use(
        self, bench: MakeBench, store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def away(*_: object) -> list[BoundGrant]:
            raise OSError("away")

        gate = Gate()
        first = bench(gate, owner="z", give_back_s=0.0)
        await first.webhook("crm")
        await first.post("a")
        await first.until(lambda: gate.waiting == 1)
        second = bench(owner="a")
        await second.step()
        first.dispatcher.hasten()
        with monkeypatch.context() as patch:
            patch.setattr(store.bounds, "share", away)
            await steps(first)
            await steps(second)
            assert (len(first.dispatcher.partitions), len(second.dispatcher.partitions)) == (1, 0)
        for _ in range(5):
            clock.advance(1)
            await steps(first, 3)
            await steps(second, 3)
        assert (len(first.dispatcher.partitions), len(second.dispatcher.partitions)) == (0, 1)
        assert second.network.sequences("a") == [1]

    async def test_a_store_that_does_not_take_it_back_is_asked_again(
        self, bench: MakeBench, store: Store
    ) -> None:
        first, second = bench(owner="z"), bench(owner="a")
        await first.webhook("crm")
        await first.settle()
        await second.step()
        first.dispatcher.hasten()
        store.leases.stuck = True
        await steps(first)
        assert len(first.dispatcher.partitions) == 1
        store.leases.stuck = False
        await first.until(lambda: not first.dispatcher.partitions)
        await first.post("a")
        second.dispatcher.hasten()
        await second.settle()
        assert second.network.sequences("a") == [1]
        assert first.network.requests == []


class TestStopping:
    async def test_what_is_under_way_is_finished_and_written(self, bench: MakeBench) -> None:
        gate = Gate()
        first = bench(gate, owner="first")
        await first.webhook("crm")
        await first.post("a", "b")
        await first.until(lambda: gate.waiting == 2)
        stopping = asyncio.create_task(first.dispatcher.stop())
        await asyncio.sleep(0)
        gate.open()
        await stopping
        second = bench(owner="second")
        await second.settle()
        assert second.network.requests == []

    async def test_what_takes_too_long_is_cut_off_and_sent_again_by_the_next(
        self, bench: MakeBench
    ) -> None:
        first = bench(Gate(), owner="first", stop_s=0.01)
        await first.webhook("crm")
        await first.post("a")
        await first.until(lambda: first.dispatcher.in_flight == 1)
        await first.dispatcher.stop()
        second = bench(owner="second")
        await second.settle()
        assert second.network.sequences("a") == [1]

    async def test_a_store_that_is_away_does_not_keep_it_from_stopping(
        self, bench: MakeBench, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(dispatching, "_LAST_WRITE_S", 0.05)
        made = bench()
        await made.webhook("crm")
        await made.settle()
        await made.post("a")
        store.fill_up()
        await made.until(lambda: made.dispatcher._applier.busy)
        await asyncio.wait_for(made.dispatcher.stop(), 30)

    async def test_past_results_that_were_given_up_no_cursor_moves(
        self, bench: MakeBench, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(dispatching, "_LAST_WRITE_S", 0.05)
        first = bench(lambda _: Answer(503), owner="first")
        await first.webhook("crm")
        await first.settle()
        store.dispatch.hangs = True
        await first.post("a")
        await first.until(lambda: first.dispatcher._applier.busy)
        await first.post("b")
        await first.until(lambda: first.dispatcher._unapplied() == 1)
        store.dispatch.hangs = False
        await first.dispatcher.stop()
        second = bench(owner="second")
        await second.settle()
        assert second.network.sequences("a") == second.network.sequences("b") == [1]


async def test_a_step_that_cannot_begin_anew_yet_is_waited_for(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(*_asked: object) -> list[BoundGrant]:
        raise Unavailable("The connection is lost.")

    hangs = Gate()
    bench = Bench(store, clock, ScriptedNetwork(hangs))
    await bench.webhook("crm", max_in_flight=4)
    await bench.post("a")
    await bench.until(lambda: hangs.waiting == 1)
    monkeypatch.setattr(store.bounds, "share", lost)
    bench.dispatcher.recover()
    waits = [await bench.dispatcher.run_once() for _ in range(3)]
    hangs.open()
    assert min(waits) > 0
