"""What replays send, on any store: the real dispatcher over it, on a scripted network. Needs the
fixtures ``store`` and ``clock``."""

from collections import Counter

from offhook.delivery.entries import Answer, DeliveryFilter, DeliveryStatus
from offhook.delivery.queueing.queues import QUEUE_BOUND
from offhook.delivery.replays.entries import (
    ReplayCounts,
    ReplayState,
)
from offhook.model.event import to_ms
from offhook.model.ids import DEFAULT_ACCOUNT
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.lists import listed
from offhook.testing.conformance.material import change
from offhook.testing.conformance.replay_material import (
    ALL,
    AT_ONCE,
    DOWN,
    FAILED,
    REFUSED,
    UNDELIVERED,
    Receiver,
    ask,
    finished,
    job_of,
    statuses,
)
from offhook.testing.conformance.stores import ConformingStore
from offhook.testing.engine import Bench, in_order
from offhook.testing.network import OK, Gate, ScriptedNetwork


class ReplayConformance:
    """What was not delivered is sent again on somebody's word, beside live, and never lost."""

    async def test_what_was_given_up_is_sent_again_and_nothing_else(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Receiver(REFUSED)
        bench = Bench(store, clock, crm.network)
        webhook = await bench.webhook("crm", retry=AT_ONCE)
        await bench.post(*"ab" * 5)
        await bench.settle()
        crm.answer = OK
        await bench.post("a", "b")
        await bench.settle()
        job = await finished(bench, await ask(bench, webhook, FAILED))
        assert job.state is ReplayState.COMPLETED
        assert job.counts == ReplayCounts(matched=10, accepted=10)
        assert job.read == job.positions
        for key in "ab":
            assert bench.network.sequences(key) == [6, 1, 2, 3, 4, 5]
        assert {each[2] for each in crm.replayed} == {job.job.id}
        assert await statuses(store) == {DeliveryStatus.DELIVERED: 12}

    async def test_attempts_say_which_replay_made_them(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Receiver(REFUSED)
        bench = Bench(store, clock, crm.network)
        webhook = await bench.webhook("crm", retry=AT_ONCE)
        await bench.post("a")
        await bench.settle()
        crm.answer = OK
        job = await finished(bench, await ask(bench, webhook, FAILED))
        [view] = await listed(store, DeliveryFilter())
        records = await store.deliveries.attempts(
            DEFAULT_ACCOUNT, webhook, view.partition, view.position
        )
        assert [(it.accepted, it.replay) for it in records] == [(True, job.job.id), (False, None)]

    async def test_what_fails_again_is_retried_as_if_it_were_new_in_the_order_of_its_key(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Receiver(REFUSED)
        bench = Bench(store, clock, crm.network)
        webhook = await bench.webhook("crm", retry=AT_ONCE)
        await bench.post(*"aaa", "b")
        await bench.settle()
        clock.advance(7200)
        crm.answer = OK
        crm.refused[1] = 4
        job = await ask(bench, webhook, FAILED)
        await bench.pass_time(0.75)
        assert (await job_of(bench, job)).counts.waiting > 0
        await bench.post("a")
        await bench.settle()
        assert 4 in bench.network.sequences("a")
        done = await finished(bench, job)
        assert done.counts == ReplayCounts(matched=4, accepted=4)
        replayed = [n for key, n, _ in crm.replayed if key == "a"]
        assert in_order(replayed)
        assert Counter(bench.network.sequences("a")) == Counter([1, 2, 3, 4])

    async def test_what_is_given_up_again_is_counted_and_stays_failed(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Receiver(REFUSED)
        bench = Bench(store, clock, crm.network)
        webhook = await bench.webhook("crm", retry=AT_ONCE)
        await bench.post(*"abc")
        await bench.settle()
        job = await finished(bench, await ask(bench, webhook, FAILED))
        assert job.counts == ReplayCounts(matched=3, failed=3)
        assert await statuses(store) == {DeliveryStatus.FAILED: 3}
        crm.answer = OK
        again = await finished(bench, await ask(bench, webhook, FAILED))
        assert again.counts == ReplayCounts(matched=3, accepted=3)

    async def test_undelivered_is_also_what_was_canceled_and_what_came_while_it_was_disabled(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Receiver()
        bench = Bench(store, clock, crm.network)
        await bench.post("a")
        webhook = await bench.webhook("crm", retry=AT_ONCE)
        await bench.post("a")
        await bench.settle()
        crm.answer = DOWN
        await bench.post("a", "b")
        await bench.settle()
        await change(store, webhook, enabled=False)
        await bench.settle()
        await bench.post("a", "b", "c")
        await bench.settle()
        await bench.pass_time(2)
        crm.answer = OK
        await change(store, webhook, enabled=True)
        await bench.pass_time(2)
        await bench.post("c")
        await bench.settle()
        assert bench.network.sequences("a") == [2]
        job = await finished(bench, await ask(bench, webhook, UNDELIVERED))
        assert job.counts == ReplayCounts(matched=5, accepted=5)
        assert bench.network.sequences("a") == [2, 3, 4]
        assert bench.network.sequences("b") == [1, 2]
        assert sorted(bench.network.sequences("c")) == [1, 2]

    async def test_what_came_while_it_was_disabled_is_found_though_another_endpoint_hangs(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        hangs, crm = Gate(), Receiver()
        network = crm.network
        answers = network.script
        network.script = lambda it: hangs(it) if "hung" in it.url else answers(it)
        bench = Bench(store, clock, network)
        await bench.webhook("hung")
        webhook = await bench.webhook("crm", retry=AT_ONCE)
        await bench.post("z")
        await bench.until(lambda: len(network.accepted) == 1 and hangs.waiting == 1)
        await change(store, webhook, enabled=False)
        await bench.post(*"abc" * 5)
        await bench.until(lambda: hangs.waiting == 4)
        await change(store, webhook, enabled=True)
        await bench.post("y")
        await bench.until(lambda: len(network.accepted) == 2)
        replay = await ask(bench, webhook, UNDELIVERED)
        await bench.go_on(5, step_s=0.05)
        job = await job_of(bench, replay)
        assert job.state is ReplayState.COMPLETED
        assert job.counts == ReplayCounts(matched=15, accepted=15)
        for key in "abc":
            assert network.sequences(key) == [1, 2, 3, 4, 5]
        hangs.open()

    async def test_what_was_in_flight_when_it_was_disabled_is_waited_for_and_sent_again(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        hangs, network = Gate(Answer(503)), ScriptedNetwork()
        bench = Bench(store, clock, network)
        webhook = await bench.webhook("crm", retry=AT_ONCE, max_in_flight=1)
        network.script = hangs
        await bench.post(*"aab")
        await bench.until(lambda: hangs.waiting == 1)
        await change(store, webhook, enabled=False)
        await bench.go_on(0.5, step_s=0.05)
        await bench.post("a", "c")
        await change(store, webhook, enabled=True)
        network.script = lambda _: OK
        await bench.until(lambda: bool(network.sequences("c")))
        replay = await ask(bench, webhook, UNDELIVERED)
        await bench.go_on(2, step_s=0.05)
        assert (await job_of(bench, replay)).state is ReplayState.RUNNING
        hangs.open()
        job = await finished(bench, replay)
        assert job.counts == ReplayCounts(matched=3, accepted=3)
        assert network.sequences("a") == [3, 1, 2]
        assert await statuses(store) == {DeliveryStatus.DELIVERED: 5}

    async def test_nothing_of_an_endpoint_that_hung_and_was_disabled_and_enabled_is_left_out(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        hangs, network = Gate(DOWN), ScriptedNetwork()
        bench = Bench(store, clock, network)
        webhook = await bench.webhook("crm", retry=AT_ONCE, max_in_flight=2)
        network.script = hangs
        await bench.post(*(f"k{number % 300}" for number in range(QUEUE_BOUND + 300)))
        await bench.until(lambda: hangs.waiting == 2)
        await bench.go_on(1, step_s=0.05)
        await change(store, webhook, enabled=False)
        await bench.go_on(0.25, step_s=0.05)
        await bench.post("a", "b")
        await bench.go_on(0.25, step_s=0.05)
        await change(store, webhook, enabled=True)
        await bench.post("c")
        network.script = lambda _: OK
        await bench.go_on(0.25, step_s=0.05)
        replay = await ask(bench, webhook, UNDELIVERED)
        await bench.go_on(0.25, step_s=0.05)
        hangs.open()
        job = await finished(bench, replay)
        assert job.counts.failed == 0
        arrived = {(each.key, each.sequence) for each in network.accepted}
        assert len(arrived) == QUEUE_BOUND + 303

    async def test_what_somebody_retries_while_it_is_sent_again_is_accepted_for_the_replay(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        hangs, network = Gate(DOWN), ScriptedNetwork(lambda _: REFUSED)
        bench = Bench(store, clock, network)
        webhook = await bench.webhook("crm", retry=AT_ONCE)
        await bench.post("a")
        await bench.settle()
        [view] = await listed(store, DeliveryFilter())
        network.script = hangs
        replay = await ask(bench, webhook, FAILED)
        await bench.go_on(2, step_s=0.05)
        assert hangs.waiting == 1
        await store.deliveries.request_retry(webhook, view.partition, view.position)
        bench.dispatcher.asked()
        await bench.go_on(2, step_s=0.05)
        network.script = lambda _: OK
        hangs.open()
        job = await finished(bench, replay)
        assert job.counts == ReplayCounts(matched=1, accepted=1)
        assert network.sequences("a") == [1]

    async def test_what_is_pending_is_only_hurried(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Receiver(DOWN)
        bench = Bench(store, clock, crm.network)
        slow = {"delays_s": [3000], "until_s": 30_000}
        webhook = await bench.webhook("crm", retry=slow)
        await bench.post(*"aab")
        await bench.settle()
        await bench.pass_time(2)
        crm.answer = OK
        job = await finished(bench, await ask(bench, webhook, UNDELIVERED))
        await bench.pass_time(2)
        assert job.counts == ReplayCounts(hurried=3)
        assert bench.network.sequences("a") == [1, 2]
        assert bench.network.sequences("b") == [1]
        assert crm.replayed == []

    async def test_all_sends_again_what_was_accepted_and_never_lowers_delivered(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Receiver()
        bench = Bench(store, clock, crm.network)
        webhook = await bench.webhook("crm", retry=AT_ONCE)
        await bench.post(*"abab")
        await bench.settle()
        await bench.pass_time(2)
        crm.answer = DOWN
        job = await ask(bench, webhook, ALL)
        await bench.pass_time(0.5)
        assert crm.replayed
        assert await statuses(store) == {DeliveryStatus.DELIVERED: 4}
        crm.answer = REFUSED
        done = await finished(bench, job)
        assert done.counts == ReplayCounts(matched=4, failed=4)
        assert await statuses(store) == {DeliveryStatus.DELIVERED: 4}
        failed = await listed(store, DeliveryFilter(status=DeliveryStatus.FAILED))
        assert failed == []
        none = await finished(bench, await ask(bench, webhook, UNDELIVERED))
        assert none.counts == ReplayCounts()

    async def test_it_is_of_the_time_and_the_types_that_were_asked_for(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Receiver()
        bench = Bench(store, clock, crm.network)
        webhook = await bench.webhook("crm", retry=AT_ONCE)
        moments = []
        for _ in range(4):
            moments.append(to_ms(clock.now()))
            await bench.post("a")
            clock.advance(10)
        await bench.settle()
        await bench.pass_time(2)
        job = await finished(
            bench, await ask(bench, webhook, ALL, since_ms=moments[1], until_ms=moments[3])
        )
        assert [sequence for _, sequence, _ in crm.replayed] == [2, 3]
        assert job.counts.accepted == 2
        none = await ask(bench, webhook, ALL, types=("call.*",))
        assert (await finished(bench, none)).counts == ReplayCounts()
        some = await ask(bench, webhook, ALL, types=("custom.*",))
        assert (await finished(bench, some)).counts.accepted == 4

    async def test_events_from_before_the_webhook_are_for_all_since_then_alone(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Receiver()
        bench = Bench(store, clock, crm.network)
        began_ms = to_ms(clock.now())
        await bench.post(*"aaa")
        clock.advance(10)
        webhook = await bench.webhook("crm", retry=AT_ONCE)
        await bench.settle()
        await bench.pass_time(2)
        for scope, since_ms in ((UNDELIVERED, began_ms), (ALL, None)):
            job = await finished(bench, await ask(bench, webhook, scope, since_ms=since_ms))
            assert job.counts == ReplayCounts()
        job = await finished(bench, await ask(bench, webhook, ALL, since_ms=began_ms))
        assert job.counts.accepted == 3
        assert bench.network.sequences("a") == [1, 2, 3]
