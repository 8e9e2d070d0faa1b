"""Whatever the other side does, one exchange ends in one answer, within its time and memory."""

import asyncio
import contextlib
import errno
import ipaddress
import os
import resource
import socket
import threading
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from scripted_server import (
    LOOPBACK,
    OK,
    FixedResolver,
    Peer,
    ScriptedServer,
    answering,
    exchange,
    self_signed,
)

from offhook import __version__
from offhook.clock import SystemClock
from offhook.delivery.entries import FailureKind, Request
from offhook.delivery.outgoing.connecting import MAX_AGE_S
from offhook.delivery.outgoing.transport import MAX_BODY_BYTES, AiohttpTransport
from offhook.testing.clock import FakeClock


@pytest.fixture
async def transport() -> AsyncIterator[AiohttpTransport]:
    made = AiohttpTransport(clock=SystemClock(), allowed=LOOPBACK)
    yield made
    await made.close()


async def test_an_answer_comes_back_with_its_status_body_and_time(
    transport: AiohttpTransport,
) -> None:
    answer = await exchange(transport, answering(OK))
    assert (answer.status, answer.failure, answer.body) == (200, None, b"ok")
    assert 0 < answer.duration_ms < 60_000


async def test_headers_go_out_as_given_beside_ours(transport: AiohttpTransport) -> None:
    seen: list[str] = []

    async def script(peer: Peer) -> None:
        head, body = await peer.read_request()
        seen.append(f"{head}{body.decode()}")
        await peer.write(OK)

    await exchange(transport, script, headers={"Webhook-Id": "evt_1", "x-env": "prod"})
    first, *lines = seen[0].split("\r\n")
    assert first == "POST /hook HTTP/1.1"
    names = {line.partition(":")[0].lower() for line in lines if ":" in line}
    assert {"Webhook-Id: evt_1", "x-env: prod"} <= set(lines)
    assert {f"user-agent: Offhook/{__version__}", "content-type: application/json"} <= set(lines)
    ours = {"user-agent", "content-type", "content-length", "host"}
    assert names == {"webhook-id", "x-env"} | ours
    assert seen[0].endswith("\r\n\r\n{}")


@pytest.mark.parametrize(
    ("asked", "gone_out"),
    [
        ("/hook?sig=ab%2Fc%3D&at=1+2%20", "/hook?sig=ab%2Fc%3D&at=1+2%20"),
        ("/%7Euser/b/../c//d;v=1", "/%7Euser/b/../c//d;v=1"),
        ("/%zz?q=[a]&b=c=d", "/%zz?q=[a]&b=c=d"),
        ("?key=1", "/?key=1"),
        ("", "/"),
        ('/a"b|c', "/a%22b%7Cc"),
        ("/a HTTP/1.1\r\nx-forged: 1\r\n", "/a%20HTTP/1.1%0D%0Ax-forged:%201%0D%0A"),
    ],
)
async def test_what_is_asked_for_is_what_the_url_says_and_one_line(
    transport: AiohttpTransport, asked: str, gone_out: str
) -> None:
    seen: list[str] = []

    async def script(peer: Peer) -> None:
        head, _ = await peer.read_request()
        seen.append(head)
        await peer.write(OK)

    async with ScriptedServer(script).running() as url:
        origin = url.removesuffix("/hook")
        await transport.send(Request(f"{origin}{asked}", {}, b"{}", 10))
    assert seen[0].split("\r\n")[0] == f"POST {gone_out} HTTP/1.1"
    assert "x-forged" not in "".join(seen[0].lower().split("\r\n")[1:])


async def test_retry_after_is_handed_on(transport: AiohttpTransport) -> None:
    day = "Fri, 20 Nov 2026 10:00:00 GMT"
    busy = f"HTTP/1.1 503 Busy\r\nretry-after: 120\r\ndate: {day}\r\ncontent-length: 0\r\n\r\n"
    answer = await exchange(transport, answering(busy.encode()))
    assert (answer.status, answer.retry_after, answer.date) == (503, "120", day)
    assert answer.body == b""


async def test_a_redirect_is_an_answer_and_is_not_followed(transport: AiohttpTransport) -> None:
    server = ScriptedServer(
        answering(b"HTTP/1.1 307 Go\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n")
    )
    async with server.running() as url:
        answer = await transport.send(Request(url, {}, b"{}", 10))
        assert answer.status == 307
        assert (await transport.send(Request(url, {}, b"{}", 10))).status == 307
    assert server.connections == 1


