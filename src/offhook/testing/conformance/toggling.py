"""What becomes of an endpoint that is disabled, and enabled again before its deliverers look, on
any store.

Subclass ``TogglingConformance`` in a test module that has the fixtures ``store`` and ``clock``.
"""

from offhook.delivery.engine.flow import PartitionFlow
from offhook.delivery.engine.retries import Retrier
from offhook.delivery.entries import Answer, PartitionChanges, PendingState
from offhook.delivery.queueing.queues import Queues
from offhook.delivery.subscriptions import Subscriptions
from offhook.model.ids import WebhookId
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import (
    change,
    heir_of,
    lease_for,
    make_webhook,
    pending_for,
    placed,
    plain,
)
from offhook.testing.conformance.stores import ConformingStore
from offhook.testing.engine import Bench
from offhook.testing.network import Gate, ScriptedNetwork

DOWN = Answer(503)
QUICK = {"delays_s": [1, 2, 4], "until_s": 86_400}
KEYS = [f"k{n}" for n in range(40)]
"""In every partition."""
LATER = [f"n{n}" for n in range(40)]
NOBODY = Subscriptions(-1, ())
REFUSED = "data.n =="
"""A filter that cannot be loaded."""


class TogglingConformance:
    """An endpoint that fell behind is disabled, which ends its ranges in the store, and enabled
    again; then the process that delivers to it is killed."""

    async def test_one_that_fails_gets_all_that_comes_once_it_is_enabled_again(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench, webhook = await failing(store, clock)
        await toggle(store, webhook)
        await bench.post(*LATER)
        await bench.pass_time(3)
        heir = await heir_of(store, clock, ScriptedNetwork())
        await heir.pass_time(70, step_s=5)
        assert lost(heir) == []

    async def test_one_that_is_slow_gets_it_too(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench, webhook = await slow(store, clock)
        await toggle(store, webhook)
        await bench.post(*LATER)
        await bench.go_on(3)
        heir = await heir_of(store, clock, ScriptedNetwork())
        await heir.pass_time(5)
        assert lost(heir) == []

    async def test_one_that_cannot_be_loaded_meanwhile_gets_it_once_it_can_be(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench, webhook = await failing(store, clock)
        await change(store, webhook, filter=REFUSED)
        await bench.settle()
        assert bench.dispatcher.left_out == 1
        await toggle(store, webhook)
        await bench.post(*LATER)
        await bench.pass_time(3)
        heir = await heir_of(store, clock, ScriptedNetwork())
        await change(store, webhook, filter=None)
        await heir.pass_time(70, step_s=5)
        assert lost(heir) == []

    async def test_what_waited_when_it_was_seen_to_be_disabled_is_not_sent(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench, webhook = await failing(store, clock)
        await bench.post(*LATER)
        await bench.pass_time(3)
        await change(store, webhook, enabled=False)
        await bench.settle()
        await change(store, webhook, enabled=True)
        await bench.post("fresh")
        await bench.pass_time(3)
        heir = await heir_of(store, clock, ScriptedNetwork())
        await heir.pass_time(70, step_s=5)
        assert {each.key for each in heir.network.accepted} == {"fresh"}

    async def test_a_retry_asked_for_once_it_is_enabled_is_made_whatever_was_known_of_it_before(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        flow, retrier = await asked_again(store, clock)
        await look(retrier, flow, NOBODY)
        await look(retrier, flow, await subscribed(store))
        changes = flow.freeze(places=False)
        assert changes is not None
        assert [row.state for row in changes.rows] == [PendingState.RETRY]
        assert len(changes.requests) == 1


async def failing(store: ConformingStore, clock: FakeClock) -> tuple[Bench, WebhookId]:
    """An endpoint that fails, and has a range of its own in every partition; whoever delivers to it
    has gone past all that is in the log."""
    bench = Bench(store, clock, ScriptedNetwork(lambda _: DOWN), owner="first")
    webhook = await bench.webhook("crm", retry=QUICK)
    await bench.post(*KEYS)
    await bench.pass_time(45, step_s=1)
    await bench.post(*KEYS)
    await bench.pass_time(3)
    for partition in range(store.log.partitions):
        assert [it.webhook for it in await store.dispatch.held(partition)] == [webhook]
    return bench, webhook


async def slow(store: ConformingStore, clock: FakeClock) -> tuple[Bench, WebhookId]:
    """An endpoint that does not answer, and has more waiting than fits into memory."""
    bench = Bench(store, clock, ScriptedNetwork(Gate()), owner="first")
    webhook = await bench.webhook("crm")
    await bench.post(*KEYS * 20)
    await bench.go_on(15)
    held = [await store.dispatch.held(at) for at in range(store.log.partitions)]
    assert any(held)
    return bench, webhook


async def toggle(store: ConformingStore, webhook: WebhookId) -> None:
    """Disable it and enable it again at once."""
    await change(store, webhook, enabled=False)
    await change(store, webhook, enabled=True)


def lost(heir: Bench) -> list[str]:
    """The keys of what came last that the endpoint did not get."""
    got = {each.key for each in heir.network.accepted}
    return [key for key in LATER if key not in got]


async def asked_again(store: ConformingStore, clock: FakeClock) -> tuple[PartitionFlow, Retrier]:
    """Somebody asked for another attempt of what failed; its partition's owner has yet to look."""
    await make_webhook(store)
    [event] = await placed(store, plain("k"))
    lease = await lease_for(store, "k")
    row = pending_for(event, PendingState.FAILED)
    await store.dispatch.apply([PartitionChanges(lease, event.position, rows=(row,))])
    await store.deliveries.request_retry(row.webhook, lease.partition, event.position)
    return PartitionFlow(lease), Retrier(store=store.dispatch, queues=Queues(), clock=clock)


async def look(retrier: Retrier, flow: PartitionFlow, subscriptions: Subscriptions) -> None:
    """One look for requests, by these subscriptions."""
    retrier.hasten()
    await retrier.run([flow], subscriptions)


async def subscribed(store: ConformingStore) -> Subscriptions:
    """Who gets what by now."""
    return Subscriptions.of(await store.dispatch.webhooks(), lambda *_: None)
