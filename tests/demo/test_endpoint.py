"""The demo's receiver on a real socket: it keeps what is signed, fails on purpose, and tells."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from random import Random

import aiohttp
import msgspec
import pytest

from offhook.demo.endpoint import EXPECT, HOOK, TALLY, Endpoint
from offhook.demo.faults import Fault, Faults
from offhook.demo.tally import Report
from offhook.demo.wire import Connection
from offhook.model.event import LogEvent, render, to_ms
from offhook.model.ids import DEFAULT_ACCOUNT, EventId
from offhook.signing.schemes import STANDARD
from offhook.signing.secret import make_secret
from offhook.signing.sign import sign
from offhook.testing.clock import FakeClock

SECRET = make_secret(bytes(32))


class Always(Faults):
    """The same fault for each request."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(Random(0), 0)
        self._fault = fault

    def next(self) -> Fault:
        return self._fault


class Peer:
    """A sender connected to a running receiver."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url
        self._now_ms = to_ms(FakeClock().now())

    async def post(self, sequence: int = 1, secret: str = SECRET, attempt: int = 1) -> int:
        event_id = EventId(f"evt_{sequence}")
        event = LogEvent(
            *(0, sequence, event_id, DEFAULT_ACCOUNT, "call.ended", "call_1", sequence),
            *(self._now_ms, False, False, None, b'{"outcome":"answered"}'),
        )
        body = render(event)
        signed = sign(
            STANDARD, [secret], event_id=event_id, timestamp_s=self._now_ms // 1000, body=body
        )
        headers = signed | {"webhook-attempt": str(attempt)}
        async with self._session.post(self._url + HOOK, data=body, headers=headers) as answer:
            return answer.status

    async def report(self) -> Report:
        async with self._session.get(self._url + TALLY) as answer:
            return msgspec.json.decode(await answer.read(), type=Report)

    async def expect(self, *ids: str) -> Report:
        async with self._session.post(self._url + EXPECT, data="\n".join(ids)) as answer:
            return msgspec.json.decode(await answer.read(), type=Report)

    async def get(self, path: str) -> int:
        async with self._session.get(self._url + path) as answer:
            return answer.status


@asynccontextmanager
async def receiver(fault: Fault, slow_s: float = 0.01) -> AsyncIterator[Peer]:
    endpoint = Endpoint(SECRET, Always(fault), FakeClock(), slow_s)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(partial(Connection, endpoint.handle), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with aiohttp.ClientSession() as session:
        yield Peer(session, f"http://{host}:{port}")
    server.close()
    await server.wait_closed()


async def test_a_signed_event_is_kept_and_counted() -> None:
    async with receiver(Fault.NONE) as peer:
        assert [await peer.post(1), await peer.post(2), await peer.post(2)] == [200, 200, 200]
        report = await peer.report()
    assert (report.requests, report.distinct, report.duplicates, report.invalid) == (3, 2, 1, 0)
    assert report.by_outcome == {"answered": 2}


async def test_a_request_signed_with_another_secret_is_refused_and_not_kept() -> None:
    async with receiver(Fault.NONE) as peer:
        assert await peer.post(secret=make_secret(bytes(31) + b"x")) == 401
        report = await peer.report()
    assert (report.invalid, report.received) == (1, 0)


async def test_a_refusal_keeps_nothing() -> None:
    async with receiver(Fault.REFUSED) as peer:
        assert await peer.post() == 503
        report = await peer.report()
    assert (report.failed_on_purpose, report.received) == (1, 0)


@pytest.mark.parametrize(
    ("fault", "received"), [(Fault.DROPPED_BEFORE, 0), (Fault.DROPPED_AFTER, 1)]
)
async def test_a_dropped_connection_gives_no_answer(fault: Fault, received: int) -> None:
    async with receiver(fault) as peer:
        with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
            await peer.post()
        report = await peer.report()
    assert (report.failed_on_purpose, report.received) == (1, received)


async def test_a_slow_answer_is_late_but_its_event_is_kept() -> None:
    async with receiver(Fault.SLOW, slow_s=0.05) as peer:
        loop = asyncio.get_running_loop()
        before = loop.time()
        assert await peer.post() == 200
        assert loop.time() - before >= 0.04
        assert (await peer.report()).received == 1


async def test_further_attempts_are_counted_as_retries() -> None:
    async with receiver(Fault.NONE) as peer:
        await peer.post(1, attempt=1)
        await peer.post(2, attempt=3)
        assert (await peer.report()).retries == 1


async def test_it_says_what_of_the_expected_is_missing() -> None:
    async with receiver(Fault.NONE) as peer:
        await peer.post(1)
        report = await peer.expect("evt_1", "evt_2")
    assert (report.expected, report.missing) == (2, 1)


async def test_other_paths_are_not_there() -> None:
    async with receiver(Fault.NONE) as peer:
        assert await peer.get("/elsewhere") == 404


async def test_what_is_no_http_is_cut_off() -> None:
    async with receiver(Fault.NONE) as peer:
        host, port = peer._url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"nonsense\r\n\r\n")
        assert await reader.read() == b""
        writer.close()
