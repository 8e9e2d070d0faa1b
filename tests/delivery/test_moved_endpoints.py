"""What comes from where an endpoint stood before does nothing to it where it stands now."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from pieces import CRM, change

from offhook.delivery.entries import Answer, Request
from offhook.delivery.health import UNTRIED, EndpointHealth
from offhook.model.ids import DEFAULT_ACCOUNT
from offhook.store.sqlite import SqliteStore, open_sqlite
from offhook.testing.clock import FakeClock
from offhook.testing.engine import Bench
from offhook.testing.network import OK, Gate, ScriptedNetwork

GONE, DOWN = Answer(410), Answer(503)
NEW = "https://new.example/hook"


class Desk:
    """A bench whose endpoint answers what it is to, at its old URL after a while."""

    def __init__(self, store: SqliteStore, clock: FakeClock) -> None:
        self.store = store
        self.gate = Gate(GONE)
        self.network = ScriptedNetwork(self._answer)
        self.bench = Bench(store, clock, self.network)

    async def send(self, *keys: str) -> None:
        """Until the requests are under way."""
        await self.bench.post(*keys)
        await self.bench.until(lambda: self.gate.waiting == len(keys))

    async def answer(self) -> None:
        """Before the engine looks again."""
        self.gate.open()
        while self.bench.dispatcher.in_flight:
            await asyncio.sleep(0)

    async def enabled(self) -> bool:
        return bool((await self.store.dispatch.webhooks()).webhooks)

    async def health(self) -> EndpointHealth:
        stored = await self.store.webhooks.webhook(DEFAULT_ACCOUNT, CRM)
        assert stored is not None
        return stored.health

    def _answer(self, request: Request) -> object:
        return OK if request.url == NEW else self.gate(request)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    clock = FakeClock()
    store = open_sqlite(None, clock=clock)
    await store.keys.put_account(DEFAULT_ACCOUNT, "Default")
    made = Desk(store, clock)
    await made.bench.webhook("crm")
    yield made
    await store.close()


@pytest.mark.parametrize("noticed", [True, False])
async def test_410_from_the_url_before_does_not_disable_an_endpoint_nor_lose_it_anything(
    desk: Desk, noticed: bool
) -> None:
    await desk.send("a", "b")
    await desk.bench.post("a", "a", "c")
    await change(desk.store, url=NEW)
    if noticed:
        await desk.bench.step()
    await desk.answer()
    await desk.bench.post("d")
    await desk.bench.pass_time(1)
    await desk.bench.post("e")
    await desk.bench.pass_time(1)
    assert await desk.enabled()
    assert desk.network.sequences("a", NEW) == [1, 2, 3]
    assert Counter(it.key for it in desk.network.accepted) == Counter("aaabcde")
    assert (await desk.health()).failures == 0


@pytest.mark.parametrize("noticed", [True, False])
async def test_410_from_before_its_owner_enabled_it_again_does_not_disable_it(
    desk: Desk, noticed: bool
) -> None:
    await desk.send("a")
    await change(desk.store, enabled=False)
    if noticed:
        await desk.bench.step()
    await change(desk.store, enabled=True)
    await desk.answer()
    desk.gate.answer = OK
    await desk.bench.pass_time(1)
    assert await desk.enabled()


async def test_410_disables_and_cancels_what_waits_at_once(desk: Desk) -> None:
    await desk.send("a", "b")
    await desk.bench.post("a", "b")
    await desk.answer()
    await desk.bench.post("c")
    await desk.bench.settle()
    assert not await desk.enabled()
    assert desk.bench.dispatcher.circuits_open == 0
    assert await desk.store.dispatch.lane_counts(0) == {}
    assert await desk.store.dispatch.held(0) == []
    assert len(desk.network.requests) == 2


async def test_failures_at_the_url_before_are_not_counted(desk: Desk) -> None:
    desk.gate = Gate(DOWN)
    await desk.send(*"abcdefgh")
    await change(desk.store, url=NEW)
    await desk.bench.step()
    await desk.answer()
    await desk.bench.step()
    await desk.bench.step()
    assert await desk.health() == UNTRIED
    await desk.bench.pass_time(8)
    assert len(desk.network.accepted) == 8


async def test_at_a_new_url_it_is_sent_to_at_once_however_dead_it_was(desk: Desk) -> None:
    desk.gate = Gate(DOWN)
    desk.gate.open()
    await desk.bench.post(*(f"k{number}" for number in range(12)))
    await desk.bench.pass_time(60)
    assert desk.bench.dispatcher.circuits_open == 1
    await desk.bench.post("fresh")
    await change(desk.store, url=NEW)
    await desk.bench.settle()
    assert desk.bench.dispatcher.circuits_open == 0
    assert "fresh" in {it.key for it in desk.network.accepted}
