"""How it is found out that a dead endpoint is back, whatever is left of it, on any store.

Subclass ``ProbingConformance`` in a test module that has the fixtures ``store`` and ``clock``.
"""

import asyncio
import itertools

from offhook.delivery.entries import Answer, DeliveryStatus, Request
from offhook.delivery.replays.entries import ReplayCounts
from offhook.log.leasing import LEASE_S
from offhook.model.ids import DEFAULT_ACCOUNT, WebhookId, partition_of
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import change, heir_of
from offhook.testing.conformance.replay_material import (
    ALL,
    DOWN,
    UNDELIVERED,
    Receiver,
    ask,
    finished,
    job_of,
    statuses,
)
from offhook.testing.conformance.stores import ConformingStore
from offhook.testing.engine import Bench
from offhook.testing.network import OK, Gate, ScriptedNetwork, arrival

LONG = {"delays_s": [1, 2, 4, 8, 16, 10_800], "until_s": 86_400}
SOON_OVER = {"delays_s": [1], "until_s": 2}


class ProbingConformance:
    """Something probes at last, and what probes is not lost."""

    async def test_a_dead_endpoint_that_wants_little_is_found_to_be_back_by_what_stands_far_on(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Receiver(DOWN)
        bench = Bench(store, clock, crm.network)
        await bench.webhook(
            "crm", retry={"delays_s": [1], "until_s": 2}, filter='data.of.startsWith("a")'
        )
        for n in range(6):
            await bench.post(f"a{n}")
            await bench.pass_time(6, step_s=1)
        assert bench.dispatcher.circuits_open == 1
        await bench.post("a6")
        await bench.pass_time(180, step_s=5)
        crm.answer = OK
        for _ in range(30):
            await bench.post(*_beside("a6", 100, store.log.partitions))
        await bench.post("a6")
        await bench.pass_time(75, step_s=5)
        assert crm.network.sequences("a6") == [2]
        assert not await held(store)

    async def test_a_replay_finds_out_that_an_endpoint_is_back_of_which_nothing_else_is_left(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Receiver(DOWN)
        bench = Bench(store, clock, crm.network)
        webhook = await dead_and_all_given_up(store, bench)
        crm.answer = OK
        job = await finished(bench, await ask(bench, webhook, UNDELIVERED))
        assert job.counts == ReplayCounts(matched=6, accepted=6)

    async def test_a_replay_costs_a_dead_endpoint_a_request_a_probe(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Receiver(DOWN)
        bench = Bench(store, clock, crm.network)
        webhook = await dead_and_all_given_up(store, bench)
        await bench.pass_time(60)
        tried = len(crm.network.requests)
        job = await ask(bench, webhook, UNDELIVERED)
        await bench.pass_time(600, step_s=5)
        assert 1 <= len(crm.network.requests) - tried <= 11
        crm.answer = OK
        done = await finished(bench, job)
        assert done.counts.matched == done.counts.accepted + done.counts.failed == 6

    async def test_a_replay_of_what_is_refused_leaves_probes_to_live_deliveries(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Moody()
        bench = Bench(store, clock, crm.network)
        webhook = await bench.webhook("crm", retry={"delays_s": [1, 2, 4], "until_s": 86_400})
        await bench.post(*(f"r{n}" for n in range(60)))
        await bench.pass_time(2)
        crm.refused = "ar"
        await bench.post(*(f"a{n}" for n in range(4)))
        await bench.pass_time(60, step_s=1)
        assert bench.dispatcher.circuits_open == 1
        await ask(bench, webhook, ALL)
        crm.refused = "r"
        await bench.pass_time(150, step_s=1)
        assert all(set(crm.network.sequences(f"a{n}")) == {1} for n in range(4))

    async def test_one_event_refused_for_ever_does_not_keep_another_that_failed_from_it(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Moody()
        bench = Bench(store, clock, crm.network)
        await bench.webhook("crm", retry=LONG)
        crm.refused = "ar"
        await bench.post("r")
        await bench.pass_time(3, step_s=1)
        await bench.post("a")
        await bench.pass_time(120, step_s=1)
        assert bench.dispatcher.circuits_open == 1
        crm.refused = "r"
        await bench.pass_time(190, step_s=10)
        assert crm.network.sequences("a") == [1]

    async def test_what_a_replay_failed_of_probes_before_it_is_due(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Receiver()
        bench = Bench(store, clock, crm.network)
        webhook = await bench.webhook("crm", retry=LONG)
        await bench.post(*"abc")
        await bench.pass_time(2)
        crm.answer = DOWN
        job = await ask(bench, webhook, ALL)
        await bench.pass_time(120, step_s=1)
        assert bench.dispatcher.circuits_open == 1
        crm.answer = OK
        await bench.pass_time(75, step_s=5)
        assert (await job_of(bench, job)).counts.accepted == 1

    async def test_what_probes_is_not_lost_as_the_endpoint_moves(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        network, gate = ScriptedNetwork(lambda _: DOWN), Gate()
        bench = Bench(store, clock, network)
        webhook = await dead_and_all_given_up(store, bench)
        network.script = gate
        await bench.post("a", "a")
        while not gate.waiting:
            clock.advance(1)
            await bench.step()
        network.script = lambda _: OK
        await change(store, webhook, url="https://new.example/hook")
        await bench.go_on(4)
        heir = await heir_of(store, clock, network)
        await heir.pass_time(70, step_s=5)
        assert set(network.sequences("a")) == {1, 2}

    async def test_a_range_that_was_settled_before_a_fault_ends_though_its_endpoint_is_dead(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Receiver(DOWN)
        bench = Bench(store, clock, crm.network)
        await dead_and_all_given_up(store, bench)
        await bench.post("a")
        while await statuses(store) != {DeliveryStatus.FAILED: 7}:
            clock.advance(1)
            await bench.step()
        bench.dispatcher.recover()
        await bench.pass_time(150, step_s=5)
        assert not await held(store)

    async def test_a_row_of_an_owner_that_died_probes_after_what_that_one_had_in_memory_of_its_key(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Receiver(DOWN)
        bench = Bench(store, clock, crm.network)
        await dead_and_all_given_up(store, bench)
        died = await heir_of(store, clock, ScriptedNetwork(Gate()))
        await died.post(*"a" * 12)
        await until_closed(died, lanes=1)
        crm.answer = OK
        await regained(bench)
        await bench.pass_time(75, step_s=5)
        assert crm.network.sequences("a") == list(range(1, 13))

    async def test_one_event_that_an_owner_died_over_does_not_keep_rows_behind_it_from_probing(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm, gate = Moody(), Gate()
        crm.refused = "k"
        bench = Bench(store, clock, crm.network)
        await bench.webhook("crm", retry=LONG)
        await bench.post("k0", "k1")
        await bench.pass_time(40, step_s=1)
        assert bench.dispatcher.circuits_open == 1
        down_or_hangs = ScriptedNetwork(lambda it: gate(it) if is_of("r", it) else DOWN)
        died = await heir_of(store, clock, down_or_hangs)
        await died.post("r", "b")
        await until_closed(died, lanes=3)
        crm.refused = "kr"
        await regained(bench)
        await bench.pass_time(400, step_s=5)
        assert crm.network.sequences("b") == [1]


class Moody:
    """Refuses keys that begin with any letter of ``refused``."""

    def __init__(self) -> None:
        self.refused = ""
        self.network = ScriptedNetwork(self._answer)

    def _answer(self, request: Request) -> Answer:
        return DOWN if arrival(request).key[0] in self.refused else OK


async def dead_and_all_given_up(store: ConformingStore, bench: Bench) -> WebhookId:
    """Six deliveries failed over half a minute, and nothing tries any of them again."""
    webhook = await bench.webhook("crm", retry=SOON_OVER)
    for n in range(6):
        await bench.post(f"k{n}")
        await bench.pass_time(6, step_s=1)
    await bench.pass_time(10, step_s=1)
    assert await statuses(store) == {DeliveryStatus.FAILED: 6}
    assert bench.dispatcher.circuits_open == 1
    return webhook


async def regained(bench: Bench) -> None:
    """The other one died; what this one had seen of the endpoint before, it knows still."""
    bench.clock.advance(LEASE_S + 1)
    await bench.take_over()


async def until_closed(bench: Bench, *, lanes: int) -> None:
    """Step until the store has so many closed lanes."""
    store = bench.store
    async with asyncio.timeout(60):
        while True:
            counts = [await store.dispatch.lane_counts(at) for at in range(store.log.partitions)]
            if sum(sum(count.values()) for count in counts) >= lanes:
                return
            await bench.step()


def is_of(key: str, request: Request) -> bool:
    """Whether a request is of an event of this key."""
    return arrival(request).key == key


async def held(store: ConformingStore) -> set[WebhookId]:
    """The endpoints that have a range of their own."""
    found = [await store.dispatch.held(at) for at in range(store.log.partitions)]
    return {row.webhook for rows in found for row in rows}


def _beside(key: str, count: int, partitions: int) -> list[str]:
    """Keys whose events stand in the same partition, none of which begins with an a."""
    place = partition_of(DEFAULT_ACCOUNT, key, partitions)
    keys = (f"b{n}" for n in itertools.count())
    placed = (it for it in keys if partition_of(DEFAULT_ACCOUNT, it, partitions) == place)
    return list(itertools.islice(placed, count))
