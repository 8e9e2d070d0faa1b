"""The receiver over real sockets: what it answers, what it keeps, and that it lets nothing in."""

import asyncio
import os
import signal
import socket
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import aiohttp
import msgspec
import pytest
import uvicorn
from structlog.testing import capture_logs

from offhook.model.errors import Invalid
from offhook.receiver import Counted, Event, Handler, Handling, Receiver, RetryPolicy
from offhook.receiver.receiving import MAX_BODY_BYTES
from offhook.receiver.sqlite import SqliteQueue
from offhook.signing import STANDARD, TimestampedHex, make_secret, sign

SECRET = make_secret(bytes(32))
QUICK = Handling(RetryPolicy(delays_s=(0,)), poll_s=0.05)


def body_of(number: int, key: str = "call_1") -> bytes:
    document = {"id": f"evt_{number}", "type": "call.ended", "key": key, "sequence": number}
    return msgspec.json.encode(document)


def signed(body: bytes, event_id: str) -> dict[str, str]:
    now_s = int(time.time())
    return sign(STANDARD, [SECRET], event_id=event_id, timestamp_s=now_s, body=body)


class Client:
    """Sends to one receiver."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self.url = url

    async def post(
        self, body: bytes, headers: dict[str, str], path: str = "/webhook"
    ) -> tuple[int, dict[str, object]]:
        url = self.url + path
        async with self._session.post(url, data=body, headers=headers) as response:
            return response.status, await response.json(content_type=None)

    async def deliver(self, number: int, key: str = "call_1") -> dict[str, object]:
        body = body_of(number, key)
        status, answer = await self.post(body, signed(body, f"evt_{number}"))
        assert status == 200
        return answer


class Inside:
    """A handler that remembers, and can be waited for."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._changed = asyncio.Condition()

    async def __call__(self, event: Event) -> None:
        async with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    async def until(self, count: int) -> None:
        async with self._changed:
            await asyncio.wait_for(
                self._changed.wait_for(lambda: len(self.events) >= count), timeout=60
            )


@asynccontextmanager
async def client_of(url: str) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64)) as session:
        yield Client(session, url)


@asynccontextmanager
async def serving(receiver: Receiver) -> AsyncIterator[Client]:
    bound = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(receiver, lifespan="on", log_level="error")
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        async with client_of(f"http://127.0.0.1:{bound.getsockname()[1]}") as client:
            yield client
    finally:
        server.should_exit = True
        await running


def receiver_of(folder: Path, handler: Handler) -> Receiver:
    queue = SqliteQueue(folder / "queue.db")
    return Receiver(handler, SECRET, queue, handling=QUICK)


async def test_a_signed_event_is_answered_and_handed_over_once(tmp_path: Path) -> None:
    inside = Inside()
    async with serving(receiver_of(tmp_path, inside)) as client:
        assert await client.deliver(1) == {"received": True, "duplicate": False}
        assert await client.deliver(1) == {"received": True, "duplicate": True}
        await client.deliver(2)
        await inside.until(2)
    assert [(event.id, event.type, event.key) for event in inside.events] == [
        ("evt_1", "call.ended", "call_1"),
        ("evt_2", "call.ended", "call_1"),
    ]


async def test_a_duplicate_is_known_after_a_restart(tmp_path: Path) -> None:
    inside = Inside()
    for _ in range(2):
        async with serving(receiver_of(tmp_path, inside)) as client:
            await client.deliver(1)
            await inside.until(1)
    assert [event.id for event in inside.events] == ["evt_1"]


async def test_the_same_event_at_the_same_time_is_handed_over_once(tmp_path: Path) -> None:
    inside = Inside()
    async with serving(receiver_of(tmp_path, inside)) as client:
        answers = await asyncio.gather(*(client.deliver(1) for _ in range(20)))
        await client.deliver(2)
        await inside.until(2)
    assert [answer["duplicate"] for answer in answers].count(False) == 1
    assert [event.id for event in inside.events] == ["evt_1", "evt_2"]


