"""What a receiver, its DNS or its owner may try: none of it reaches inside, outlasts the time-out,
or costs more memory than its bound."""

import asyncio
import contextlib
import gzip
import ipaddress
import socket
import ssl
import threading
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from scripted_server import (
    LOOPBACK,
    OK,
    FixedResolver,
    Peer,
    Script,
    ScriptedServer,
    answering,
    exchange,
    self_signed,
)

from offhook.clock import SystemClock
from offhook.delivery.entries import Answer, FailureKind, Request
from offhook.delivery.outgoing.connecting import MAX_HEAD_BYTES
from offhook.delivery.outgoing.transport import MAX_BODY_BYTES, AiohttpTransport
from offhook.delivery.webhooks.targets import Targets
from offhook.model.errors import Invalid

INSIDE = [
    "0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1",
    "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1", "2001::1", "2001:db8::1", "2002:7f00:1::1", "fd00:ec2::254",
    "fe80::1", "ff02::1",
]  # fmt: skip

SOON_S = 1.0
"""A time-out that a test waits for, and within which a busy machine still makes a connection."""


@pytest.fixture
async def transport() -> AsyncIterator[AiohttpTransport]:
    made = AiohttpTransport(clock=SystemClock(), allowed=LOOPBACK)
    yield made
    await made.close()


async def refused(url: str, *addresses: str) -> Answer:
    transport = AiohttpTransport(clock=SystemClock(), resolver=FixedResolver(*addresses))
    try:
        return await transport.send(Request(url, {}, b"{}", 5))
    finally:
        await transport.close()


@pytest.mark.parametrize("address", INSIDE)
async def test_a_name_that_resolves_to_an_inner_address_opens_no_socket(address: str) -> None:
    answer = await refused("http://innocent.example/hook", address)
    assert answer.failure is FailureKind.BLOCKED
    assert address in (answer.detail or "")


@pytest.mark.parametrize("address", INSIDE)
async def test_a_literal_of_an_inner_address_opens_no_socket(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    assert (await refused(f"http://{host}/hook")).failure is FailureKind.BLOCKED


@pytest.mark.parametrize("host", ["0177.0.0.1", "2130706433", "0x7f000001", "127.1", "0"])
async def test_what_the_system_reads_as_an_inner_address_opens_no_socket(host: str) -> None:
    """With the system's own resolver, which knows all these spellings."""
    transport = AiohttpTransport(clock=SystemClock())
    answer = await transport.send(Request(f"http://{host}/hook", {}, b"{}", 5))
    await transport.close()
    assert answer.failure in {FailureKind.BLOCKED, FailureKind.INTERNAL}
    assert answer.timings is not None
    assert answer.timings.connect_ms is None


async def test_a_name_that_was_public_when_it_was_checked_is_looked_at_again() -> None:
    answers = iter([["93.184.215.14"], ["127.0.0.1"]])

    async def resolver(host: str) -> list[str]:
        return next(answers)

    targets = Targets(resolver, allow_http=True)
    assert await targets.check("http://rebinds.example/hook") == []
    with pytest.raises(Invalid):
        await targets.check("http://rebinds.example/hook")
    answer = await refused("http://rebinds.example/hook", "127.0.0.1")
    assert answer.failure is FailureKind.BLOCKED


async def test_a_name_that_moves_inside_between_two_requests_is_blocked() -> None:
    """127.0.0.1 stands for the public address here, 127.0.0.2 for the inner one."""
    resolver = FixedResolver(turns=[["127.0.0.1"], ["127.0.0.2"]])
    transport = AiohttpTransport(
        clock=SystemClock(),
        allowed=[ipaddress.ip_network("127.0.0.1/32")],
        resolver=resolver,
        dns_ttl_s=0,
    )

    async def once(peer: Peer) -> None:
        await peer.read_request()
        await peer.write(OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))

    async with ScriptedServer(once).running() as url:
        request = Request(url.replace("127.0.0.1", "rebinds.example"), {}, b"{}", 5)
        assert (await transport.send(request)).status == 200
        answer = await transport.send(request)
    await transport.close()
    assert resolver.asked == 2
    assert answer.failure is FailureKind.BLOCKED
    assert "127.0.0.2" in (answer.detail or "")


