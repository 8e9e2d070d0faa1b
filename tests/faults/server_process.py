"""Real server processes on ports of their own, and a client that insists."""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import aiohttp

from offhook.delivery.announcing import about_delivery
from offhook.demo.processes import Child, clean_environment
from offhook.testing.servers.ports import free_port

HOST = "127.0.0.1"
KEY = "ofh_live_" + "k" * 43
SECRET_KEY = "0123456789abcdef" * 4
SECRET = "whsec_" + "c2VjcmV0" * 5
SHORT_RETRIES = {"delays_s": [0.1, 0.2, 0.5, 1], "until_s": 3600}

_TELLS = (
    "Offhook on",
    "Offhook (engine only) on",
    "Deliveries may go",
    '{"event":"attempt"',
)
_PATIENCE_S = 90.0
_AGAIN_S = 0.02
_GRACE_S = 60.0
"""What does not stop by itself stops no sooner: by then a busy machine has stopped all else."""


class Server:
    """``offhook serve``, which may die and come back on the same port, over the same data: those in
    a folder of its own, or in the ``database``, where it has a ``role``."""

    def __init__(
        self, folder: Path, name: str = "server", *, database: str | None = None, role: str = "all"
    ) -> None:
        port = free_port()
        self.name = name
        self.url = f"http://{HOST}:{port}"
        self.data = folder / "data"
        self.log = folder / f"{name}.log"
        place = ("--data", str(self.data))
        if database is not None:
            place = ("--database", database, "--role", role)
        options = (*place, "--host", HOST, "--port", str(port))
        settings = {
            "OFFHOOK_BOOTSTRAP_KEY": KEY,
            "OFFHOOK_SECRET_KEY": SECRET_KEY,
            "OFFHOOK_ALLOW_TARGETS": "127.0.0.0/8",
            "OFFHOOK_ALLOW_HTTP": "1",
            "OFFHOOK_RATE_LIMIT_PER_S": "0",
        }
        command = ("offhook", "serve", *options)
        self._child = Child(name, command, clean_environment(settings), folder, _GRACE_S)

    @property
    def pid(self) -> int:
        """The process's number since its last start."""
        return self._child.pid

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._child.__aexit__(*exc)

    async def start(self) -> None:
        """Start it, and do not wait until it is ready."""
        await self._child.start()

    async def kill(self) -> None:
        """SIGKILL; returns once the process is gone."""
        await self._child.kill()

    async def end(self) -> None:
        """SIGKILL, if it still runs."""
        with suppress(ProcessLookupError):
            await self.kill()

    async def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        return await self._child.stop()

    def suspend(self) -> None:
        """SIGSTOP: it is there, and does nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT: it goes on as if nothing had been."""
        os.kill(self.pid, signal.SIGCONT)

    def complaints(self) -> list[str]:
        """What it logged beyond its greeting and its attempts."""
        lines = self.log.read_text().splitlines()
        return [line for line in lines if not line.startswith(_TELLS)]


class Client:
    """Asks again for as long as the server is away: where there are several, the next one."""

    def __init__(self, *servers: Server) -> None:
        self._urls = [server.url for server in servers]

    async def __aenter__(self) -> Self:
        headers = {"authorization": f"Bearer {KEY}"}
        timeout = aiohttp.ClientTimeout(total=10)
        self._session = aiohttp.ClientSession(headers=headers, timeout=timeout)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._session.close()

    async def ask(self, method: str, path: str, document: object = None) -> tuple[int, Any]:
        """Status and JSON of the first answer that is not 503."""
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                url = self._urls[0]
                try:
                    async with self._session.request(method, url + path, json=document) as answer:
                        if answer.status != 503:
                            return answer.status, await answer.json()
                except (aiohttp.ClientError, TimeoutError):
                    pass
                if url == self._urls[0]:
                    self._urls.append(self._urls.pop(0))
                await asyncio.sleep(_AGAIN_S)

    async def ready(self) -> None:
        """Return once the server serves."""
        await self.ask("GET", "/v1/events?limit=1")

    async def make_webhook(self, url: str, **fields: object) -> str:
        """An endpoint that takes everything, with short retries and the suite's secret."""
        document = {
            "url": url,
            "events": ["*"],
            "secret": SECRET,
            "retry": SHORT_RETRIES,
            **fields,
        }
        status, made = await self.ask("POST", "/v1/webhooks", document)
        assert status == 201, made
        return str(made["id"])

    async def post(self, *keys: str, type_: str = "custom.step") -> list[str]:
        """Append one event for each key, in this order, as one batch; returns their ids."""
        items = [{"type": type_, "key": key, "data": {"of": key}} for key in keys]
        status, answer = await self.ask("POST", "/v1/events/batch", {"items": items})
        assert status == 200, answer
        assert {item["status"] for item in answer["items"]} <= {202}
        return [item["id"] for item in answer["items"]]

    async def feed(self) -> list[dict[str, Any]]:
        """The log, oldest first, without what is told of deliveries: nobody here asked for that."""
        return [event for event in await self.whole_feed() if not about_delivery(event["type"])]

    async def whole_feed(self) -> list[dict[str, Any]]:
        """The whole log, oldest first."""
        events: list[dict[str, Any]] = []
        cursor = ""
        while True:
            _, page = await self.ask("GET", f"/v1/events?limit=200{cursor}")
            if not page["data"]:
                return events
            events += page["data"]
            cursor = f"&cursor={page['next_cursor']}"