async def test_cookies_are_not_kept(transport: AiohttpTransport) -> None:
    heads: list[str] = []

    async def script(peer: Peer) -> None:
        for _ in range(2):
            heads.append((await peer.read_request())[0])
            await peer.write(OK.replace(b"\r\n\r\n", b"\r\nset-cookie: a=b\r\n\r\n"))

    async with ScriptedServer(script).running() as url:
        for _ in range(2):
            await transport.send(Request(url, {}, b"{}", 10))
    assert len(heads) == 2
    assert "cookie" not in heads[1].lower()


async def test_nobody_listening_is_a_failure_to_connect(transport: AiohttpTransport) -> None:
    async with ScriptedServer(answering(OK)).running() as url:
        pass
    answer = await transport.send(Request(url, {}, b"{}", 10))
    assert (answer.status, answer.failure) == (None, FailureKind.CONNECT)
    assert "127.0.0.1" in (answer.detail or "")


@pytest.mark.parametrize(
    "part",
    [b"", b"HTTP/1.1 200 OK\r\nconte", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"],
    ids=["before", "in the head", "in the body"],
)
@pytest.mark.parametrize("reset", [True, False], ids=["reset", "closed"])
async def test_a_connection_lost_on_its_first_use_is_one_failed_exchange(
    transport: AiohttpTransport, part: bytes, reset: bool
) -> None:
    async def script(peer: Peer) -> None:
        await peer.read_request()
        await peer.write(part)
        if reset:
            peer.reset()

    server = ScriptedServer(script)
    async with server.running() as url:
        answer = await transport.send(Request(url, {}, b"{}", 10))
    assert (answer.status, answer.failure) == (None, FailureKind.DISCONNECTED)
    assert server.connections == 1


async def test_bytes_that_are_no_http_are_told_from_an_answer(
    transport: AiohttpTransport,
) -> None:
    answer = await exchange(transport, answering(b"SSH-2.0-OpenSSH_9.6\r\n"))
    assert answer.failure is FailureKind.DISCONNECTED
    assert "not valid HTTP" in (answer.detail or "")


async def test_headers_without_end_are_cut_off(transport: AiohttpTransport) -> None:
    async def script(peer: Peer) -> None:
        await peer.read_request()
        await peer.write(b"HTTP/1.1 200 OK\r\nx-huge: ")
        while True:
            await peer.write(b"h" * 4096)

    answer = await exchange(transport, script)
    assert answer.failure is FailureKind.DISCONNECTED


async def test_silence_ends_with_the_timeout(transport: AiohttpTransport) -> None:
    async def script(peer: Peer) -> None:
        await peer.closed_by_client()

    answer = await exchange(transport, script, timeout_s=0.05)
    assert (answer.status, answer.failure) == (None, FailureKind.TIMEOUT)
    assert 50 <= answer.duration_ms < 60_000


async def test_a_body_that_drips_does_not_outlast_the_timeout(
    transport: AiohttpTransport,
) -> None:
    gone = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.read_request()
        await peer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while True:
                await peer.write(b"1\r\nx\r\n")
                await asyncio.sleep(0.005)
        gone.set()

    async with ScriptedServer(script).running() as url:
        # Long enough for a busy machine to have made the connection.
        answer = await transport.send(Request(url, {}, b"{}", 1))
        await asyncio.wait_for(gone.wait(), 30)
    assert answer.failure is FailureKind.TIMEOUT


async def test_of_an_endless_body_the_start_is_read_and_the_connection_dropped(
    transport: AiohttpTransport,
) -> None:
    gone = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.read_request()
        await peer.write(b"HTTP/1.1 500 Oh\r\nconnection: keep-alive\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while True:
                await peer.write(b"e" * 1000)
        gone.set()

    async with ScriptedServer(script).running() as url:
        answer = await transport.send(Request(url, {}, b"{}", 10))
        await asyncio.wait_for(gone.wait(), 30)
    assert (answer.status, answer.body) == (500, b"e" * MAX_BODY_BYTES)


async def test_a_compressed_body_is_not_unpacked(transport: AiohttpTransport) -> None:
    bomb = zlib.compress(bytes(5_000_000))
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: deflate\r\ncontent-length: {len(bomb)}\r\n\r\n"
    answer = await exchange(transport, answering(head.encode() + bomb))
    assert answer.body == bomb


async def test_connections_are_kept_and_used_again(transport: AiohttpTransport) -> None:
    server = ScriptedServer(answering(OK))
    async with server.running() as url:
        for _ in range(5):
            assert (await transport.send(Request(url, {}, b"{}", 10))).status == 200
    assert server.connections == 1


async def test_a_connection_in_constant_use_ends_with_an_answer_and_follows_its_name() -> None:
    clock, here = FakeClock(), ["127.0.0.1"]
    resolver = FixedResolver(turns=[here, ["127.0.0.2"]])
    transport = AiohttpTransport(clock=clock, allowed=LOOPBACK, resolver=resolver, dns_ttl_s=0)
    server = ScriptedServer(answering(OK))
    async with server.running() as url:
        request = Request(url.replace("127.0.0.1", "moving.example"), {}, b"{}", 20)
        for _ in range(4):
            answer = await transport.send(request)
            assert (answer.status, answer.body, server.connections) == (200, b"ok", 1)
            clock.advance(MAX_AGE_S / 3 + 1)
        moved = await transport.send(request)
    await transport.close()
    assert (moved.failure, resolver.asked) == (FailureKind.CONNECT, 2), "nobody listens there"


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "closed"])
async def test_a_kept_connection_found_closed_is_replaced_at_once(
    transport: AiohttpTransport, reset: bool
) -> None:
    """The server closes in the instant in which the second request arrives, as one does whose
    keep-alive timeout has just passed."""

    async def script(peer: Peer) -> None:
        await peer.read_request()
        await peer.write(OK)
        await peer.read_request()
        if peer.number > 1:
            await peer.write(OK)
        elif reset:
            peer.reset()

    server = ScriptedServer(script)
    async with server.running() as url:
        assert (await transport.send(Request(url, {}, b"{}", 10))).status == 200
        assert (await transport.send(Request(url, {}, b"{}", 10))).status == 200
    assert server.connections == 2


