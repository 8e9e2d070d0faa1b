"""How replays run, end and share an endpoint, on any store. Needs the fixtures ``store`` and
``clock``."""

import asyncio
from collections import Counter

from msgspec.structs import replace

from offhook.delivery.engine.dispatcher import Bounds
from offhook.delivery.entries import DeliveryStatus
from offhook.delivery.replays.entries import (
    ReplayCounts,
    ReplayState,
)
from offhook.model.ids import DEFAULT_ACCOUNT, AccountId, ReplayId
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import (
    OTHER_ACCOUNT,
    change,
)
from offhook.testing.conformance.replay_material import (
    ALL,
    AT_ONCE,
    DOWN,
    FAILED,
    LEASE_S,
    REFUSED,
    Receiver,
    ask,
    described,
    finished,
    job_of,
    partitions_of,
    statuses,
)
from offhook.testing.conformance.stores import ConformingStore
from offhook.testing.engine import Bench, in_order
from offhook.testing.network import OK, ScriptedNetwork


class ReplayJobConformance:
    """Their pace, their end, and who goes on with them."""

    async def test_it_goes_no_faster_than_it_may(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        crm = Receiver()
        bench = Bench(store, clock, crm.network)
        webhook = await bench.webhook("crm", retry=AT_ONCE)
        await bench.post(*"a" * 60)
        await bench.settle()
        await bench.pass_time(8)
        await ask(bench, webhook, ALL, rate_per_s=4)
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
        job = await ask(bench, webhook, FAILED, rate_per_s=10)
        await bench.pass_time(2)
        assert await store.replays.cancel_replay(DEFAULT_ACCOUNT, job)
        assert (await job_of(bench, job)).state is ReplayState.CANCELED
        bench.dispatcher.replay_asked()
        await bench.settle()
        sent = len(crm.replayed)
        assert 0 < sent < 40
        await bench.pass_time(10)
        assert len(crm.replayed) == sent
        done = await job_of(bench, job)
        assert done.counts.waiting == 0
        assert done.counts.failed == done.counts.matched > 0
        assert await statuses(store) == {DeliveryStatus.FAILED: 40}
        assert await store.replays.open_replays(range(store.log.partitions)) == []
        crm.answer = OK
        again = await finished(bench, await ask(bench, webhook, FAILED))
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
        job = await ask(bench, webhook, ALL)
        await bench.pass_time(1)
        await store.replays.cancel_replay(DEFAULT_ACCOUNT, job)
        bench.dispatcher.replay_asked()
        await bench.pass_time(2)
        assert await statuses(store) == {DeliveryStatus.DELIVERED: 4}
        left = [
            await store.replays.row_marks(webhook, at, 0, 1 << 40, 10)
            for at in partitions_of(store)
        ]
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
        job = await ask(first, webhook, ALL, rate_per_s=40)
        await first.pass_time(1.1)
        sent = Counter(crm.replayed)
        assert 0 < len(sent) < 80
        clock.advance(LEASE_S + 1)
        second = Bench(store, clock, crm.network, owner="second", bounds=Bounds(lease_s=LEASE_S))
        await second.take_over()
        done = await finished(second, job)
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
        job = await ask(bench, webhook, ALL, rate_per_s=1)
        await change(store, webhook, enabled=False)
        await bench.pass_time(2)
        ended = await job_of(bench, job)
        assert ended.state is ReplayState.CANCELED
        assert "disabled" in (ended.reason or "")
        await change(store, webhook, enabled=True)
        other = await ask(bench, webhook, ALL, rate_per_s=1)
        await store.webhooks.delete_webhook(DEFAULT_ACCOUNT, webhook)
        await bench.pass_time(2)
        assert (await job_of(bench, other)).state is ReplayState.CANCELED
        assert await store.replays.open_replays(range(store.log.partitions)) == []
        assert bench.dispatcher.quiet

    async def test_of_an_endpoint_that_is_disabled_or_gone_none_is_made(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = Bench(store, clock, ScriptedNetwork())
        webhook = await bench.webhook("crm")
        await bench.post("a")
        await change(store, webhook, enabled=False)
        assert await store.replays.create_replay(described(webhook, ALL), most=9) is None
        await store.webhooks.delete_webhook(DEFAULT_ACCOUNT, webhook)
        assert await store.replays.create_replay(described(webhook, ALL), most=9) is None
        assert await store.replays.list_replays(DEFAULT_ACCOUNT, None, None, 9) == []

    async def test_one_that_is_made_while_its_endpoint_goes_is_not_left_running(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = Bench(store, clock, ScriptedNetwork())
        for number in range(4):
            webhook = await bench.webhook(f"crm-{number}")
            job = replace(described(webhook, ALL), id=ReplayId(f"rpl_{number}"))
            goes = (
                store.webhooks.delete_webhook(DEFAULT_ACCOUNT, webhook)
                if number % 2
                else change(store, webhook, enabled=False)
            )
            made, _ = await asyncio.gather(store.replays.create_replay(job, most=9), goes)
            if made is not None:
                assert (await job_of(bench, job.id)).state is ReplayState.CANCELED
        await bench.settle()
        await bench.pass_time(6)
        assert await store.replays.open_replays(partitions_of(store)) == []

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
        one = await ask(bench, webhook, ALL, name="rpl_1")
        two = await ask(bench, webhook, ALL, name="rpl_2")
        await finished(bench, one)
        await finished(bench, two)
        assert [job for _, _, job in crm.replayed] == [one] * 10 + [two] * 10

    async def test_they_are_listed_newest_first_and_are_their_accounts_own(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = Bench(store, clock, ScriptedNetwork())
        crm, ads = await bench.webhook("crm"), await bench.webhook("ads")
        for number, webhook in enumerate((crm, ads, crm)):
            await ask(bench, webhook, ALL, name=f"rpl_{number}")
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
        assert (await job_of(bench, ReplayId("rpl_1"))).state is ReplayState.RUNNING

    async def test_no_more_than_so_many_of_an_endpoint_run(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = Bench(store, clock, ScriptedNetwork())
        webhook = await bench.webhook("crm")
        job = described(webhook, ALL)
        assert await store.replays.create_replay(job, most=1) is not None
        second = replace(job, id=ReplayId("rpl_2"))
        assert await store.replays.create_replay(second, most=1) is None
        await store.replays.cancel_replay(DEFAULT_ACCOUNT, job.id)
        assert await store.replays.create_replay(second, most=1) is not None