async def test_of_a_public_and_an_inner_address_only_the_public_one_is_connected_to() -> None:
    transport = AiohttpTransport(
        clock=SystemClock(),
        allowed=[ipaddress.ip_network("127.0.0.1/32")],
        resolver=FixedResolver("127.0.0.2", "127.0.0.1"),
    )
    async with ScriptedServer(answering(OK)).running() as url:
        request = Request(url.replace("127.0.0.1", "both.example"), {}, b"{}", 5)
        assert (await transport.send(request)).status == 200
    await transport.close()


async def test_a_redirect_to_an_inner_address_is_not_followed(transport: AiohttpTransport) -> None:
    inner = ScriptedServer(answering(OK))
    async with inner.running() as url:
        for status in (301, 302, 303, 307, 308):
            head = f"HTTP/1.1 {status} Go\r\nlocation: {url}\r\ncontent-length: 0\r\n\r\n"
            answer = await exchange(transport, answering(head.encode()))
            assert answer.status == status
            assert ("location", url) in answer.headers
    assert inner.connections == 0


async def test_a_url_with_credentials_is_never_sent(transport: AiohttpTransport) -> None:
    server = ScriptedServer(answering(OK))
    async with server.running() as url:
        target = url.replace("http://", "http://me:hunter2@")
        answer = await transport.send(Request(target, {}, b"{}", 5))
    assert answer.failure is FailureKind.INTERNAL
    assert "hunter2" not in (answer.detail or "")
    assert server.connections == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"x-env": "a\r\nevil: 1"},
        {"x-env": "a\nevil: 1"},
        {"x-env": "a\revil: 1"},
        {"x-env\r\nevil": "1"},
        {"x-env": "a\0b"},
        {"x env": "1"},
    ],
)
async def test_no_header_smuggles_in_another(
    transport: AiohttpTransport, headers: dict[str, str]
) -> None:
    heads: list[str] = []

    async def script(peer: Peer) -> None:
        heads.append((await peer.read_request())[0])
        await peer.write(OK)

    answer = await exchange(transport, script, headers=headers)
    assert answer.failure is FailureKind.INTERNAL or "evil" not in heads[0]


@pytest.mark.parametrize("path", ["/a\r\nevil: 1", "/a b", "/a\tb"])
async def test_no_url_smuggles_in_a_header(transport: AiohttpTransport, path: str) -> None:
    lines: list[str] = []

    async def script(peer: Peer) -> None:
        lines.extend((await peer.read_request())[0].split("\r\n"))
        await peer.write(OK)

    async with ScriptedServer(script).running() as url:
        await transport.send(Request(url.replace("/hook", path), {}, b"{}", 5))
    assert not any(line.startswith("evil") for line in lines)


def flooding(first: bytes, more: bytes) -> tuple[Script, asyncio.Event]:
    """Sends ``first`` and then ``more`` for ever; the event is set once it was cut off."""
    gone = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.read_request()
        with contextlib.suppress(ConnectionError):
            await peer.write(first)
            while True:
                await peer.write(more)
        gone.set()

    return script, gone


@pytest.mark.parametrize(
    ("first", "more"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"x-more: " + b"h" * 4000 + b"\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"x: 1\r\n"),
        (b"HTTP/1.1 200 OK\r\nx-long: ", b"h" * 4096),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
        (b"", b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * 100),
        (b"HTTP/1.1 200 ", b"O" * 4096),
    ],
    ids=["headers", "small headers", "one header", "100", "103", "reason"],
)
async def test_a_head_without_end_is_cut_off_at_its_bound(
    transport: AiohttpTransport, first: bytes, more: bytes
) -> None:
    script, gone = flooding(first, more)
    async with ScriptedServer(script).running() as url:
        answer = await transport.send(Request(url, {}, b"{}", 30))
        await asyncio.wait_for(gone.wait(), 30)
    assert answer.failure is FailureKind.DISCONNECTED
    assert answer.duration_ms < 20_000


async def test_an_interim_answer_is_waited_past(transport: AiohttpTransport) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
    answer = await exchange(transport, answering(early + early + OK))
    assert (answer.status, answer.body) == (200, b"ok")


async def test_a_large_head_within_the_bound_is_read(transport: AiohttpTransport) -> None:
    headers = b"".join(b"x-%d: %s\r\n" % (n, b"h" * 600) for n in range(100))
    assert MAX_HEAD_BYTES // 2 < len(headers) < MAX_HEAD_BYTES
    response = b"HTTP/1.1 500 Oh\r\n" + headers + b"content-length: 0\r\n\r\n"
    answer = await exchange(transport, answering(response))
    assert answer.status == 500


