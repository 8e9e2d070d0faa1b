"""Open streams neither hold up a stop nor lose anything by it or by a kill; tokens stay out of the
log."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp
import msgspec
from server_process import HOST, KEY, Client, Server

LONGEST_STOP_S = 10.0
AUTHORIZATION = {"authorization": f"Bearer {KEY}"}


class Streaming:
    """A client of the stream that connects again and again, with the last id it saw."""

    def __init__(self, server: Server) -> None:
        self._url = server.url + "/v1/stream"
        self._last_id: str | None = None
        self.events: list[dict[str, Any]] = []
        self.ended = 0
        self.opened = asyncio.Event()

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            with suppress(aiohttp.ClientError):
                await self._read()
            await asyncio.sleep(0.05)

    async def has(self, count: int) -> None:
        """Return once so many events came."""
        async with asyncio.timeout(30):
            while len(self.events) < count:
                await asyncio.sleep(0.01)

    async def _read(self) -> None:
        headers = dict(AUTHORIZATION)
        if self._last_id is not None:
            headers["last-event-id"] = self._last_id
        async with (
            aiohttp.ClientSession() as session,
            session.get(self._url, headers=headers, timeout=aiohttp.ClientTimeout(None)) as answer,
        ):
            answer.raise_for_status()
            id_ = ""
            async for line in answer.content:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "id":
                    id_ = value
                elif name == "data":
                    self.events.append(msgspec.json.decode(value))
                elif name == "":
                    self._last_id = id_
                    self.opened.set()
        self.ended += 1


@asynccontextmanager
async def streaming(server: Server, count: int) -> AsyncIterator[list[Streaming]]:
    """So many clients with an open stream."""
    clients = [Streaming(server) for _ in range(count)]
    reading = [asyncio.create_task(client.run()) for client in clients]
    async with asyncio.timeout(30):
        await asyncio.gather(*(client.opened.wait() for client in clients))
    try:
        yield clients
    finally:
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)


def complete(client: Streaming, posted: list[str]) -> bool:
    """Every event once, in order per key."""
    assert sorted(event["id"] for event in client.events) == sorted(posted)
    numbers: dict[str, list[int]] = {}
    for event in client.events:
        numbers.setdefault(event["key"], []).append(event["sequence"])
    return all(found == [*range(1, len(found) + 1)] for found in numbers.values())


async def test_a_stop_ends_the_streams_and_they_go_on_after_it(tmp_path: Path) -> None:
    async with Server(tmp_path) as server, Client(server) as client:
        await client.ready()
        async with streaming(server, 20) as clients:
            posted = await client.post(*"abcab")
            await asyncio.gather(*(each.has(len(posted)) for each in clients))
            began = monotonic()
            assert await server.stop() == 0
            assert monotonic() - began < LONGEST_STOP_S
            await server.start()
            posted += await client.post(*"cba")
            await asyncio.gather(*(each.has(len(posted)) for each in clients))
            # In order, by the last chunk, not by a connection that breaks off.
            assert [each.ended for each in clients] == [1] * len(clients)
            assert all(complete(each, posted) for each in clients)
        assert server.complaints() == []


async def test_a_kill_loses_no_event_of_a_stream_and_repeats_none(tmp_path: Path) -> None:
    async with Server(tmp_path) as server, Client(server) as client:
        await client.ready()
        async with streaming(server, 5) as clients:
            posted = []
            for _ in range(3):
                posted += await client.post(*"abcdabcd")
                await clients[0].has(len(posted) - 6)
                await server.kill()
                await server.start()
            posted += await client.post("a")
            await asyncio.gather(*(each.has(len(posted)) for each in clients))
            assert all(complete(each, posted) for each in clients)


async def test_a_client_that_takes_nothing_does_not_hold_up_the_stop(tmp_path: Path) -> None:
    async with Server(tmp_path) as server, Client(server) as client:
        await client.ready()
        _, writer = await asyncio.open_connection(
            HOST, int(server.url.rpartition(":")[2]), limit=1_024
        )
        head = f"GET /v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n\r\n"
        writer.write(head.encode())
        for _ in range(40):
            data = {"padding": "x" * 250_000}
            await client.ask("POST", "/v1/events", {"type": "custom.x", "data": data})
        began = monotonic()
        assert await server.stop() == 0
        assert monotonic() - began < LONGEST_STOP_S
        writer.close()


async def test_tokens_do_not_show_up_in_the_log(tmp_path: Path) -> None:
    async with Server(tmp_path) as server, Client(server) as client:
        _, made = await client.ask("POST", "/v1/stream/tokens", {})
        token = made["token"]
        for query in (token, f"{token}x", f"{token}&types=nonsense", f"{token}&nonsense=1"):
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"{server.url}/v1/stream?token={query}") as answer,
            ):
                assert answer.status in {200, 401, 422}
                if answer.status != 200:
                    assert token not in await answer.text()
        assert await server.stop() == 0
        assert "ofh_stream_" not in server.log.read_text()
