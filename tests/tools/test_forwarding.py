"""Forwarding: signed like a delivery, in order per key; a refusal keeps back its own key."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from offhook.clock import FakeClock, SystemClock
from offhook.signing import STANDARD, Secret, SignedRequest, explain, signer_for
from offhook.signing.secret import make_secret
from offhook.testing.servers.ports import free_port
from offhook.tools.following import Envelope, StreamedEvent
from offhook.tools.forwarding import RETRIES_S, Forwarded, Forwarder

SECRET = make_secret(bytes(32))
CLOCK = FakeClock()


class Target:
    """An endpoint that answers each event as it is told, and keeps what came."""

    def __init__(self) -> None:
        self.statuses: dict[str, list[int]] = {}
        self.held: dict[str, asyncio.Event] = {}
        self.came: list[tuple[str, str]] = []
        self.requests: list[tuple[dict[str, str], bytes]] = []

    async def take(self, request: web.BaseRequest) -> web.Response:
        id_ = request.headers["webhook-id"]
        self.came.append((id_, request.headers["webhook-attempt"]))
        self.requests.append((dict(request.headers), await request.read()))
        if id_ in self.held:
            await self.held[id_].wait()
        statuses = self.statuses.get(id_, [])
        return web.Response(status=statuses.pop(0) if statuses else 200)


class Forwarding:
    """A forwarder to a target, and all that it told."""

    def __init__(self, session: aiohttp.ClientSession, url: str, target: Target) -> None:
        self.target = target
        self.told: asyncio.Queue[Forwarded] = asyncio.Queue()
        self.waits: list[float] = []
        self.forwarder = Forwarder(
            session=session,
            url=url,
            signer=signer_for(STANDARD, (Secret(SECRET),)),
            clock=CLOCK,
            told=self.told.put_nowait,
            sleep=self._sleep,
        )

    async def take(self, *events: StreamedEvent) -> None:
        for event in events:
            await self.forwarder.take(event)

    async def next(self, count: int = 1) -> list[Forwarded]:
        async with asyncio.timeout(60):
            return [await self.told.get() for _ in range(count)]

    async def take_turns(self) -> None:
        """Let everything that can go on go on, until the first request has come."""
        async with asyncio.timeout(60):
            while not self.target.came:
                await asyncio.sleep(0)

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


def event(number: int, key: str) -> StreamedEvent:
    body = b'{"id":"evt_%d"}' % number
    return StreamedEvent(Envelope(f"evt_{number}", "custom.a", key), body, f"c{number}")


@pytest.fixture
async def forwarding() -> AsyncIterator[Forwarding]:
    target = Target()
    runner = web.ServerRunner(web.Server(target.take))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    async with aiohttp.ClientSession() as session:
        forwarding = Forwarding(session, url, target)
        yield forwarding
        await forwarding.forwarder.stop()
    await runner.cleanup()


async def test_a_request_verifies_and_is_signed_anew_at_each_attempt(
    forwarding: Forwarding,
) -> None:
    forwarding.target.statuses["evt_1"] = [500]
    await forwarding.take(event(1, "a"))
    [forwarded] = await forwarding.next()
    assert (forwarded.accepted, forwarded.attempts, forwarded.status) == (True, 2, 200)
    assert forwarding.target.came == [("evt_1", "1"), ("evt_1", "2")]
    now_s = int(CLOCK.now().timestamp())
    for headers, body in forwarding.target.requests:
        request = SignedRequest(headers, body)
        assert explain(STANDARD, (SECRET,), request, now_s=now_s).valid
        assert request.header("content-type") == "application/json"
        assert body == b'{"id":"evt_1"}'


async def test_a_refused_event_keeps_back_its_key_and_no_other(forwarding: Forwarding) -> None:
    forwarding.target.held["evt_1"] = asyncio.Event()
    forwarding.target.statuses["evt_1"] = [503, 503]
    await forwarding.take(event(1, "a"), event(2, "a"), event(3, "b"))
    [first] = await forwarding.next()
    assert first.event.envelope.id == "evt_3"
    forwarding.target.held["evt_1"].set()
    rest = await forwarding.next(2)
    assert [(it.event.envelope.id, it.attempts) for it in rest] == [("evt_1", 3), ("evt_2", 1)]


async def test_what_is_refused_for_good_is_let_go_and_told(forwarding: Forwarding) -> None:
    forwarding.target.statuses["evt_1"] = [404] * 4
    await forwarding.take(event(1, "a"), event(2, "a"))
    first, second = await forwarding.next(2)
    assert (first.accepted, first.status, first.attempts) == (False, 404, 4)
    assert second.accepted
    assert forwarding.waits == list(RETRIES_S)


async def test_no_more_is_taken_than_is_held(forwarding: Forwarding) -> None:
    held = forwarding.target.held["evt_0"] = asyncio.Event()
    await forwarding.take(*(event(n, "a") for n in range(256)))
    more = asyncio.create_task(forwarding.take(event(256, "b")))
    await forwarding.take_turns()
    assert not more.done()
    held.set()
    await forwarding.next()
    await more
    assert len(await forwarding.next(256)) == 256


async def test_the_cursor_never_passes_an_event_that_waits(forwarding: Forwarding) -> None:
    held = forwarding.target.held["evt_1"] = asyncio.Event()
    await forwarding.take(event(1, "a"), event(2, "b"), event(3, "c"))
    await forwarding.next(2)
    assert (forwarding.forwarder.cursor, forwarding.forwarder.waiting) == ("", 1)
    held.set()
    await forwarding.next()
    assert (forwarding.forwarder.cursor, forwarding.forwarder.waiting) == ("c3", 0)


async def test_no_answer_is_told_with_its_reason() -> None:
    told: asyncio.Queue[Forwarded] = asyncio.Queue()

    async def at_once(_: float) -> None:
        pass

    async with aiohttp.ClientSession() as session:
        forwarder = Forwarder(
            session=session,
            url=f"http://127.0.0.1:{free_port()}",
            signer=signer_for(STANDARD, (Secret(SECRET),)),
            clock=SystemClock(),
            told=told.put_nowait,
            sleep=at_once,
        )
        await forwarder.take(event(1, "a"))
        forwarded = await told.get()
        await forwarder.stop()
    assert (forwarded.status, forwarded.attempts) == (None, 4)
    assert "Connect" in str(forwarded.error)
