"""Names that hang take nothing from names that do not, however many they are."""

import asyncio
import errno
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from scripted_server import LOOPBACK, OK, ScriptedServer, answering

from offhook.clock import SystemClock
from offhook.delivery.entries import Answer, FailureKind, Request
from offhook.delivery.outgoing.lookups import MOST, MOST_LATE, MOST_UNPROVEN, Found, ThreadedLookups
from offhook.delivery.outgoing.transport import AiohttpTransport
from offhook.testing.clock import FakeClock


class Nameserver:
    """Does not answer for names under ``hangs`` while it is ``dead``. Asked on threads."""

    def __init__(self) -> None:
        self.dead = True
        self.asked = 0
        self.under_way = 0
        self.most = 0
        self._changing = threading.Lock()
        self._back = threading.Event()

    def __call__(self, host: str, port: int, family: socket.AddressFamily) -> Found:
        self._count(1)
        if host.endswith(".hangs") and self.dead:
            self._back.wait(60)
        self._count(-1)
        return [(socket.AF_INET, 6, "127.0.0.1")]

    def _count(self, step: int) -> None:
        with self._changing:
            self.asked += step > 0
            self.under_way += step
            self.most = max(self.most, self.under_way)

    def come_back(self) -> None:
        self.dead = False
        self._back.set()

    def die(self) -> None:
        self.dead, self._back = True, threading.Event()


@pytest.fixture
def nameserver() -> Iterator[Nameserver]:
    made = Nameserver()
    yield made
    made.come_back()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def lookups(nameserver: Nameserver, clock: FakeClock) -> ThreadedLookups:
    return ThreadedLookups(clock=clock, ask=nameserver)


Hanging = list["asyncio.Task[Any]"]


def hang(lookups: ThreadedLookups, count: int) -> Hanging:
    return [asyncio.create_task(lookups.resolve(f"n{n}.hangs", 443)) for n in range(count)]


async def until_under_way(nameserver: Nameserver, count: int) -> None:
    async with asyncio.timeout(60):
        while nameserver.under_way < count:
            await asyncio.sleep(0)


async def resolved(lookups: ThreadedLookups, name: str) -> str:
    async with asyncio.timeout(30):
        [found] = await lookups.resolve(name, 443)
    return found["host"]


async def refusals(hanging: Hanging) -> set[int | None]:
    """Why these were turned away."""
    async with asyncio.timeout(30):
        errors = await asyncio.gather(*hanging, return_exceptions=True)
    return {error.errno if isinstance(error, OSError) else None for error in errors}


async def test_two_hundred_names_that_hang_keep_no_other_waiting(
    lookups: ThreadedLookups, nameserver: Nameserver
) -> None:
    hanging = hang(lookups, 200)
    await until_under_way(nameserver, 200)
    for n in range(100):
        assert await resolved(lookups, f"n{n}.example") == "127.0.0.1"
    assert not any(it.done() for it in hanging)
    nameserver.come_back()
    await asyncio.gather(*hanging)


async def test_however_many_hang_threads_are_bounded_and_known_names_go_on(
    lookups: ThreadedLookups, nameserver: Nameserver
) -> None:
    await resolved(lookups, "known.example")
    hanging = hang(lookups, 1_000)
    await until_under_way(nameserver, MOST_UNPROVEN)
    assert await resolved(lookups, "known.example") == "127.0.0.1"
    assert await refusals(hanging[MOST_UNPROVEN:]) == {errno.EAGAIN}
    assert nameserver.most <= MOST_UNPROVEN + 1 < MOST
    nameserver.come_back()
    await asyncio.gather(*hanging[:MOST_UNPROVEN])


async def test_names_that_hung_before_have_few_places_until_they_answer_in_time(
    lookups: ThreadedLookups, nameserver: Nameserver, clock: FakeClock
) -> None:
    hanging = hang(lookups, 200)
    await until_under_way(nameserver, 200)
    clock.advance(20)
    nameserver.come_back()
    await asyncio.gather(*hanging)
    assert await resolved(lookups, "n199.hangs") == "127.0.0.1"
    nameserver.die()
    again = hang(lookups, 199)
    assert await refusals(again[MOST_LATE:]) == {errno.EAGAIN}
    assert nameserver.under_way == MOST_LATE
    back = asyncio.create_task(resolved(lookups, "n199.hangs"))
    await until_under_way(nameserver, MOST_LATE + 1)
    assert await resolved(lookups, "new.example") == "127.0.0.1"
    nameserver.come_back()
    await back
    await asyncio.gather(*again[:MOST_LATE])


@pytest.fixture
async def transport(
    nameserver: Nameserver, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[AiohttpTransport]:
    def getaddrinfo(host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        found = nameserver(host, port, socket.AF_INET)
        return [(family, 1, proto, "", (address, port)) for family, proto, address in found]

    made = AiohttpTransport(clock=SystemClock(), allowed=LOOPBACK)
    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", getaddrinfo)
        yield made
        nameserver.come_back()
        await made.close()


def send(transport: AiohttpTransport, host: str, timeout_s: float) -> "asyncio.Task[Answer]":
    request = Request(f"http://{host}:9/", {}, b"{}", timeout_s)
    return asyncio.create_task(transport.send(request))


async def test_who_only_waits_for_a_place_is_put_off_and_who_hangs_has_failed(
    transport: AiohttpTransport, nameserver: Nameserver
) -> None:
    hanging = [send(transport, f"n{n}.hangs", 5) for n in range(MOST_UNPROVEN)]
    await until_under_way(nameserver, MOST_UNPROVEN)
    waiting = [send(transport, "other.example", timeout_s) for timeout_s in (0.1, 0.2, 20)]
    answers = await asyncio.gather(*waiting)
    assert [it.failure for it in answers] == [FailureKind.SHORTAGE] * 3, answers
    assert {it.failure for it in await asyncio.gather(*hanging)} == {FailureKind.TIMEOUT}


async def test_requests_to_one_name_share_its_look_up(
    transport: AiohttpTransport, nameserver: Nameserver
) -> None:
    answers = await asyncio.gather(*(send(transport, "n1.hangs", 0.5) for _ in range(100)))
    assert {it.failure for it in answers} == {FailureKind.TIMEOUT}
    assert nameserver.asked == 1
    async with ScriptedServer(answering(OK)).running() as url:
        quick = Request(url.replace("127.0.0.1", "quick.example"), {}, b"{}", 20)
        assert (await transport.send(quick)).status == 200
