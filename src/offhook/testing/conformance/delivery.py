"""What delivery guarantees on any store: the real dispatcher over it, on a scripted network.

Subclass ``DeliveryConformance`` in a test module that has the fixtures ``store`` (an open, empty
store) and ``clock`` (the ``FakeClock`` it was opened with).
"""

import itertools
from collections import Counter
from functools import partial

from offhook.delivery.engine.dispatcher import Bounds
from offhook.delivery.entries import (
    Answer,
    AttemptRecord,
    DeliveryFilter,
    DeliveryStatus,
    DeliveryView,
    FailureKind,
    PartitionChanges,
    Request,
)
from offhook.model.ids import DEFAULT_ACCOUNT, EventId, WebhookId, partition_of
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.lists import listed
from offhook.testing.conformance.stores import ConformingStore
from offhook.testing.engine import Bench, in_order
from offhook.testing.network import OK, Gate, ScriptedNetwork, arrival

DOWN = Answer(503)
LEASE_S = 10.0
QUICK = {"delays_s": [1, 2, 4], "until_s": 3600}


def refusing(*sequences: int, times: int = 1, answer: Answer = DOWN) -> ScriptedNetwork:
    """A network that refuses events of these sequences so many times each."""
    left = Counter(dict.fromkeys(sequences, times))

    def script(request: Request) -> Answer:
        sequence = arrival(request).sequence
        if left[sequence] > 0:
            left[sequence] -= 1
            return answer
        return OK

    return ScriptedNetwork(script)