async def test_a_head_that_drips_does_not_outlast_the_timeout(transport: AiohttpTransport) -> None:
    gone = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.read_request()
        with contextlib.suppress(ConnectionError):
            await peer.write(b"HTTP/1.1 200 OK\r\nx-drip: ")
            while True:
                await peer.write(b"x")
                await asyncio.sleep(0.005)
        gone.set()

    async with ScriptedServer(script).running() as url:
        answer = await transport.send(Request(url, {}, b"{}", SOON_S))
        await asyncio.wait_for(gone.wait(), 30)
    assert answer.failure is FailureKind.TIMEOUT
    assert "waiting for the answer's head" in (answer.detail or "")


async def test_a_request_that_nobody_reads_does_not_outlast_the_timeout(
    transport: AiohttpTransport,
) -> None:
    done = asyncio.Event()

    async def script(peer: Peer) -> None:
        await done.wait()

    async with ScriptedServer(script).running() as url:
        answer = await transport.send(Request(url, {}, b"x" * 1_000_000, 0.2))
        done.set()
    assert answer.failure is FailureKind.TIMEOUT


BOMB = bytes(20_000_000)


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(BOMB)),
        ("deflate", zlib.compress(BOMB)),
        ("br", b"\x8b" + bytes(200)),
        ("zstd", b"\x28\xb5\x2f\xfd" + bytes(200)),
        ("gzip, gzip", gzip.compress(gzip.compress(BOMB))),
    ],
)
async def test_a_compressed_answer_is_kept_as_it_came(
    transport: AiohttpTransport, coding: str, packed: bytes
) -> None:
    head = f"HTTP/1.1 500 Oh\r\ncontent-encoding: {coding}\r\ncontent-length: {len(packed)}\r\n\r\n"
    tracemalloc.start()
    answer = await exchange(transport, answering(head.encode() + packed))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answer.body == packed[:MAX_BODY_BYTES]
    assert peak < 2_000_000


async def test_a_transfer_coding_is_not_unpacked_either(transport: AiohttpTransport) -> None:
    head = b"HTTP/1.1 500 Oh\r\ntransfer-encoding: gzip, chunked\r\n\r\n"
    packed = gzip.compress(b"x" * 1000)
    chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(packed), packed)
    answer = await exchange(transport, answering(head + chunk))
    assert b"x" * 1000 not in answer.body


