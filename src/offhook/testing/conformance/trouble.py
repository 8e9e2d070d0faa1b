"""What an endpoint in trouble costs, and what is told of it, on any store.

Subclass ``TroubleConformance`` in a test module that has the fixtures ``store`` and ``clock``.
"""

import asyncio
from collections import Counter

import msgspec

from offhook.delivery.engine.announcer import Announcer
from offhook.delivery.entries import (
    Answer,
    DeliveryFilter,
    DeliveryStatus,
    FailureKind,
    Request,
)
from offhook.delivery.lists.traces import AHEAD
from offhook.log.appender import Appender
from offhook.log.entries import FeedFilter
from offhook.log.fold import fold
from offhook.model.event import LogEvent
from offhook.model.ids import DEFAULT_ACCOUNT, WebhookId
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.lists import listed
from offhook.testing.conformance.material import change
from offhook.testing.conformance.probing import held
from offhook.testing.conformance.stores import ConformingStore
from offhook.testing.engine import Bench
from offhook.testing.network import OK, ScriptedNetwork, arrival

DOWN = Answer(503)
HANGS = Answer(None, FailureKind.TIMEOUT)
QUICK = {"delays_s": [1, 2, 4], "until_s": 86_400}
BRIEF = {"profile": "brief"}


class Crm:
    """An endpoint that is down until it is put right, and one beside it that is well."""

    def __init__(self, answer: Answer = DOWN) -> None:
        self.down = True
        self.answer = answer
        self.network = ScriptedNetwork(self)

    def __call__(self, request: Request) -> Answer:
        """The script."""
        return self.answer if self.down and "crm" in request.url else OK

    @property
    def tried(self) -> int:
        """How many requests it got."""
        return sum("crm" in request.url for request in self.network.requests)