async def test_what_is_not_signed_by_us_is_refused_and_not_kept(tmp_path: Path) -> None:
    inside = Inside()
    body = body_of(1)
    headers = signed(body, "evt_1")
    forgeries = [
        (body, {}, "webhook-id"),
        (body + b" ", headers, "Check that the secret"),
        (body, headers | {"webhook-id": "evt_2"}, "Check that the secret"),
        (body, headers | {"webhook-timestamp": "1"}, "Check that the secret"),
    ]
    with capture_logs() as logs:
        async with serving(receiver_of(tmp_path, inside)) as client:
            for forged, with_headers, part in forgeries:
                status, problem = await client.post(forged, with_headers)
                assert (status, problem["status"]) == (401, 401)
                assert problem["code"] == "invalid_signature"
                assert part in str(problem["detail"])
            await client.deliver(3)
            await inside.until(1)
    assert [event.id for event in inside.events] == ["evt_3"]
    assert [entry["status"] for entry in logs if entry["event"] == "request_refused"] == [401] * 4


async def test_a_signed_request_that_is_no_event_is_a_400(tmp_path: Path) -> None:
    async with serving(receiver_of(tmp_path, Inside())) as client:
        status, problem = await client.post(b"[]", signed(b"[]", "evt_1"))
    assert (status, problem["code"]) == (400, "unreadable")


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunked"])
async def test_a_body_past_the_bound_is_refused_before_it_is_read(
    tmp_path: Path, announced: bool
) -> None:
    async with serving(receiver_of(tmp_path, Inside())) as client:
        host, _, port = client.url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        framing = f"content-length: {MAX_BODY_BYTES + 1}"
        if not announced:
            framing = "transfer-encoding: chunked"
        writer.write(f"POST /webhook HTTP/1.1\r\nhost: x\r\n{framing}\r\n\r\n".encode())
        if not announced:
            writer.write(f"{MAX_BODY_BYTES + 1:x}\r\n".encode() + bytes(MAX_BODY_BYTES + 1))
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
        writer.close()
    assert head.startswith(b"HTTP/1.1 413 ")


async def test_other_paths_and_methods_are_told_where_to_go_logged_and_counted(
    tmp_path: Path,
) -> None:
    counted: list[Counted] = []
    queue = SqliteQueue(tmp_path / "queue.db")
    with capture_logs() as logs:
        async with serving(Receiver(Inside(), SECRET, queue, count=counted.append)) as client:
            status, problem = await client.post(b"", {}, "/elsewhere")
            assert (status, problem["code"]) == (404, "not_found")
            async with client._session.get(client.url + "/webhook") as response:
                assert (response.status, response.headers["allow"]) == (405, "POST")
    refused = [(entry["event"], entry["status"], entry["code"]) for entry in logs]
    assert refused == [
        ("request_refused", 404, "not_found"),
        ("request_refused", 405, "method_not_allowed"),
    ]
    assert counted == [Counted.REFUSED] * 2


async def test_a_sender_that_goes_away_in_the_middle_does_no_harm(tmp_path: Path) -> None:
    inside = Inside()
    with capture_logs() as logs:
        async with serving(receiver_of(tmp_path, inside)) as client:
            host, _, port = client.url.removeprefix("http://").partition(":")
            _, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"POST /webhook HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf")
            await writer.drain()
            writer.close()
            await client.deliver(1)
            await inside.until(1)
    assert logs == []


async def test_a_handler_that_fails_is_logged_and_tried_again(tmp_path: Path) -> None:
    inside, failures = Inside(), iter([True, True, False])

    async def handler(event: Event) -> None:
        if next(failures):
            raise ConnectionError("the CRM is down")
        await inside(event)

    with capture_logs() as logs:
        async with serving(receiver_of(tmp_path, handler)) as client:
            await client.deliver(1)
            await inside.until(1)
    failed = [entry for entry in logs if entry["event"] == "handler_failed"]
    assert [entry["attempt"] for entry in failed] == [1, 2]
    assert failed[0]["event_id"] == "evt_1"
    assert "the CRM is down" in failed[0]["error"]


async def test_a_slow_handler_slows_no_answer(tmp_path: Path) -> None:
    """Two hundred requests are all answered while the handler still holds the first event."""
    go, inside = asyncio.Event(), Inside()

    async def handler(event: Event) -> None:
        await go.wait()
        await inside(event)

    async with serving(receiver_of(tmp_path, handler)) as client:
        await asyncio.gather(*(client.deliver(number, f"k{number % 7}") for number in range(200)))
        assert inside.events == []
        go.set()
        await inside.until(200)
    assert len({event.id for event in inside.events}) == 200


