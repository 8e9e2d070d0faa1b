"""What becomes of a webhook that cannot be loaded as it is stored, and of the others meanwhile.

Subclass ``LoadingConformance`` in a test module that has the fixtures ``store`` and ``clock``.
"""

from offhook.delivery.entries import Answer, DeliveryFilter, DeliveryStatus, Request
from offhook.model.ids import DEFAULT_ACCOUNT
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import change
from offhook.testing.conformance.stores import ConformingStore
from offhook.testing.engine import Bench
from offhook.testing.network import OK, ScriptedNetwork

REFUSED = "data.n =="
"""A filter that a release before may have taken."""


class LoadingConformance:
    """It is left out, the others go on, and once it can be loaded it gets all that came."""

    async def test_it_holds_up_no_other_and_gets_all_it_missed_in_order(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = Bench(store, clock, ScriptedNetwork())
        crm = await bench.webhook("crm")
        await bench.webhook("ads")
        await bench.post("a", "b")
        await bench.settle()
        await change(store, crm, filter=REFUSED)
        for _ in range(3):
            await bench.post("a", "b")
            await bench.settle()
        assert (_got(bench, "crm", "a"), _got(bench, "ads", "a")) == ([1], [1, 2, 3, 4])
        assert bench.dispatcher.left_out == 1
        await change(store, crm, filter=None)
        await bench.post("a", "b")
        await bench.settle()
        assert bench.dispatcher.left_out == 0
        for name in ("crm", "ads"):
            for key in ("a", "b"):
                assert _got(bench, name, key) == [1, 2, 3, 4, 5]

    async def test_a_process_that_never_could_load_it_keeps_its_events_for_one_that_can(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        before = Bench(store, clock, ScriptedNetwork(), owner="before")
        crm = await before.webhook("crm")
        await before.webhook("ads")
        await change(store, crm, filter=REFUSED)
        await before.take_over()
        await before.post("a", "a")
        await before.settle()
        await before.dispatcher.stop()
        assert (_got(before, "crm", "a"), _got(before, "ads", "a")) == ([], [1, 2])
        await change(store, crm, filter=None)
        after = Bench(store, clock, ScriptedNetwork(), owner="after")
        await after.take_over()
        await after.post("a")
        await after.settle()
        assert (_got(after, "crm", "a"), _got(after, "ads", "a")) == ([1, 2, 3], [3])

    async def test_what_it_was_to_be_sent_again_waits_in_its_place(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = Bench(store, clock, ScriptedNetwork(_refused_by_crm))
        crm = await bench.webhook("crm")
        await bench.webhook("ads")
        await bench.post("a", "a", "b")
        await bench.settle()
        await change(store, crm, filter=REFUSED)
        await bench.post("a")
        await bench.pass_time(60, step_s=1)
        tried = sum("crm" in it.url for it in bench.network.requests)
        assert tried == 2, "one of each key, before it could not be loaded any more"
        bench.network.script = lambda _: OK
        await change(store, crm, filter=None)
        await bench.pass_time(5)
        assert (_got(bench, "crm", "a"), _got(bench, "crm", "b")) == ([1, 2, 3], [1])

    async def test_what_somebody_asks_to_be_tried_again_is_once_it_can_be_loaded(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = Bench(store, clock, ScriptedNetwork(lambda _: Answer(418)))
        crm = await bench.webhook("crm", retry={"delays_s": [1], "statuses": [503]})
        await bench.post("a")
        await bench.settle()
        await change(store, crm, filter=REFUSED)
        await bench.settle()
        failed = DeliveryFilter(webhook=crm, status=DeliveryStatus.FAILED)
        asked = await store.deliveries.request_retries(DEFAULT_ACCOUNT, failed, 10)
        assert asked.requested == 1
        bench.dispatcher.asked()
        await bench.pass_time(3)
        bench.network.script = lambda _: OK
        await change(store, crm, filter=None)
        await bench.pass_time(3)
        assert _got(bench, "crm", "a") == [1]


def _refused_by_crm(request: Request) -> Answer:
    return Answer(503) if "crm" in request.url else OK


def _got(bench: Bench, name: str, key: str) -> list[int]:
    return bench.network.sequences(key, f"https://{name}.example/hook")