async def test_a_server_that_closes_every_time_is_tried_twice_and_no_more(
    transport: AiohttpTransport,
) -> None:
    async def script(peer: Peer) -> None:
        await peer.read_request()
        if peer.number == 1:
            await peer.write(OK)
            await peer.read_request()

    server = ScriptedServer(script)
    async with server.running() as url:
        assert (await transport.send(Request(url, {}, b"{}", 10))).status == 200
        answer = await transport.send(Request(url, {}, b"{}", 10))
    assert answer.failure is FailureKind.DISCONNECTED
    assert server.connections == 2


async def test_part_of_an_answer_on_a_kept_connection_is_not_asked_for_again(
    transport: AiohttpTransport,
) -> None:
    async def script(peer: Peer) -> None:
        await peer.read_request()
        await peer.write(OK)
        await peer.read_request()
        await peer.write(b"HTTP/1.1 200 OK\r\nx-half: ")

    server = ScriptedServer(script)
    async with server.running() as url:
        assert (await transport.send(Request(url, {}, b"{}", 10))).status == 200
        answer = await transport.send(Request(url, {}, b"{}", 10))
    assert answer.failure is FailureKind.DISCONNECTED
    assert server.connections == 1


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["127.0.0.1", "::1", "10.1.2.3"]])
async def test_a_name_that_leads_inside_is_blocked_at_the_socket(
    addresses: list[str],
) -> None:
    transport = AiohttpTransport(clock=SystemClock(), resolver=FixedResolver(*addresses))
    server = ScriptedServer(answering(OK))
    async with server.running() as url:
        target = url.replace("127.0.0.1", "innocent.example")
        answer = await transport.send(Request(target, {}, b"{}", 10))
    await transport.close()
    assert answer.failure is FailureKind.BLOCKED
    assert "not an allowed target" in (answer.detail or "")
    assert server.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]"])
async def test_an_address_in_any_spelling_is_never_connected_to(host: str) -> None:
    transport = AiohttpTransport(clock=SystemClock())
    server = ScriptedServer(answering(OK))
    async with server.running() as url:
        target = url.replace("127.0.0.1", host)
        answer = await transport.send(Request(target, {}, b"{}", 10))
    await transport.close()
    assert answer.failure is not None
    assert server.connections == 0


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http://", "http://127.0.0.1:99999/"])
async def test_a_url_that_cannot_be_used_is_our_own_failure(
    transport: AiohttpTransport, url: str
) -> None:
    answer = await transport.send(Request(url, {}, b"{}", 10))
    assert (answer.status, answer.failure) == (None, FailureKind.INTERNAL)
    assert answer.detail


