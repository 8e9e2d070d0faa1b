"""The demo's servers: one with everything on a folder, or several processes over a database."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from offhook.demo.client import Operations
from offhook.demo.database import DemoDatabase
from offhook.demo.errors import DemoFailed
from offhook.demo.processes import Child, clean_environment
from offhook.testing.servers.ports import LOOPBACK, free_port

_LEAST_PARTITIONS: Final = 16
_SHARED_WITHIN_S: Final = 60.0
_POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Server:
    """One process, started or not, and where it is to listen."""

    child: Child
    url: str


@dataclass(frozen=True, slots=True)
class Servers:
    """``front`` answers the API and delivers; the ``engines`` beside it deliver alone."""

    front: Server
    engines: Sequence[Server]
    partitions: int

    @property
    def all(self) -> list[Server]:
        """Every process."""
        return [self.front, *self.engines]


def servers_for(folder: Path, key: str, processes: int, database: DemoDatabase | None) -> Servers:
    """As many processes as are wanted, not yet started."""
    partitions = 1 if database is None else max(_LEAST_PARTITIONS, processes)
    environment = {
        "OFFHOOK_BOOTSTRAP_KEY": key,
        "OFFHOOK_ALLOW_TARGETS": "127.0.0.0/8",
        "OFFHOOK_ALLOW_HTTP": "1",
        "OFFHOOK_RATE_LIMIT_PER_S": "0",
        **_place(folder, database, partitions),
    }
    return Servers(
        _server("server", "all", folder, environment),
        [_server(f"engine-{n}", "engine", folder, environment) for n in range(2, processes + 1)],
        partitions,
    )


async def evenly_shared(urls: Iterable[str], partitions: int) -> None:
    """Return once each of these processes has its share of the partitions: from here on none of
    them moves."""
    async with AsyncExitStack() as stack:
        asked = [await stack.enter_async_context(Operations(url)) for url in urls]
        for process in asked:
            await process.ready("/readyz")
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + _SHARED_WITHIN_S
        while loop.time() < deadline_s:
            if are_even([await it.partitions() for it in asked], partitions):
                return
            await asyncio.sleep(_POLL_S)
    raise DemoFailed(f"the processes did not share their work within {_SHARED_WITHIN_S:g} s")


def are_even(shares: Sequence[int], partitions: int) -> bool:
    """Whether these are all the partitions, and nobody has two more than another."""
    return sum(shares) == partitions and max(shares) - min(shares) <= 1


def _place(folder: Path, database: DemoDatabase | None, partitions: int) -> dict[str, str]:
    """Where everything is kept. A URL may hold a password: no list of processes shows it here."""
    if database is None:
        return {"OFFHOOK_DATA": str(folder / "data")}
    return {"OFFHOOK_DATABASE": database.url, "OFFHOOK_PARTITIONS": str(partitions)}


def _server(name: str, role: str, folder: Path, environment: dict[str, str]) -> Server:
    port = free_port()
    command = ("offhook", "serve", "--role", role, "--host", LOOPBACK, "--port", str(port))
    return Server(
        Child(name, command, clean_environment(environment), folder), f"http://{LOOPBACK}:{port}"
    )