@pytest.mark.parametrize(
    "nonsense",
    [
        b"<html>hello</html>\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"\0\0\0\0\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_a_failure_of_the_exchange(
    transport: AiohttpTransport, nonsense: bytes
) -> None:
    answer = await exchange(transport, answering(nonsense))
    assert (answer.status, answer.failure) == (None, FailureKind.DISCONNECTED)


async def test_a_switch_of_protocols_is_no_acceptance(transport: AiohttpTransport) -> None:
    switch = b"HTTP/1.1 101 Go\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n" + b"j" * 100
    answer = await exchange(transport, answering(switch), timeout_s=1)
    assert answer.status in (101, None)


async def test_headers_that_are_no_text_are_shown_as_far_as_they_are(
    transport: AiohttpTransport,
) -> None:
    response = b"HTTP/1.1 500 Oh\r\nx-bytes: \xff\xfe\r\ncontent-length: 0\r\n\r\n"
    answer = await exchange(transport, answering(response))
    assert dict(answer.headers)["x-bytes"] == "\ufffd\ufffd"


async def test_the_steps_of_an_exchange_are_timed_and_a_kept_connection_spares_some(
    transport: AiohttpTransport,
) -> None:
    async with ScriptedServer(answering(OK)).running() as url:
        first = await transport.send(Request(url, {}, b"{}", 5))
        second = await transport.send(Request(url, {}, b"{}", 5))
    assert first.timings is not None
    assert first.timings.dns_ms is not None
    assert first.timings.connect_ms is not None
    assert first.timings.tls_ms is None
    assert (first.timings.first_byte_ms or 0) > 0
    assert second.timings is not None
    assert (second.timings.dns_ms, second.timings.connect_ms) == (None, None)
    assert (second.timings.first_byte_ms or 0) > 0


async def test_headers_of_an_acceptance_come_back_only_where_they_are_asked_for(
    transport: AiohttpTransport,
) -> None:
    async with ScriptedServer(answering(OK)).running() as url:
        plain = await transport.send(Request(url, {}, b"{}", 5))
        kept = await transport.send(Request(url, {}, b"{}", 5, keep_response=True))
    assert plain.headers == ()
    assert kept.headers == (("content-length", "2"),)


@contextlib.asynccontextmanager
async def trusting(folder: Path, name: str) -> AsyncIterator[AiohttpTransport]:
    """A transport that trusts the certificate in the folder, for which ``name`` is this machine."""
    transport = AiohttpTransport(
        clock=SystemClock(),
        allowed=LOOPBACK,
        resolver=FixedResolver("127.0.0.1"),
        authorities=str(folder / "server.pem"),
    )
    yield transport
    await transport.close()


async def over_tls(folder: Path, tls: ssl.SSLContext, name: str) -> Answer:
    async with ScriptedServer(answering(OK)).running(tls) as url, trusting(folder, name) as sender:
        return await sender.send(Request(url.replace("127.0.0.1", name), {}, b"{}", 5))


async def test_the_handshake_is_timed_of_its_own(tmp_path: Path) -> None:
    tls = self_signed(tmp_path, name="shop.example")
    answer = await over_tls(tmp_path, tls, "shop.example")
    assert (answer.status, answer.failure, answer.detail) == (200, None, None)
    assert answer.timings is not None
    assert (answer.timings.tls_ms or 0) > 0
    assert answer.timings.connect_ms is not None


async def test_a_certificate_of_another_name_is_refused_by_name(tmp_path: Path) -> None:
    tls = self_signed(tmp_path, name="other.example")
    answer = await over_tls(tmp_path, tls, "shop.example")
    assert answer.failure is FailureKind.TLS
    assert "certificate is not valid for 'shop.example'" in (answer.detail or "")


async def test_a_certificate_that_expired_is_refused_by_name(tmp_path: Path) -> None:
    tls = self_signed(tmp_path, name="shop.example", valid_days=-1)
    answer = await over_tls(tmp_path, tls, "shop.example")
    assert answer.failure is FailureKind.TLS
    assert "certificate has expired" in (answer.detail or "")


async def test_a_port_that_speaks_no_tls_is_told_of(transport: AiohttpTransport) -> None:
    async def script(peer: Peer) -> None:
        await peer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await peer.closed_by_client()

    async with ScriptedServer(script).running() as url:
        target = url.replace("http://", "https://")
        answer = await transport.send(Request(target, {}, b"{}", 5))
    assert answer.failure is FailureKind.TLS
    assert "Does this port speak TLS?" in (answer.detail or "")


async def test_a_handshake_that_never_ends_is_cut_off(transport: AiohttpTransport) -> None:
    async def script(peer: Peer) -> None:
        await peer.closed_by_client()

    async with ScriptedServer(script).running() as url:
        target = url.replace("http://", "https://")
        answer = await transport.send(Request(target, {}, b"{}", SOON_S))
    assert answer.failure is FailureKind.TIMEOUT
    assert "in the TLS handshake" in (answer.detail or "")
    assert answer.timings is not None
    assert (answer.timings.tls_ms or 0) > 0


async def test_a_name_that_does_not_resolve_is_told_from_a_server_that_is_down() -> None:
    transport = AiohttpTransport(clock=SystemClock())
    answer = await transport.send(Request("http://no-such-name.invalid/", {}, b"{}", 20))
    await transport.close()
    assert answer.failure is FailureKind.DNS
    assert "no-such-name.invalid does not resolve" in (answer.detail or "")


async def test_names_that_hang_keep_no_other_name_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    release, looked_up = threading.Event(), socket.getaddrinfo

    def hanging(host: str, *args: Any, **named: Any) -> Any:
        if host.endswith(".hangs"):
            release.wait(30)
        return looked_up("127.0.0.1", *args, **named)

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    transport = AiohttpTransport(clock=SystemClock(), allowed=LOOPBACK)
    stuck = [
        asyncio.create_task(transport.send(Request(f"http://n{n}.hangs/", {}, b"{}", 0.5)))
        for n in range(40)
    ]
    await asyncio.sleep(0)
    async with ScriptedServer(answering(OK)).running() as url:
        target = url.replace("127.0.0.1", "quick.example")
        assert (await transport.send(Request(target, {}, b"{}", 20))).status == 200
    answers = await asyncio.gather(*stuck)
    release.set()
    await transport.close()
    assert {answer.failure for answer in answers} == {FailureKind.TIMEOUT}
    assert "while looking the name up" in (answers[0].detail or "")