async def test_a_header_that_would_add_another_is_our_own_failure(
    transport: AiohttpTransport,
) -> None:
    answer = await exchange(transport, answering(OK), headers={"x-env": "a\r\nevil: 1"})
    assert (answer.status, answer.failure) == (None, FailureKind.INTERNAL)


async def test_cancelling_passes_through_and_drops_the_connection(
    transport: AiohttpTransport,
) -> None:
    arrived, gone = asyncio.Event(), asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.read_request()
        arrived.set()
        await peer.closed_by_client()
        gone.set()

    async with ScriptedServer(script).running() as url:
        sending = asyncio.create_task(transport.send(Request(url, {}, b"{}", 10)))
        await arrived.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await asyncio.wait_for(gone.wait(), 30)


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    transport: AiohttpTransport, tmp_path: Path
) -> None:
    async with ScriptedServer(answering(OK)).running(self_signed(tmp_path)) as url:
        answer = await transport.send(Request(url, {}, b"{}", 10))
    assert answer.failure is FailureKind.TLS
    assert "is not accepted: self-signed certificate" in (answer.detail or "")


@contextlib.contextmanager
def no_descriptor_left() -> Iterator[None]:
    """Nothing can be opened: the limit is set to the lowest number that is free."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.parametrize("host", ["127.0.0.1:9", "nowhere.invalid"])
async def test_what_this_process_is_short_of_is_no_failure_of_the_endpoint(
    transport: AiohttpTransport, host: str
) -> None:
    with no_descriptor_left():
        answer = await transport.send(Request(f"http://{host}/", {}, b"{}", 10))
    assert answer.failure is FailureKind.SHORTAGE, answer
    assert answer.is_ours


@contextlib.contextmanager
def no_thread_left() -> Iterator[None]:
    """None can be started: there is no room for its stack."""
    before = threading.stack_size(1 << 47)
    try:
        yield
    finally:
        threading.stack_size(before)


async def test_where_no_thread_can_be_started_a_name_is_looked_up_later(
    transport: AiohttpTransport,
) -> None:
    async with ScriptedServer(answering(OK)).running() as url:
        request = Request(url.replace("127.0.0.1", "localhost"), {}, b"{}", 10)
        with no_thread_left():
            answer = await transport.send(request)
        assert answer.failure is FailureKind.SHORTAGE, answer
        assert (await transport.send(request)).status == 200


@pytest.mark.parametrize(
    ("url", "number", "kind"),
    [
        ("http://127.0.0.1:9/", errno.ENOMEM, FailureKind.SHORTAGE),
        ("http://127.0.0.1:9/", errno.ENOBUFS, FailureKind.SHORTAGE),
        ("http://127.0.0.1:9/", errno.EADDRNOTAVAIL, FailureKind.SHORTAGE),
        ("http://[::1]:9/", errno.EADDRNOTAVAIL, FailureKind.CONNECT),
        ("http://127.0.0.1:9/", errno.ENETUNREACH, FailureKind.CONNECT),
    ],
)
async def test_what_the_system_has_none_left_of_is_told_from_a_peer_that_cannot_be_reached(
    monkeypatch: pytest.MonkeyPatch, url: str, number: int, kind: FailureKind
) -> None:
    async def short(sock: socket.socket, address: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", short)
    everywhere = (*LOOPBACK, ipaddress.ip_network("::1/128"))
    transport = AiohttpTransport(clock=SystemClock(), allowed=everywhere)
    answer = await transport.send(Request(url, {}, b"{}", 10))
    await transport.close()
    assert answer.failure is kind, answer


async def test_a_fault_that_nobody_foresaw_is_not_taken_for_a_request_that_cannot_be_built(
    transport: AiohttpTransport,
) -> None:
    await transport.close()
    answer = await transport.send(Request("http://127.0.0.1:9/", {}, b"{}", 10))
    assert answer.failure is FailureKind.UNSETTLED, answer
    assert "Session is closed" in (answer.detail or "")