@pytest.mark.parametrize("secrets", ["whsec_short", [], [SECRET, "%%"]])
def test_a_receiver_without_a_usable_secret_does_not_start(
    tmp_path: Path, secrets: str | list[str]
) -> None:
    queue = SqliteQueue(tmp_path / "queue.db")
    with pytest.raises((Invalid, ValueError), match="secrets"):
        Receiver(Inside(), secrets, queue)


@pytest.mark.parametrize("lifespan", ["auto", "on"])
def test_a_server_whose_queue_cannot_be_opened_does_not_start_and_says_why(
    tmp_path: Path, lifespan: Literal["auto", "on"]
) -> None:
    receiver = receiver_of(tmp_path / "missing", Inside())
    config = uvicorn.Config(receiver, lifespan=lifespan, log_level="critical", port=0)
    with capture_logs() as logs, pytest.raises(SystemExit):
        asyncio.run(asyncio.wait_for(uvicorn.Server(config).serve(), 60))
    [entry] = logs
    assert (entry["event"], entry["log_level"]) == ("receiver_not_started", "error")
    assert "missing" in entry["error"]


@pytest.mark.parametrize(("tolerance_s", "status"), [(300, 401), (3700, 200)])
async def test_how_old_a_request_may_be_can_be_chosen(
    tmp_path: Path, tolerance_s: int, status: int
) -> None:
    queue = SqliteQueue(tmp_path / "queue.db")
    receiver = Receiver(Inside(), SECRET, queue, tolerance_s=tolerance_s)
    body, an_hour_ago_s = body_of(1), int(time.time()) - 3600
    headers = sign(STANDARD, [SECRET], event_id="evt_1", timestamp_s=an_hour_ago_s, body=body)
    async with serving(receiver) as client:
        assert (await client.post(body, headers))[0] == status


async def test_another_scheme_and_path_can_be_chosen(tmp_path: Path) -> None:
    inside, scheme = Inside(), TimestampedHex("x-callcall")
    queue = SqliteQueue(tmp_path / "queue.db")
    receiver = Receiver(inside, SECRET, queue, scheme=scheme, path="/calls")
    body, now_s = body_of(1), int(time.time())
    headers = sign(scheme, [SECRET], event_id="", timestamp_s=now_s, body=body)
    async with serving(receiver) as client:
        assert (await client.post(body, headers, "/calls"))[0] == 200
        await inside.until(1)


KILLED = """
    import asyncio, socket, sys
    from pathlib import Path
    import uvicorn
    from offhook.receiver import Handling, Receiver
    from offhook.receiver.sqlite import SqliteQueue

    async def hang(event):
        await asyncio.Event().wait()

    bound = socket.create_server(("127.0.0.1", 0))
    print(bound.getsockname()[1], flush=True)
    queue = SqliteQueue(Path(sys.argv[2]))
    receiver = Receiver(hang, sys.argv[1], queue, handling=Handling(lease_s=1))
    config = uvicorn.Config(receiver, log_level="error")
    asyncio.run(uvicorn.Server(config).serve(sockets=[bound]))
"""


async def test_what_was_answered_survives_a_kill_and_is_handed_over_in_order(
    tmp_path: Path,
) -> None:
    script = textwrap.dedent(KILLED)
    queue = str(tmp_path / "queue.db")
    killed = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, SECRET, queue, stdout=asyncio.subprocess.PIPE
    )
    assert killed.stdout is not None
    port = int(await asyncio.wait_for(killed.stdout.readline(), 60))
    async with client_of(f"http://127.0.0.1:{port}") as client:
        for number in range(30):
            await client.deliver(number)
    os.kill(killed.pid, signal.SIGKILL)
    await killed.wait()
    inside = Inside()
    async with serving(receiver_of(tmp_path, inside)) as client:
        await client.deliver(7)
        await client.deliver(30)
        await inside.until(31)
    assert [event.sequence for event in inside.events] == list(range(31))
