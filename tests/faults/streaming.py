"""Clients of the live stream that come back for as long as they are let."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import cycle
from time import monotonic
from typing import Any

import aiohttp
import msgspec
from server_process import KEY, Server

_AUTHORIZATION = {"authorization": f"Bearer {KEY}"}


class Streaming:
    """A client of the stream that connects again and again, with the last id it saw: to the next
    server each time."""

    def __init__(self, *servers: Server) -> None:
        self._urls = cycle([f"{server.url}/v1/stream" for server in servers])
        self._last_id: str | None = None
        self.events: list[dict[str, Any]] = []
        self.came_s: list[float] = []
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
        async with asyncio.timeout(90):
            while len(self.events) < count:
                await asyncio.sleep(0.01)

    async def _read(self) -> None:
        headers = dict(_AUTHORIZATION)
        if self._last_id is not None:
            headers["last-event-id"] = self._last_id
        async with (
            aiohttp.ClientSession() as session,
            session.get(
                next(self._urls), headers=headers, timeout=aiohttp.ClientTimeout(None)
            ) as answer,
        ):
            answer.raise_for_status()
            id_ = ""
            async for line in answer.content:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "id":
                    id_ = value
                elif name == "data":
                    self.events.append(msgspec.json.decode(value))
                    self.came_s.append(monotonic())
                elif name == "":
                    self._last_id = id_
                    self.opened.set()
        self.ended += 1


@asynccontextmanager
async def streaming(count: int, *servers: Server) -> AsyncIterator[list[Streaming]]:
    """So many clients, each with an open stream of one of the servers."""
    turns = deque(servers)
    clients = []
    for _ in range(count):
        clients.append(Streaming(*turns))
        turns.rotate(-1)
    reading = [asyncio.create_task(client.run()) for client in clients]
    async with asyncio.timeout(90):
        await asyncio.gather(*(client.opened.wait() for client in clients))
    try:
        yield clients
    finally:
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)


def check_complete(client: Streaming, posted: list[str]) -> None:
    """Every event came once, in order per key."""
    assert sorted(event["id"] for event in client.events) == sorted(posted)
    numbers: dict[str, list[int]] = {}
    for event in client.events:
        numbers.setdefault(event["key"], []).append(event["sequence"])
    assert all(found == [*range(1, len(found) + 1)] for found in numbers.values())
