"""Servers under measurement: each a process of its own on the measured core."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp

from benchmarks.machine import cpu_s
from offhook.testing.servers.ports import free_port

KEY: Final = "ofh_live_" + "benchmark" * 5
_READY_AFTER_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    port: int
    pid: int

    def cpu_s(self) -> float:
        """Processor time that it has used so far; 0 where that is unknown."""
        return cpu_s(self.pid) or 0.0

    async def create_webhook(self, url: str, **fields: object) -> None:
        """Make an endpoint that takes everything."""
        document = {"url": url, "events": ["*"], "include_historical": True, **fields}
        headers = {"authorization": f"Bearer {KEY}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(self._url("/v1/webhooks"), json=document) as answer,
        ):
            if answer.status != 201:
                raise RuntimeError(f"no webhook: {answer.status} {await answer.text()}")

    async def ready(self) -> None:
        """Return once it answers."""
        async with asyncio.timeout(_READY_AFTER_S), aiohttp.ClientSession() as session:
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(self._url("/readyz")) as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.05)

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@asynccontextmanager
async def serving(
    folder: Path, *, module: str = "offhook.cli", profile: Path | None = None
) -> AsyncIterator[Server]:
    """``offhook serve`` on an empty folder, or another module with the same command line."""
    port = free_port()
    arguments = ("serve", "--data", str(folder / "data"), "--port", str(port))
    async with _process(folder, (module, *arguments), profile) as pid:
        server = Server(port, pid)
        await server.ready()
        yield server


async def measured_output(folder: Path, command: Sequence[str]) -> str:
    """Run a module to its end on the measured core; returns what it printed."""
    process = await asyncio.create_subprocess_exec(
        *_pinned(command, None), cwd=folder, env=_environment(), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return output.decode()


@asynccontextmanager
async def _process(
    folder: Path, command: Sequence[str], profile: Path | None
) -> AsyncIterator[int]:
    folder.mkdir(parents=True)  # noqa: ASYNC240 - nothing else runs yet
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *_pinned(command, profile), cwd=folder, env=_environment(), stdout=log, stderr=log
        )
    try:
        yield process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await process.wait()


def _pinned(command: Sequence[str], profile: Path | None) -> tuple[str, ...]:
    profiling = () if profile is None else ("--profile", str(profile))
    return (sys.executable, "-m", "benchmarks.pinned", *profiling, *command)


def _environment() -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parent.parent),
        "OFFHOOK_BOOTSTRAP_KEY": KEY,
        "OFFHOOK_ALLOW_TARGETS": "127.0.0.0/8",
        "OFFHOOK_ALLOW_HTTP": "1",
        "OFFHOOK_RATE_LIMIT_PER_S": "0",
        "OFFHOOK_LOG_LEVEL": "warning",
    }