class TroubleConformance:
    """A dead endpoint is left alone, one event does not hold up its key for ever; it is told."""

    async def test_a_dead_endpoint_is_probed_once_a_minute_and_costs_no_more_than_its_rows(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Crm()
        bench = Bench(store, clock, crm.network)
        webhook = await bench.webhook("crm", retry=QUICK)
        await bench.webhook("ads")
        await self._open_circuit(bench, crm)
        rows, tried = await _rows(store, webhook), crm.tried
        for _ in range(60):
            await bench.post(*(f"n{n}" for n in range(20)))
            await bench.pass_time(60, step_s=20)
        assert crm.tried - tried <= 61
        assert await _rows(store, webhook) <= rows + 61
        assert len([it for it in crm.network.accepted if "ads" in it.url]) >= 1_200
        assert webhook in await held(store)

    async def test_what_waits_for_a_dead_endpoint_does_not_hold_the_cursor_back(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Crm()
        bench = Bench(store, clock, crm.network)
        await bench.webhook("crm", retry=QUICK)
        await self._open_circuit(bench, crm)
        await bench.post(*(f"n{n}" for n in range(50)))
        await bench.pass_time(3)
        await bench.dispatcher.stop()
        taken = await store.leases.acquire("deliver", "next", 10)
        for lease in taken.taken:
            assert lease.cursor == await store.log.head(lease.partition)

    async def test_once_it_accepts_a_probe_it_gets_all_in_order(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Crm()
        bench = Bench(store, clock, crm.network)
        await bench.webhook("crm", retry=QUICK)
        await self._open_circuit(bench, crm)
        for _ in range(5):
            await bench.post(*(f"k{n}" for n in range(40)))
            await bench.pass_time(20)
        crm.down = False
        await bench.pass_time(70)
        head = Counter[str]()
        for key in [f"k{n}" for n in range(40)]:
            got = crm.network.sequences(key)
            head[key] = len(got)
            assert got == list(range(1, len(got) + 1))
        assert min(head.values()) >= 5
        assert await store.dispatch.lane_counts(0) == {}

    async def test_nothing_is_given_up_while_the_circuit_is_open(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Crm()
        bench = Bench(store, clock, crm.network)
        webhook = await bench.webhook("crm", retry=QUICK)
        await self._open_circuit(bench, crm)
        before = await _count(store, webhook, DeliveryStatus.FAILED)
        await bench.post("late")
        await bench.pass_time(50, step_s=5)
        assert await _count(store, webhook, DeliveryStatus.FAILED) == before
        crm.down = False
        await bench.pass_time(70, step_s=5)
        assert crm.network.sequences("late") == [1]

    async def test_it_is_found_to_be_back_in_a_minute_or_so_whenever_retries_are_due(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Crm()
        bench = Bench(store, clock, crm.network)
        await bench.webhook("crm", retry={"delays_s": [5, 30, 20_000], "until_s": 80_000})
        await bench.post(*(f"k{n}" for n in range(20)))
        await bench.pass_time(600, step_s=5)
        await bench.post(*(f"n{n}" for n in range(20)))
        await bench.pass_time(600, step_s=5)
        crm.down = False
        await bench.pass_time(75, step_s=5)
        assert all(crm.network.sequences(f"n{n}") == [1] for n in range(20))

    async def test_a_probe_that_fails_uses_up_no_attempt(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Crm()
        bench = Bench(store, clock, crm.network)
        webhook = await bench.webhook("crm", retry={"delays_s": [5, 30, 3_000]})
        await bench.post(*(f"k{n}" for n in range(8)))
        await bench.pass_time(2_500, step_s=10)
        assert await _count(store, webhook, DeliveryStatus.FAILED) == 0
        crm.down = False
        await bench.pass_time(700, step_s=10)
        assert all(crm.network.sequences(f"k{n}") == [1] for n in range(8))

    async def test_one_event_refused_for_ever_does_not_keep_others_from_a_quiet_endpoint(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        network = ScriptedNetwork(_refuse_first_of_a)
        bench = Bench(store, clock, network)
        await bench.webhook("crm", retry={"delays_s": [5], "until_s": 80_000})
        await bench.post("a", "a")
        await bench.pass_time(600, step_s=5)
        await bench.post("b", "c")
        await bench.pass_time(130, step_s=5)
        assert network.sequences("b") == network.sequences("c") == [1]

    async def test_an_endpoint_that_hangs_gets_fewer_and_fewer_requests_at_once(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        under_way = most = 0
        widest = []
        crowd = asyncio.Event()

        async def hang(_request: Request) -> Answer:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            if under_way == 16:
                crowd.set()
            # However long a busy machine takes to begin them: the first ones wait for the rest.
            await crowd.wait()
            await asyncio.sleep(0.01)
            under_way -= 1
            return HANGS

        bench = Bench(store, clock, ScriptedNetwork(hang))
        await bench.webhook("crm", retry={"delays_s": [1] * 50})
        await bench.post(*(f"k{n}" for n in range(30)))
        for _ in range(4):
            most = 0
            await bench.pass_time(1)
            widest.append(most)
        assert widest[0] == 16
        assert widest[-1] == 1

    async def test_an_event_refused_alone_lets_its_lane_go_after_max_hold(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        network = ScriptedNetwork(_refuse_first_of_a)
        bench = Bench(store, clock, network)
        webhook = await bench.webhook("crm", max_hold_s=60, retry={"delays_s": [20] * 90})
        await bench.post("a", "a", "a", "b")
        await bench.pass_time(50, step_s=5)
        assert network.sequences("a") == []
        for _ in range(3):
            await bench.post("b")
            await bench.pass_time(10)
        assert network.sequences("a") == [2, 3]
        assert await store.dispatch.lane_counts(0) == {}
        await bench.post("a")
        await bench.pass_time(1)
        assert network.sequences("a") == [2, 3, 4]
        network.script = lambda _: OK
        await bench.pass_time(25, step_s=5)
        assert network.sequences("a") == [2, 3, 4, 1]
        assert _marks(network, "a", 1) == {None, "1"}
        assert _marks(network, "b", 1) == {None}
        views = await listed(store, DeliveryFilter(webhook=webhook, key="a"))
        first = views[-1]
        attempts = await store.deliveries.attempts(
            DEFAULT_ACCOUNT, webhook, first.partition, first.position
        )
        assert attempts[0].late
        assert not attempts[-1].late

    async def test_a_lane_that_was_let_go_stays_unordered_until_it_is_empty(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        refused = {1, 3}

        def script(request: Request) -> Answer:
            seen = arrival(request)
            return DOWN if seen.key == "a" and seen.sequence in refused else OK

        network = ScriptedNetwork(script)
        bench = Bench(store, clock, network)
        await bench.webhook("crm", max_hold_s=30, retry={"delays_s": [10] * 90})
        await bench.post("a", "a")
        for _ in range(5):
            await bench.post("b")
            await bench.pass_time(10)
        assert network.sequences("a") == [2]
        await bench.post("a", "a")
        await bench.pass_time(2)
        assert network.sequences("a") == [2, 4]
        refused.clear()
        await bench.pass_time(12)
        assert sorted(network.sequences("a")) == [1, 2, 3, 4]
        refused.add(5)
        await bench.post("a", "a")
        await bench.pass_time(2)
        assert sorted(network.sequences("a")) == [1, 2, 3, 4]

    async def test_while_the_endpoint_itself_fails_its_lanes_are_held_for_as_long_as_it_takes(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Crm()
        bench = Bench(store, clock, crm.network)
        await bench.webhook("crm", max_hold_s=10, retry=QUICK)
        await bench.post("a", "a", "b")
        await bench.pass_time(120, step_s=2)
        crm.down = False
        await bench.pass_time(70, step_s=2)
        assert crm.network.sequences("a") == [1, 2]

    async def test_failing_is_told_at_the_fifth_failure_in_a_row_and_so_is_recovery(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Crm()
        bench = Bench(store, clock, crm.network)
        webhook = await bench.webhook("crm", retry={"delays_s": [2] * 50})
        await bench.post("a")
        await bench.pass_time(7)
        assert await _told(bench) == []
        await bench.pass_time(3)
        [failing] = await _told(bench)
        assert failing.type == "webhook.failing"
        told = msgspec.json.decode(failing.data)
        assert (told["webhook_id"], told["failures"] >= 5) == (webhook, True)
        crm.down = False
        await bench.pass_time(10)
        assert [it.type for it in await _told(bench)] == ["webhook.failing", "webhook.recovered"]

    async def test_an_endpoint_is_disabled_after_five_days_without_a_success(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Crm()
        bench = Bench(store, clock, crm.network)
        webhook = await bench.webhook("crm", retry={"delays_s": [14_400], "until_s": 604_800})
        await bench.post("a", "b")
        await bench.pass_time(4.9 * 86_400, step_s=3_000)
        assert await _count(store, webhook, DeliveryStatus.PENDING) == 2
        await bench.pass_time(0.4 * 86_400, step_s=3_000)
        assert await _count(store, webhook, DeliveryStatus.CANCELED) == 2
        stored = await store.webhooks.webhook(DEFAULT_ACCOUNT, webhook)
        assert stored is not None
        assert "no attempt was accepted since" in (stored.disabled_reason or "")
        told = await _told(bench)
        assert [it.type for it in told] == ["webhook.failing", "webhook.disabled"]
        assert msgspec.json.decode(told[-1].data)["reason"] == stored.disabled_reason

    async def test_enabled_again_it_has_another_five_days(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Crm()
        bench = Bench(store, clock, crm.network)
        webhook = await bench.webhook("crm", retry={"delays_s": [14_400], "until_s": 604_800})
        await bench.post("a", "b")
        await bench.pass_time(5.3 * 86_400, step_s=3_000)
        await change(store, webhook, enabled=True)
        await bench.post("c")
        await bench.pass_time(2 * 86_400, step_s=3_000)
        assert await _count(store, webhook, DeliveryStatus.PENDING) == 1

    async def test_what_is_given_up_is_told_once_and_never_to_whom_it_speaks_of(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Crm()
        bench = Bench(store, clock, crm.network)
        webhook = await bench.webhook("crm", events=["*", "delivery.*", "webhook.*"], retry=BRIEF)
        await bench.webhook("ads", events=["delivery.exhausted"])
        await bench.post("a")
        await bench.pass_time(10)
        [exhausted] = await _told(bench)
        told = msgspec.json.decode(exhausted.data)
        assert (told["webhook_id"], told["attempts"], told["last_status"]) == (webhook, 4, 503)
        tried = crm.tried
        await bench.pass_time(5)
        assert crm.tried == tried
        assert [it.type for it in crm.network.accepted if "ads" in it.url] == ["delivery.exhausted"]

    async def test_what_speaks_of_deliveries_gives_rise_to_nothing_further(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        network = ScriptedNetwork(lambda _: DOWN)
        bench = Bench(store, clock, network)
        await bench.webhook("crm", retry=BRIEF)
        await bench.webhook("ads", events=["delivery.exhausted"], retry=BRIEF)
        await bench.post("a")
        for _ in range(5):
            await bench.pass_time(10)
            await _told(bench)
        assert [it.type for it in await _told(bench)] == ["delivery.exhausted"]

    async def test_410_to_what_speaks_of_deliveries_disables_too_and_that_is_told(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        network = ScriptedNetwork(lambda it: Answer(410) if "ads" in it.url else DOWN)
        bench = Bench(store, clock, network)
        await bench.webhook("crm", retry=BRIEF)
        ads = await bench.webhook("ads", events=["delivery.exhausted"])
        await bench.post("a")
        await bench.pass_time(10)
        await _told(bench)
        told = {it.type: it for it in await _told(bench)}
        assert told.keys() == {"delivery.exhausted", "webhook.disabled"}
        assert msgspec.json.decode(told["webhook.disabled"].data)["webhook_id"] == ads

    async def test_an_announcement_handed_over_twice_is_in_the_log_once(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = Bench(store, clock, ScriptedNetwork(lambda _: DOWN))
        await bench.webhook("crm", retry=BRIEF)
        await bench.post("a")
        await bench.pass_time(10)
        found = await store.announcements.announcements(range(store.log.partitions), 10)
        await _told(bench, forget=False)
        assert await store.announcements.announcements(range(store.log.partitions), 10) == found
        assert len(await _told(bench)) == 1
        assert await store.announcements.announcements(range(store.log.partitions), 10) == []

    async def _open_circuit(self, bench: Bench, crm: Crm) -> None:
        await bench.post(*(f"k{n}" for n in range(30)))
        await bench.pass_time(45, step_s=1)
        tried = crm.tried
        await bench.pass_time(4, step_s=1)
        assert crm.tried - tried <= 1


def _refuse_first_of_a(request: Request) -> Answer:
    seen = arrival(request)
    return DOWN if (seen.key, seen.sequence) == ("a", 1) else OK


def _marks(network: ScriptedNetwork, key: str, sequence: int) -> set[str | None]:
    """What the requests of one event said of being late."""
    return {
        request.headers.get("webhook-late")
        for request in network.requests
        if (arrival(request).key, arrival(request).sequence) == (key, sequence)
    }


async def _rows(store: ConformingStore, webhook: WebhookId) -> int:
    """How many rows of its own an endpoint has."""
    wanted = DeliveryFilter(webhook=webhook, status=DeliveryStatus.PENDING)
    return sum(view.reason != AHEAD for view in await listed(store, wanted))


async def _count(store: ConformingStore, webhook: WebhookId, status: DeliveryStatus) -> int:
    wanted = DeliveryFilter(webhook=webhook, status=status)
    return len(await listed(store, wanted))


class _Forgetful:
    """Announcements that cannot be taken out: whoever handed them over died."""

    def __init__(self, store: ConformingStore) -> None:
        self.announcements = store.announcements.announcements

    async def announced(self, numbers: object) -> None:
        """They stay."""


async def _told(bench: Bench, *, forget: bool = True) -> list[LogEvent]:
    """Have what is announced handed over; the log's events about endpoints and deliveries."""
    store: ConformingStore = bench.store  # type: ignore[assignment]
    appender = Appender(store=store.log, fold=fold)
    appender.start()
    announcer = Announcer(
        store=store.announcements if forget else _Forgetful(store),
        appender=appender,
        partitions=lambda: range(store.log.partitions),
    )
    await announcer.run_once()
    await appender.stop()
    await bench.settle()
    wanted = FeedFilter(types=("webhook.*", "delivery.*"))
    return list((await store.feed.feed(DEFAULT_ACCOUNT, {}, 100, wanted)).events)
