"""Finding what was not delivered, and having it tried again, on any store. Needs the fixtures
``store`` and ``clock``."""

from collections import Counter

from msgspec.structs import replace

from offhook.delivery.entries import (
    Answer,
    Asked,
    DeliveryFilter,
    DeliveryStatus,
    DeliveryView,
)
from offhook.model.event import to_ms
from offhook.model.ids import DEFAULT_ACCOUNT, WebhookId
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.lists import listed
from offhook.testing.conformance.material import (
    OTHER_ACCOUNT,
    change,
)
from offhook.testing.conformance.stores import ConformingStore
from offhook.testing.engine import Bench
from offhook.testing.network import OK, ScriptedNetwork

FAILED, CANCELED, PENDING = (
    DeliveryStatus.FAILED,
    DeliveryStatus.CANCELED,
    DeliveryStatus.PENDING,
)
REFUSED, DOWN = Answer(418), Answer(503)
SLOWLY = {"delays_s": [3000], "until_s": 30_000, "statuses": [503]}
"""503 is tried again, 418 is given up."""


class RecoveryConformance:
    """What is undelivered is listed with its reason, and tried again when somebody asks."""

    async def test_what_is_undelivered_is_listed_with_the_reason(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench, webhook = await _bench(store, clock, REFUSED)
        await bench.post("f")
        await bench.settle()
        bench.network.script = lambda _: OK
        await bench.post("d")
        await bench.settle()
        bench.network.script = lambda _: DOWN
        await bench.post(*"pp")
        await bench.settle()
        found = await _listed(store, undelivered=True, webhook=webhook)
        assert {(it.key, it.status, it.reason) for it in found} == {
            ("p", PENDING, "an earlier one of its key is not delivered yet"),
            ("p", PENDING, "status 503"),
            ("f", FAILED, "status 418 is not retried"),
        }

    async def test_it_is_listed_by_when_its_event_was_created(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench, webhook = await _bench(store, clock, REFUSED)
        moments = []
        for key in "abcd":
            moments.append(to_ms(clock.now()))
            await bench.post(key)
            await bench.settle()
            clock.advance(60)
        for since, until, keys in (
            (None, None, "abcd"),
            (moments[1], None, "bcd"),
            (moments[1] + 1, None, "cd"),
            (None, moments[2], "ab"),
            (moments[1], moments[3], "bc"),
            (moments[3] + 1, None, ""),
            (None, moments[0], ""),
        ):
            for narrowed in ({"webhook": webhook}, {"status": FAILED}, {}):
                found = await _listed(store, since_ms=since, until_ms=until, **narrowed)
                assert sorted(it.key for it in found) == list(keys), (since, until)
        one = await _listed(store, key="b", since_ms=moments[1], until_ms=moments[2])
        assert [it.key for it in one] == ["b"]
        assert await _listed(store, key="b", until_ms=moments[1]) == []

    async def test_one_that_failed_is_tried_again_in_its_place(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench, _ = await _bench(store, clock, REFUSED)
        await bench.post("a")
        await bench.settle()
        bench.network.script = lambda _: OK
        [view] = await _listed(store, status=FAILED)
        await _retry(store, bench, view)
        assert bench.network.sequences("a") == [1]
        assert await _statuses(store) == {DeliveryStatus.DELIVERED: 1}

    async def test_one_that_was_canceled_is_tried_again(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench, webhook = await _bench(store, clock, DOWN)
        await bench.post("a")
        await bench.settle()
        for enabled in (False, True):
            await change(store, webhook, enabled=enabled)
            await bench.settle()
        bench.network.script = lambda _: OK
        [view] = await _listed(store, status=CANCELED)
        await _retry(store, bench, view)
        assert bench.network.sequences("a") == [1]

    async def test_one_that_is_kept_back_brings_its_lane_forward(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench, _ = await _bench(store, clock, DOWN)
        await bench.post(*"aaa")
        await bench.settle()
        bench.network.script = lambda _: OK
        newest = (await _listed(store, status=PENDING))[0]
        await _retry(store, bench, newest)
        assert bench.network.sequences("a") == [1, 2, 3]

    async def test_many_are_tried_again_at_once(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench, webhook = await _bench(store, clock, REFUSED)
        await bench.post(*map(str, range(30)))
        await bench.settle()
        bench.network.script = lambda _: OK
        asked = await _retry_all(store, bench, status=FAILED, webhook=webhook)
        assert asked == Asked(30, more=False)
        await bench.settle()
        assert await _statuses(store) == {DeliveryStatus.DELIVERED: 30}
        assert await _retry_all(store, bench, status=FAILED) == Asked(0, more=False)

    async def test_so_many_at_a_time_and_none_twice(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench, _ = await _bench(store, clock, REFUSED)
        await bench.post(*map(str, range(25)))
        await bench.settle()
        asked = [await _retry_all(store, bench, most=10, undelivered=True) for _ in range(4)]
        assert [it.requested for it in asked] == [10, 10, 5, 0]
        assert [it.more for it in asked] == [True, True, False, False]
        bench.network.script = lambda _: OK
        bench.dispatcher.asked()
        await bench.settle()
        assert len(bench.network.accepted) == 25

    async def test_only_those_that_the_filter_lets_through(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench, webhook = await _bench(store, clock, REFUSED)
        since_ms = []
        for key in "abc":
            since_ms.append(to_ms(clock.now()))
            await bench.post(key)
            await bench.settle()
            clock.advance(60)
        [view] = await _listed(store, key="a")
        for wanted, count in (
            ({"webhook": WebhookId("wh_none")}, 0),
            ({"type": "custom.other"}, 0),
            ({"type": "custom.st"}, 0),
            ({"type": "call.*"}, 0),
            ({"status": CANCELED}, 0),
            ({"event": view.event_id, "key": "b"}, 0),
            ({"event": view.event_id, "type": "custom.step"}, 1),
            ({"key": "b", "since_ms": since_ms[1], "until_ms": since_ms[2]}, 1),
            ({"type": "custom.*", "webhook": webhook}, 1),
        ):
            asked = await _retry_all(store, bench, **wanted)
            assert asked == Asked(count, more=False), wanted
        other = DeliveryFilter()
        assert await store.deliveries.request_retries(OTHER_ACCOUNT, other, 9) == Asked(
            0, more=False
        )

    async def test_pending_ones_are_hurried_and_those_of_a_disabled_endpoint_left(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench, webhook = await _bench(store, clock, DOWN)
        await bench.post(*"aab")
        await bench.settle()
        bench.network.script = lambda _: OK
        assert await _retry_all(store, bench, status=PENDING) == Asked(2, more=False)
        await bench.settle()
        assert (bench.network.sequences("a"), bench.network.sequences("b")) == ([1, 2], [1])
        bench.network.script = lambda _: DOWN
        await bench.post("a")
        await bench.settle()
        await change(store, webhook, enabled=False)
        assert await _retry_all(store, bench) == Asked(0, more=False)


async def _bench(
    store: ConformingStore, clock: FakeClock, answer: Answer
) -> tuple[Bench, WebhookId]:
    bench = Bench(store, clock, ScriptedNetwork(lambda _: answer))
    return bench, await bench.webhook("crm", retry=SLOWLY)


async def _listed(store: ConformingStore, **wanted: object) -> list[DeliveryView]:
    described = replace(DeliveryFilter(), **wanted)
    return await listed(store, described)


async def _retry(store: ConformingStore, bench: Bench, view: DeliveryView) -> None:
    await store.deliveries.request_retry(view.webhook, view.partition, view.position)
    bench.dispatcher.asked()
    await bench.settle()


async def _retry_all(
    store: ConformingStore, bench: Bench, *, most: int = 100, **wanted: object
) -> Asked:
    described = replace(DeliveryFilter(), **wanted)
    asked = await store.deliveries.request_retries(DEFAULT_ACCOUNT, described, most)
    bench.dispatcher.asked()
    return asked


async def _statuses(store: ConformingStore) -> dict[DeliveryStatus, int]:
    return dict(Counter(it.status for it in await _listed(store)))
