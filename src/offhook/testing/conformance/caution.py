"""What is delivered although owner after owner dies: the real dispatcher, on a scripted network.

Subclass ``CautionConformance`` as the suite of delivery.
"""

from collections.abc import Callable

from offhook.delivery.entries import Answer, DeliveryFilter, DeliveryStatus, DeliveryView, Request
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.lists import listed
from offhook.testing.conformance.stores import ConformingStore
from offhook.testing.engine import Bench
from offhook.testing.network import OK, Gate, ScriptedNetwork, arrival

LEASE_S = 10.0
_STEPS_AT_ONCE = 3


class CautionConformance:
    """Deaths that nobody can explain lose nothing and stop nothing for good."""

    async def test_while_an_endpoint_hangs_deaths_make_no_event_a_culprit(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        lives = Lives(store, clock, lambda request: "slow" in request.url)
        await lives.bench.webhook("slow")
        await lives.bench.webhook("quick")
        await lives.bench.post(*"aabb")
        for _ in range(9):
            await lives.pass_time(1.5)
            lives.end()
        await lives.bench.post("a", "c")
        await lives.pass_time(2)
        assert lives.arrived("quick") == {"a": [1, 2, 3], "b": [1, 2], "c": [1]}
        lives.gate.open()
        await lives.pass_time(30, step_s=0.5)
        assert lives.arrived("slow") == {"a": [1, 2, 3], "b": [1, 2], "c": [1]}

    async def test_an_event_that_kills_its_owners_stops_the_others_for_a_while_only(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        lives = Lives(store, clock, lambda request: arrival(request).key == "bad")
        await lives.bench.webhook("crm")
        await lives.bench.post("good", "bad", "good", "bad")
        for _ in range(8):
            await lives.pass_time(3, to_death=True)
            lives.end()
        await lives.bench.post("good")
        await lives.pass_time(2, to_death=True)
        assert lives.arrived("crm") == {"good": [1, 2, 3]}

    async def test_an_event_that_kills_its_owners_is_given_up_in_the_end(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        lives = Lives(store, clock, lambda request: arrival(request).sequence == 1)
        await lives.bench.webhook("crm", retry={"delays_s": [1], "until_s": 60})
        await lives.bench.post("bad", "bad")
        while not await self._given_up(store) and lives.deaths < 50:
            await lives.pass_time(4000, step_s=120, to_death=True)
            lives.end()
        assert lives.deaths < 25
        await lives.pass_time(60, step_s=1)
        assert lives.arrived("crm") == {"bad": [2]}

    async def test_a_delivery_that_was_given_up_so_is_tried_again_on_request(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        lives = Lives(store, clock, lambda _: True)
        webhook = await lives.bench.webhook("crm")
        await lives.bench.post("bad")
        while not await self._given_up(store):
            await lives.pass_time(4000, step_s=120, to_death=True)
            lives.end()
        lives.gate.open()
        [view] = await self._given_up(store)
        await store.deliveries.request_retry(webhook, view.partition, view.position)
        await lives.pass_time(2)
        assert lives.arrived("crm") == {"bad": [1]}

    async def _given_up(self, store: ConformingStore) -> list[DeliveryView]:
        failed = DeliveryFilter(status=DeliveryStatus.FAILED)
        return await listed(store, failed)


class Lives:
    """One owner after the other over the same store; requests that are ``deadly`` hang."""

    def __init__(
        self, store: ConformingStore, clock: FakeClock, deadly: Callable[[Request], bool]
    ) -> None:
        self.gate = Gate()
        self.deaths = 0
        self._store = store
        self._clock = clock
        self._deadly = deadly
        self._network = ScriptedNetwork(self._answer)
        self._dying = False
        self.bench = self._next()

    def end(self) -> None:
        """The owner dies; the next one takes over once its lease is free."""
        self._clock.advance(LEASE_S + 1)
        self.deaths += 1
        self._dying = False
        self.bench = self._next()

    async def pass_time(self, seconds: float, step_s: float = 0.25, to_death: bool = False) -> None:
        """Let the owner live so long, or until it is handed what is deadly."""
        left_s = seconds
        while left_s > 0 and not (to_death and self._dying):
            self._clock.advance(step_s)
            left_s -= step_s
            for _ in range(_STEPS_AT_ONCE):
                await self.bench.step()

    def arrived(self, name: str) -> dict[str, list[int]]:
        """By key, the sequences that the endpoint accepted, without repeats."""
        found: dict[str, list[int]] = {}
        for each in self._network.accepted:
            if name in each.url and each.sequence not in found.setdefault(each.key, []):
                found[each.key].append(each.sequence)
        return found

    def _next(self) -> Bench:
        return Bench(self._store, self._clock, self._network, owner=f"owner-{self.deaths}")

    async def _answer(self, request: Request) -> Answer:
        if self._deadly(request):
            self._dying = True
            return await self.gate(request)
        return OK
