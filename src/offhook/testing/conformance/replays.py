"""What replays guarantee on any store: the real dispatcher over it, on a scripted network. Needs
the fixtures ``store`` and ``clock``."""

import asyncio
from collections import Counter

from msgspec.structs import replace

from offhook.delivery.dispatcher import Bounds
from offhook.delivery.entries import Answer, DeliveryFilter, DeliveryStatus, Request
from offhook.delivery.queues import QUEUE_BOUND
from offhook.delivery.replays.entries import (
    ReplayCounts,
    ReplayJob,
    ReplayScope,
    ReplayState,
    ReplayView,
)
from offhook.model.event import to_ms
from offhook.model.ids import DEFAULT_ACCOUNT, AccountId, ReplayId, WebhookId
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.lists import listed
from offhook.testing.conformance.material import OTHER_ACCOUNT
from offhook.testing.conformance.stores import ConformingStore
from offhook.testing.engine import Bench, in_order
from offhook.testing.network import OK, Gate, ScriptedNetwork, arrival

FAILED, UNDELIVERED, ALL = ReplayScope.FAILED, ReplayScope.UNDELIVERED, ReplayScope.ALL
REFUSED = Answer(418)
DOWN = Answer(503)
LEASE_S = 10.0
AT_ONCE = {"delays_s": [1, 2], "until_s": 3600, "statuses": [503]}
"""503 is tried again, 418 is given up."""


