"""Where servers under measurement keep everything: a data folder, or a PostgreSQL."""

import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.machine import spreading, tree_cpu_s
from offhook.testing.schema import own_schema
from offhook.testing.servers.postgres import PostgresServer


@dataclass(frozen=True, slots=True)
class Place:
    """``environment`` sends a server there; ``cpu_s`` is the processor time that the place itself
    has used so far, and ``is_shared`` says whether several processes may be there."""

    environment: Mapping[str, str]
    is_shared: bool = False
    cpu_s: Callable[[], float] = field(default=lambda: 0.0)


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server of its own, durable."""

    server: PostgresServer

    @property
    def name(self) -> str:
        """What figures call it."""
        return f"PostgreSQL {self.server.version}"

    def cpu_s(self) -> float:
        """Processor time of all its processes so far, those that ended among them."""
        return tree_cpu_s(self.server.pid)

    @asynccontextmanager
    async def schema(self) -> AsyncIterator[tuple[str, Place]]:
        """An empty place, and its URL."""
        name = f"bench_{secrets.token_hex(4)}"
        async with own_schema(self.server.url(), name) as schema:
            environment = {"OFFHOOK_DATABASE": schema.url}
            yield schema.url, Place(environment, is_shared=True, cpu_s=self.cpu_s)


def folder_place(folder: Path) -> Place:
    """A data folder in this one."""
    return Place({"OFFHOOK_DATA": str(folder / "data")})


@contextmanager
def postgres_in(folder: Path) -> Iterator[Postgres]:
    """Start it on the measured cores; its processes inherit them."""
    with spreading():
        server = PostgresServer(folder)
        server.start()
    try:
        yield Postgres(server)
    finally:
        server.close()