class DeliveryConformance:
    """At least once, in order per key, and nobody in another's way."""

    async def test_every_event_arrives_once_and_in_order(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = Bench(store, clock, ScriptedNetwork())
        await bench.webhook("crm")
        await bench.post(*("a", "b", "c") * 50)
        await bench.settle()
        assert len(bench.network.accepted) == 150
        for key in "abc":
            assert bench.network.sequences(key) == list(range(1, 51))

    async def test_order_per_key_holds_through_retries_and_other_keys_go_on(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        calls = Counter[str]()

        def script(request: Request) -> Answer:
            seen = arrival(request)
            calls[seen.id] += 1
            return DOWN if seen.key == "a" and seen.sequence == 2 and calls[seen.id] < 4 else OK

        bench = Bench(store, clock, ScriptedNetwork(script))
        await bench.webhook("crm", retry=QUICK)
        await bench.post(*("a", "b") * 10)
        await bench.settle()
        assert bench.network.sequences("a") == [1]
        assert bench.network.sequences("b") == list(range(1, 11))
        await bench.post("a", "b")
        await bench.pass_time(8)
        assert bench.network.sequences("a") == list(range(1, 12))
        assert bench.network.sequences("b") == list(range(1, 12))

    async def test_a_lane_opens_once_it_is_empty_and_then_goes_live_again(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = Bench(store, clock, refusing(1))
        webhook = await bench.webhook("crm", retry=QUICK)
        await bench.post("a", "a", "a")
        await bench.settle()
        assert await _lanes(store) == {webhook: 1}
        await bench.pass_time(2)
        assert await _lanes(store) == {}
        await bench.post("a")
        await bench.settle()
        assert bench.network.sequences("a") == [1, 2, 3, 4]

    async def test_an_endpoint_gets_exactly_the_events_made_after_it(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = Bench(store, clock, ScriptedNetwork())
        await bench.webhook("early")
        await bench.post("a", "b")
        await bench.webhook("late")
        await bench.post("a", "c")
        await bench.settle()
        late = [(each.key, each.sequence) for each in bench.network.accepted if "late" in each.url]
        assert sorted(late) == [("a", 2), ("c", 1)]

    async def test_an_owner_that_dies_loses_nothing_and_repeats_only_what_was_under_way(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        gate = Gate()
        network = ScriptedNetwork(lambda r: gate(r) if arrival(r).sequence > 3 else OK)
        first = Bench(store, clock, network, owner="first")
        await first.webhook("crm")
        await first.post(*"ab" * 6)
        await first.until(lambda: gate.waiting == 2 and len(network.accepted) == 6)
        clock.advance(LEASE_S + 1)
        second = Bench(store, clock, ScriptedNetwork(), owner="second")
        await second.take_over()
        arrived = Counter(
            (each.key, each.sequence) for each in network.accepted + second.network.accepted
        )
        assert set(arrived) == {(key, n) for key in "ab" for n in range(1, 7)}
        gate.open()

    async def test_a_stale_owner_writes_nothing_and_sends_nothing_more(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        gate = Gate()
        first = Bench(store, clock, ScriptedNetwork(gate), owner="first")
        webhook = await first.webhook("crm", max_in_flight=1)
        await first.post("a", "b", "c")
        await first.until(lambda: gate.waiting == 1)
        clock.advance(LEASE_S + 1)
        second = Bench(store, clock, ScriptedNetwork(), owner="second")
        await second.take_over()
        gate.open()
        await first.settle()
        assert len(first.network.requests) == 1
        for view in await _views(store):
            made = await store.deliveries.attempts(
                DEFAULT_ACCOUNT, webhook, view.partition, view.position
            )
            assert len(made) == 1

    async def test_a_new_owner_skips_what_was_accepted_above_the_cursor(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        gate = Gate()
        network = ScriptedNetwork(lambda r: gate(r) if arrival(r).key == "stuck" else OK)
        first = Bench(store, clock, network, owner="first")
        await first.webhook("crm")
        await first.post("stuck", *"abcd")
        await first.until(lambda: len(network.accepted) == 4)
        clock.advance(1)
        for _ in range(20):
            await first.step()
        clock.advance(LEASE_S + 1)
        second = Bench(store, clock, ScriptedNetwork(), owner="second")
        await second.take_over()
        assert [each.key for each in second.network.accepted] == ["stuck"]
        gate.open()

    async def test_after_an_orderly_stop_nothing_is_sent_again(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        first = Bench(store, clock, ScriptedNetwork(), owner="first")
        await first.webhook("crm")
        await first.post(*"abc")
        await first.settle()
        await first.dispatcher.stop()
        second = Bench(store, clock, ScriptedNetwork(), owner="second")
        await second.post("d")
        await second.settle()
        assert [each.key for each in second.network.accepted] == ["d"]

    async def test_a_range_meets_the_live_head_with_nothing_missed_and_nothing_twice(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        gate = Gate()
        network = ScriptedNetwork(lambda r: gate(r) if "slow" in r.url else OK)
        bench = Bench(store, clock, network)
        await bench.webhook("slow")
        await bench.webhook("quick")
        keys = [f"k{n % 90}" for n in range(900)]
        for begin in range(0, 900, 100):
            await bench.post(*keys[begin : begin + 100])
            await bench.until(partial(_has, network, "quick", begin + 100))
        assert await _held(store) >= 1
        gate.open()
        await bench.until(lambda: _at(network, "slow") >= 500)
        await bench.post(*keys[:90])
        await bench.pass_time(1)
        assert await _held(store) == 0
        for name in ("slow", "quick"):
            url = f"https://{name}.example/hook"
            for key in set(keys):
                assert network.sequences(key, url) == list(range(1, 12)), (name, key)

    async def test_a_range_survives_its_owner(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        gate = Gate()
        first = Bench(store, clock, ScriptedNetwork(gate), owner="first")
        await first.webhook("slow")
        keys = [f"k{n % 70}" for n in range(700)]
        await first.post(*keys)
        await first.until(lambda: gate.waiting == 16)
        for _ in range(20):
            await first.step()
        assert await _held(store) >= 1
        clock.advance(LEASE_S + 1)
        second = Bench(store, clock, ScriptedNetwork(), owner="second")
        await second.take_over()
        await second.pass_time(1)
        for key in set(keys):
            assert second.network.sequences(key) == list(range(1, 11))
        gate.open()

    async def test_too_many_closed_lanes_hold_the_endpoint_instead_of_filling_rows(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        down = True
        network = ScriptedNetwork(lambda _: DOWN if down else OK)
        bench = Bench(store, clock, network)
        webhook = await bench.webhook("dead", retry=QUICK, max_in_flight=256)
        keys = _keys_of_one_partition(store, 3000)
        for begin in range(0, 3000, 100):
            await bench.post(*keys[begin : begin + 100])
            await bench.settle()
        lanes = (await _lanes(store))[webhook]
        assert 1000 <= lanes <= 1000 + 2 * 256
        assert await _held(store) >= 1
        down = False
        await bench.pass_time(30, step_s=1)
        assert sorted(each.key for each in network.accepted) == sorted(keys)

    async def test_a_slow_endpoint_delays_no_other(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        gate = Gate()
        network = ScriptedNetwork(lambda r: gate(r) if "slow" in r.url else OK)
        bench = Bench(store, clock, network, bounds=Bounds(in_flight=64))
        await bench.webhook("slow")
        await bench.webhook("quick")
        await bench.post(*(f"k{n}" for n in range(1000)))
        await bench.until(lambda: _at(network, "quick") == 1000)
        assert _at(network, "slow") == 0
        gate.open()
        await bench.settle()
        assert _at(network, "slow") == 1000

    async def test_what_is_given_up_is_parked_and_its_lane_goes_on(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = Bench(store, clock, refusing(2, answer=Answer(404)))
        webhook = await bench.webhook("crm", retry={"profile": "brief"})
        await bench.post("a", "a", "a")
        await bench.settle()
        assert bench.network.sequences("a") == [1, 3]
        failed = await listed(store, DeliveryFilter(status=DeliveryStatus.FAILED))
        assert [(each.webhook, each.attempts) for each in failed] == [(webhook, 1)]
        assert "404" in (failed[0].reason or "")

    async def test_exhaustion_after_a_lane_was_closed_opens_it(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = Bench(store, clock, refusing(1, times=9))
        await bench.webhook("crm", retry={"profile": "brief"})
        await bench.post("a", "a")
        await bench.pass_time(8)
        assert bench.network.sequences("a") == [2]
        assert await _lanes(store) == {}

    async def test_a_failed_delivery_is_sent_again_on_request(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = Bench(store, clock, refusing(1, answer=Answer(404)))
        webhook = await bench.webhook("crm", retry={"profile": "brief"})
        await bench.post("a")
        await bench.settle()
        assert bench.network.accepted == []
        [view] = await _views(store)
        await store.deliveries.request_retry(webhook, view.partition, view.position)
        await bench.pass_time(1)
        assert bench.network.sequences("a") == [1]
        [view] = await _views(store)
        assert (view.status, view.attempts) == (DeliveryStatus.DELIVERED, 2)

    async def test_a_queued_delivery_is_hurried_on_request(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = Bench(store, clock, refusing(1))
        webhook = await bench.webhook("crm", retry={"delays_s": [600]})
        await bench.post("a", "a")
        await bench.settle()
        last = (await _views(store))[0]
        await store.deliveries.request_retry(webhook, last.partition, last.position)
        await bench.pass_time(1)
        assert bench.network.sequences("a") == [1, 2]

    async def test_a_due_retry_starts_within_a_quarter_of_a_second(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = Bench(store, clock, refusing(1))
        await bench.webhook("crm", retry={"delays_s": [10]})
        await bench.post("a")
        await bench.settle()
        await bench.pass_time(9.9, step_s=0.1)
        assert bench.network.accepted == []
        await bench.pass_time(0.35, step_s=0.05)
        assert bench.network.sequences("a") == [1]

    async def test_an_event_that_cannot_be_sent_stops_nothing_else(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bad = Answer(None, FailureKind.INTERNAL, "cannot be built")
        bench = Bench(store, clock, refusing(2, answer=bad))
        await bench.webhook("crm")
        await bench.post("a", "a", "a", "b")
        await bench.settle()
        assert bench.network.sequences("a") == [1, 3]
        assert bench.network.sequences("b") == [1]

    async def test_a_result_that_cannot_be_stored_leaves_a_stub_and_holds_up_no_other(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = Bench(store, clock, ScriptedNetwork())
        webhook = await bench.webhook("crm")
        await bench.post("a", "b")
        lease = (await store.leases.acquire("other", "me", LEASE_S)).taken[0]
        good = _attempt(webhook, lease.partition, 1, status=200)
        bad = _attempt(webhook, lease.partition, 2, status=2**70)
        report = await store.dispatch.apply([PartitionChanges(lease, 2, attempts=(good, bad))])
        assert report.stubs == 1
        for position in (1, 2):
            kept = await store.deliveries.attempts(
                DEFAULT_ACCOUNT, webhook, lease.partition, position
            )
            assert len(kept) == 1

    async def test_410_disables_the_endpoint_and_cancels_what_waits(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = Bench(store, clock, ScriptedNetwork(lambda _: Answer(410)))
        webhook = await bench.webhook("gone", max_in_flight=1)
        await bench.post("a", "b", "c")
        await bench.settle()
        assert len(bench.network.requests) == 1
        stored = await store.webhooks.webhook(DEFAULT_ACCOUNT, webhook)
        assert stored is not None
        assert b'"enabled":false' in stored.document.replace(b" ", b"")
        canceled = await listed(store, DeliveryFilter(status=DeliveryStatus.CANCELED))
        assert len(canceled) == 3

    async def test_without_order_a_failing_event_delays_no_later_one_of_its_key(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = Bench(store, clock, refusing(1))
        await bench.webhook("crm", ordered=False, retry=QUICK)
        await bench.post("a", "a", "a")
        await bench.settle()
        assert bench.network.sequences("a") == [2, 3]
        await bench.pass_time(2)
        assert sorted(bench.network.sequences("a")) == [1, 2, 3]

    async def test_an_outage_longer_than_several_retries_is_made_up_in_order(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        down = True
        network = ScriptedNetwork(lambda r: DOWN if down and "crm" in r.url else OK)
        bench = Bench(store, clock, network)
        await bench.webhook("crm", retry=QUICK)
        await bench.webhook("ads")
        for _ in range(10):
            await bench.post(*(f"k{n}" for n in range(20)))
            await bench.pass_time(2)
        assert _at(network, "ads") == 200
        down = False
        await bench.pass_time(20)
        for n in range(20):
            arrived = network.sequences(f"k{n}", "https://crm.example/hook")
            assert sorted(arrived) == list(range(1, 11))
            assert in_order(arrived)


def _has(network: ScriptedNetwork, name: str, count: int) -> bool:
    return _at(network, name) == count


def _at(network: ScriptedNetwork, name: str) -> int:
    return sum(1 for each in network.accepted if name in each.url)


def _keys_of_one_partition(store: ConformingStore, count: int) -> list[str]:
    named = (f"k{n}" for n in itertools.count())
    mine = (key for key in named if partition_of(DEFAULT_ACCOUNT, key, store.log.partitions) == 0)
    return list(itertools.islice(mine, count))


async def _held(store: ConformingStore) -> int:
    return sum([len(await store.dispatch.held(p)) for p in range(store.log.partitions)])


async def _lanes(store: ConformingStore) -> Counter[WebhookId]:
    lanes = Counter[WebhookId]()
    for partition in range(store.log.partitions):
        lanes.update(await store.dispatch.lane_counts(partition))
    return lanes


async def _views(store: ConformingStore) -> list[DeliveryView]:
    return await listed(store, DeliveryFilter())


def _attempt(webhook: WebhookId, partition: int, position: int, *, status: int) -> AttemptRecord:
    return AttemptRecord(
        webhook=webhook,
        partition=partition,
        position=position,
        account=DEFAULT_ACCOUNT,
        event_id=EventId(f"evt_{position}"),
        event_type="custom.step",
        key="a",
        number=1,
        started_ms=0,
        duration_ms=1.0,
        accepted=True,
        status=status,
        error=None,
        response=None,
    )