class Receiver:
    """Answers as ``answer`` says to each request; remembers what came by a replay."""

    def __init__(self, answer: Answer = OK) -> None:
        self.answer = answer
        self.refused = Counter[int]()
        self.network = ScriptedNetwork(self._answer)

    @property
    def replayed(self) -> list[tuple[str, int, str]]:
        """Key, sequence and job of each request of a replay."""
        return [
            (seen.key, seen.sequence, request.headers["webhook-replay"])
            for request in self.network.requests
            if "webhook-replay" in request.headers
            for seen in [arrival(request)]
        ]

    def _answer(self, request: Request) -> Answer:
        sequence = arrival(request).sequence
        if self.refused[sequence] > 0:
            self.refused[sequence] -= 1
            return DOWN
        return self.answer


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
        job = await _finished(bench, await _ask(bench, webhook, FAILED))
        assert job.state is ReplayState.COMPLETED
        assert job.counts == ReplayCounts(matched=10, accepted=10)
        assert job.read == job.positions
        for key in "ab":
            assert bench.network.sequences(key) == [6, 1, 2, 3, 4, 5]
        assert {each[2] for each in crm.replayed} == {job.job.id}
        assert await _statuses(store) == {DeliveryStatus.DELIVERED: 12}

    async def test_attempts_say_which_replay_made_them(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Receiver(REFUSED)
        bench = Bench(store, clock, crm.network)
        webhook = await bench.webhook("crm", retry=AT_ONCE)
        await bench.post("a")
        await bench.settle()
        crm.answer = OK
        job = await _finished(bench, await _ask(bench, webhook, FAILED))
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
        job = await _ask(bench, webhook, FAILED)
        await bench.pass_time(0.75)
        assert (await _job(bench, job)).counts.waiting > 0
        await bench.post("a")
        await bench.settle()
        assert 4 in bench.network.sequences("a")
        done = await _finished(bench, job)
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
        job = await _finished(bench, await _ask(bench, webhook, FAILED))
        assert job.counts == ReplayCounts(matched=3, failed=3)
        assert await _statuses(store) == {DeliveryStatus.FAILED: 3}
        crm.answer = OK
        again = await _finished(bench, await _ask(bench, webhook, FAILED))
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
        await _enable(store, webhook, False)
        await bench.settle()
        await bench.post("a", "b", "c")
        await bench.settle()
        await bench.pass_time(2)
        crm.answer = OK
        await _enable(store, webhook, True)
        await bench.pass_time(2)
        await bench.post("c")
        await bench.settle()
        assert bench.network.sequences("a") == [2]
        job = await _finished(bench, await _ask(bench, webhook, UNDELIVERED))
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
        await _enable(store, webhook, False)
        await bench.post(*"abc" * 5)
        await bench.until(lambda: hangs.waiting == 4)
        await _enable(store, webhook, True)
        await bench.post("y")
        await bench.until(lambda: len(network.accepted) == 2)
        replay = await _ask(bench, webhook, UNDELIVERED)
        await _steps(bench, 100)
        job = await _job(bench, replay)
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
        await _enable(store, webhook, False)
        await _steps(bench, 10)
        await bench.post("a", "c")
        await _enable(store, webhook, True)
        network.script = lambda _: OK
        await bench.until(lambda: bool(network.sequences("c")))
        replay = await _ask(bench, webhook, UNDELIVERED)
        await _steps(bench, 40)
        assert (await _job(bench, replay)).state is ReplayState.RUNNING
        hangs.open()
        job = await _finished(bench, replay)
        assert job.counts == ReplayCounts(matched=3, accepted=3)
        assert network.sequences("a") == [3, 1, 2]
        assert await _statuses(store) == {DeliveryStatus.DELIVERED: 5}

    async def test_nothing_of_an_endpoint_that_hung_and_was_disabled_and_enabled_is_left_out(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        hangs, network = Gate(DOWN), ScriptedNetwork()
        bench = Bench(store, clock, network)
        webhook = await bench.webhook("crm", retry=AT_ONCE, max_in_flight=2)
        network.script = hangs
        await bench.post(*(f"k{number % 300}" for number in range(QUEUE_BOUND + 300)))
        await bench.until(lambda: hangs.waiting == 2)
        await _steps(bench, 20)
        await _enable(store, webhook, False)
        await _steps(bench, 5)
        await bench.post("a", "b")
        await _steps(bench, 5)
        await _enable(store, webhook, True)
        await bench.post("c")
        network.script = lambda _: OK
        await _steps(bench, 5)
        replay = await _ask(bench, webhook, UNDELIVERED)
        await _steps(bench, 5)
        hangs.open()
        job = await _finished(bench, replay)
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
        replay = await _ask(bench, webhook, FAILED)
        await _steps(bench, 40)
        assert hangs.waiting == 1
        await store.deliveries.request_retry(webhook, view.partition, view.position)
        bench.dispatcher.asked()
        await _steps(bench, 40)
        network.script = lambda _: OK
        hangs.open()
        job = await _finished(bench, replay)
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
        job = await _finished(bench, await _ask(bench, webhook, UNDELIVERED))
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
        job = await _ask(bench, webhook, ALL)
        await bench.pass_time(0.5)
        assert crm.replayed
        assert await _statuses(store) == {DeliveryStatus.DELIVERED: 4}
        crm.answer = REFUSED
        done = await _finished(bench, job)
        assert done.counts == ReplayCounts(matched=4, failed=4)
        assert await _statuses(store) == {DeliveryStatus.DELIVERED: 4}
        failed = await listed(store, DeliveryFilter(status=DeliveryStatus.FAILED))
        assert failed == []
        none = await _finished(bench, await _ask(bench, webhook, UNDELIVERED))
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
        job = await _finished(
            bench, await _ask(bench, webhook, ALL, since_ms=moments[1], until_ms=moments[3])
        )
        assert [sequence for _, sequence, _ in crm.replayed] == [2, 3]
        assert job.counts.accepted == 2
        none = await _ask(bench, webhook, ALL, types=("call.*",))
        assert (await _finished(bench, none)).counts == ReplayCounts()
        some = await _ask(bench, webhook, ALL, types=("custom.*",))
        assert (await _finished(bench, some)).counts.accepted == 4

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
            job = await _finished(bench, await _ask(bench, webhook, scope, since_ms=since_ms))
            assert job.counts == ReplayCounts()
        job = await _finished(bench, await _ask(bench, webhook, ALL, since_ms=began_ms))
        assert job.counts.accepted == 3
        assert bench.network.sequences("a") == [1, 2, 3]

    async def test_it_goes_no_faster_than_it_may(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Receiver()
        bench = Bench(store, clock, crm.network)
        webhook = await bench.webhook("crm", retry=AT_ONCE)
        await bench.post(*"a" * 60)
        await bench.settle()
        await bench.pass_time(8)
        await _ask(bench, webhook, ALL, rate_per_s=4)
        await bench.pass_time(5)
        before = len(crm.replayed)
        await bench.pass_time(5)
        assert before <= 21
        assert 15 <= len(crm.replayed) - before <= 21

    async def test_a_canceled_one_sends_nothing_more_and_leaves_what_it_took_as_it_was(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Receiver(REFUSED)
        bench = Bench(store, clock, crm.network)
        webhook = await bench.webhook("crm", retry=AT_ONCE)
        await bench.post(*map(str, range(40)))
        await bench.settle()
        crm.answer = DOWN
        job = await _ask(bench, webhook, FAILED, rate_per_s=10)
        await bench.pass_time(2)
        assert await store.replays.cancel_replay(DEFAULT_ACCOUNT, job)
        assert (await _job(bench, job)).state is ReplayState.CANCELED
        bench.dispatcher.replay_asked()
        await bench.settle()
        sent = len(crm.replayed)
        assert 0 < sent < 40
        await bench.pass_time(10)
        assert len(crm.replayed) == sent
        done = await _job(bench, job)
        assert done.counts.waiting == 0
        assert done.counts.failed == done.counts.matched > 0
        assert await _statuses(store) == {DeliveryStatus.FAILED: 40}
        assert await store.replays.open_replays(range(store.log.partitions)) == []
        crm.answer = OK
        again = await _finished(bench, await _ask(bench, webhook, FAILED))
        assert again.counts.accepted == 40

    async def test_canceling_what_was_delivered_before_leaves_it_delivered(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Receiver()
        bench = Bench(store, clock, crm.network)
        webhook = await bench.webhook("crm", retry=AT_ONCE)
        await bench.post(*"abcd")
        await bench.settle()
        await bench.pass_time(2)
        crm.answer = DOWN
        job = await _ask(bench, webhook, ALL)
        await bench.pass_time(1)
        await store.replays.cancel_replay(DEFAULT_ACCOUNT, job)
        bench.dispatcher.replay_asked()
        await bench.pass_time(2)
        assert await _statuses(store) == {DeliveryStatus.DELIVERED: 4}
        left = [await store.replays.row_marks(webhook, at, 0, 1 << 40, 10) for at in _all(store)]
        assert not any(left)

    async def test_whoever_takes_over_goes_on_where_it_was_and_sends_nothing_accepted_again(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Receiver()
        first = Bench(store, clock, crm.network, owner="first", bounds=Bounds(lease_s=LEASE_S))
        webhook = await first.webhook("crm", retry=AT_ONCE)
        await first.post(*"abcd" * 20)
        await first.settle()
        await first.pass_time(2)
        crm.refused[3] = 2
        job = await _ask(first, webhook, ALL, rate_per_s=40)
        await first.pass_time(1.1)
        sent = Counter(crm.replayed)
        assert 0 < len(sent) < 80
        clock.advance(LEASE_S + 1)
        second = Bench(store, clock, crm.network, owner="second", bounds=Bounds(lease_s=LEASE_S))
        await second.take_over()
        done = await _finished(second, job)
        assert done.counts == ReplayCounts(matched=80, accepted=80)
        accepted = Counter((it.key, it.sequence) for it in crm.network.accepted)
        assert set(accepted.values()) == {2}
        for key in "abcd":
            assert in_order([n for k, n, _ in crm.replayed if k == key])

    async def test_an_endpoint_that_is_disabled_or_deleted_ends_it(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Receiver()
        bench = Bench(store, clock, crm.network)
        webhook = await bench.webhook("crm", retry=AT_ONCE)
        await bench.post(*"abcd")
        await bench.settle()
        await bench.pass_time(2)
        job = await _ask(bench, webhook, ALL, rate_per_s=1)
        await _enable(store, webhook, False)
        await bench.pass_time(2)
        ended = await _job(bench, job)
        assert ended.state is ReplayState.CANCELED
        assert "disabled" in (ended.reason or "")
        await _enable(store, webhook, True)
        other = await _ask(bench, webhook, ALL, rate_per_s=1)
        await store.webhooks.delete_webhook(DEFAULT_ACCOUNT, webhook)
        await bench.pass_time(2)
        assert (await _job(bench, other)).state is ReplayState.CANCELED
        assert await store.replays.open_replays(range(store.log.partitions)) == []
        assert bench.dispatcher.quiet

    async def test_of_an_endpoint_that_is_disabled_or_gone_none_is_made(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = Bench(store, clock, ScriptedNetwork())
        webhook = await bench.webhook("crm")
        await bench.post("a")
        await _enable(store, webhook, False)
        assert await store.replays.create_replay(_described(webhook, ALL), most=9) is None
        await store.webhooks.delete_webhook(DEFAULT_ACCOUNT, webhook)
        assert await store.replays.create_replay(_described(webhook, ALL), most=9) is None
        assert await store.replays.list_replays(DEFAULT_ACCOUNT, None, None, 9) == []

    async def test_one_that_is_made_while_its_endpoint_goes_is_not_left_running(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = Bench(store, clock, ScriptedNetwork())
        for number in range(4):
            webhook = await bench.webhook(f"crm-{number}")
            job = replace(_described(webhook, ALL), id=ReplayId(f"rpl_{number}"))
            goes = (
                store.webhooks.delete_webhook(DEFAULT_ACCOUNT, webhook)
                if number % 2
                else _enable(store, webhook, False)
            )
            made, _ = await asyncio.gather(store.replays.create_replay(job, most=9), goes)
            if made is not None:
                assert (await _job(bench, job.id)).state is ReplayState.CANCELED
        await bench.settle()
        await bench.pass_time(6)
        assert await store.replays.open_replays(_all(store)) == []

    async def test_two_of_one_endpoint_follow_each_other(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Receiver()
        bench = Bench(store, clock, crm.network)
        webhook = await bench.webhook("crm", retry=AT_ONCE)
        await bench.post(*"a" * 10)
        await bench.settle()
        await bench.pass_time(2)
        clock.advance(1)
        one = await _ask(bench, webhook, ALL, name="rpl_1")
        two = await _ask(bench, webhook, ALL, name="rpl_2")
        await _finished(bench, one)
        await _finished(bench, two)
        assert [job for _, _, job in crm.replayed] == [one] * 10 + [two] * 10

    async def test_they_are_listed_newest_first_and_are_their_accounts_own(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = Bench(store, clock, ScriptedNetwork())
        crm, ads = await bench.webhook("crm"), await bench.webhook("ads")
        for number, webhook in enumerate((crm, ads, crm)):
            await _ask(bench, webhook, ALL, name=f"rpl_{number}")
        found = await store.replays.list_replays(DEFAULT_ACCOUNT, None, None, 2)
        assert [it.job.id for it in found] == ["rpl_2", "rpl_1"]
        rest = await store.replays.list_replays(DEFAULT_ACCOUNT, None, ReplayId("rpl_1"), 2)
        assert [it.job.id for it in rest] == ["rpl_0"]
        own = await store.replays.list_replays(DEFAULT_ACCOUNT, crm, None, 9)
        assert [it.job.id for it in own] == ["rpl_2", "rpl_0"]
        for account in (OTHER_ACCOUNT, AccountId("acc_nobody")):
            assert await store.replays.list_replays(account, None, None, 9) == []
            assert await store.replays.replay(account, ReplayId("rpl_1")) is None
            assert not await store.replays.cancel_replay(account, ReplayId("rpl_1"))
        assert (await _job(bench, ReplayId("rpl_1"))).state is ReplayState.RUNNING

    async def test_no_more_than_so_many_of_an_endpoint_run(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = Bench(store, clock, ScriptedNetwork())
        webhook = await bench.webhook("crm")
        job = _described(webhook, ALL)
        assert await store.replays.create_replay(job, most=1) is not None
        second = replace(job, id=ReplayId("rpl_2"))
        assert await store.replays.create_replay(second, most=1) is None
        await store.replays.cancel_replay(DEFAULT_ACCOUNT, job.id)
        assert await store.replays.create_replay(second, most=1) is not None


def _described(webhook: WebhookId, scope: ReplayScope, **fields: object) -> ReplayJob:
    job = ReplayJob(
        id=ReplayId("rpl_1"),
        account=DEFAULT_ACCOUNT,
        webhook=webhook,
        scope=scope,
        since_ms=None,
        until_ms=None,
        types=None,
        rate_per_s=1_000,
    )
    return replace(job, **fields)


async def _ask(
    bench: Bench, webhook: WebhookId, scope: ReplayScope, *, name: str = "", **fields: object
) -> ReplayId:
    replay = ReplayId(name or f"rpl_{bench.clock.now().timestamp():.6f}")
    made = await bench.store.replays.create_replay(
        replace(_described(webhook, scope, **fields), id=replay), most=20
    )
    assert made is not None
    assert made.state is ReplayState.RUNNING
    bench.dispatcher.replay_asked()
    return replay


async def _finished(bench: Bench, replay: ReplayId) -> ReplayView:
    for _ in range(200):
        await bench.pass_time(0.5)
        job = await _job(bench, replay)
        if job.state is not ReplayState.RUNNING:
            return job
    raise AssertionError(f"still running: {job}")


async def _steps(bench: Bench, steps: int) -> None:
    """Go on for a twentieth of a second each, though something may hang."""
    for _ in range(steps):
        bench.clock.advance(0.05)
        await bench.step()


async def _job(bench: Bench, replay: ReplayId) -> ReplayView:
    job = await bench.store.replays.replay(DEFAULT_ACCOUNT, replay)
    assert job is not None
    return job


async def _statuses(store: ConformingStore) -> dict[DeliveryStatus, int]:
    views = await listed(store, DeliveryFilter())
    return dict(Counter(view.status for view in views))


async def _enable(store: ConformingStore, webhook: WebhookId, enabled: bool) -> None:
    stored = await store.webhooks.webhook(DEFAULT_ACCOUNT, webhook)
    assert stored is not None
    text = stored.document.decode().replace(" ", "")
    was, wanted = f'"enabled":{str(not enabled).lower()}', f'"enabled":{str(enabled).lower()}'
    assert was in text
    assert await store.webhooks.replace_webhook(
        DEFAULT_ACCOUNT, webhook, text.replace(was, wanted).encode(), stored.revision
    )


def _all(store: ConformingStore) -> range:
    return range(store.log.partitions)
