"""Servers under measurement: each a process of its own, on the measured core or cores."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp

from benchmarks.machine import cpu_s
from benchmarks.places import Place, folder_place
from offhook.demo.servers import evenly_shared
from offhook.store.postgres.store import PARTITIONS
from offhook.testing.servers.ports import LOOPBACK, free_port

KEY: Final = "ofh_live_" + "benchmark" * 5
_READY_AFTER_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    port: int
    pid: int
    place: Place

    def cpu_s(self) -> float:
        """Processor time that it has used so far, with that of the place where it keeps everything;
        0 where that is unknown."""
        return self.own_cpu_s() + self.place.cpu_s()

    def own_cpu_s(self) -> float:
        """Processor time of the process alone."""
        return cpu_s(self.pid) or 0.0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{LOOPBACK}:{self.port}"

    async def create_webhook(self, url: str, **fields: object) -> None:
        """Make an endpoint that takes everything."""
        document = {"url": url, "events": ["*"], "include_historical": True, **fields}
        headers = {"authorization": f"Bearer {KEY}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(f"{self.url}/v1/webhooks", json=document) as answer,
        ):
            if answer.status != 201:
                raise RuntimeError(f"no webhook: {answer.status} {await answer.text()}")

    async def ready(self) -> None:
        """Return once it answers."""
        async with asyncio.timeout(_READY_AFTER_S), aiohttp.ClientSession() as session:
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(f"{self.url}/readyz") as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.05)


@asynccontextmanager
async def serving(
    folder: Path,
    *,
    place: Place | None = None,
    role: str = "all",
    module: str = "offhook",
    profile: Path | None = None,
) -> AsyncIterator[Server]:
    """``offhook serve`` in a place, else on an empty folder; or another module with the same
    command line."""
    command = (module, "serve", "--role", role)
    async with _started(folder, place or folder_place(folder), command, profile) as server:
        await server.ready()
        yield server


@asynccontextmanager
async def engines(folder: Path, place: Place, count: int) -> AsyncIterator[Sequence[Server]]:
    """So many engine processes, once each of them has its share of the partitions."""
    command = ("offhook", "serve", "--role", "engine")
    async with AsyncExitStack() as stack:
        started = [
            await stack.enter_async_context(_started(folder / str(n), place, command, None))
            for n in range(count)
        ]
        await evenly_shared([server.url for server in started], PARTITIONS)
        yield started


async def measured_output(folder: Path, command: Sequence[str]) -> str:
    """Run a module to its end on the measured core; returns what it printed."""
    process = await asyncio.create_subprocess_exec(
        *_pinned(command), cwd=folder, env=_environment(), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return output.decode()


@asynccontextmanager
async def _started(
    folder: Path, place: Place, command: Sequence[str], profile: Path | None
) -> AsyncIterator[Server]:
    folder.mkdir(parents=True)  # noqa: ASYNC240 - nothing else runs yet
    port = free_port()
    spread = ("--spread",) if place.is_shared else ()
    profiling = () if profile is None else ("--profile", str(profile))
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *_pinned((*spread, *profiling, *command, "--port", str(port))),
            cwd=folder,
            env={**_environment(), **place.environment},
            stdout=log,
            stderr=log,
        )
    try:
        yield Server(port, process.pid, place)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await process.wait()


def _pinned(command: Sequence[str]) -> tuple[str, ...]:
    return (sys.executable, "-m", "benchmarks.pinned", *command)


def _environment() -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parent.parent),
        "OFFHOOK_BOOTSTRAP_KEY": KEY,
        "OFFHOOK_SECRET_KEY": KEY,
        "OFFHOOK_ALLOW_TARGETS": "127.0.0.0/8",
        "OFFHOOK_ALLOW_HTTP": "1",
        "OFFHOOK_RATE_LIMIT_PER_S": "0",
        "OFFHOOK_LOG_LEVEL": "warning",
    }
