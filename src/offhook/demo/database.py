"""The demo's database: a schema of its own in one that was given, or a PostgreSQL of its own."""

import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from offhook.testing.schema import own_schema
from offhook.testing.servers.postgres import PostgresServer


@dataclass(frozen=True, slots=True)
class DemoDatabase:
    """Where the demo's processes keep everything; ``shown`` is for people: without a password."""

    url: str = field(repr=False)
    shown: str


@asynccontextmanager
async def database_for(
    given: str | None, processes: int, folder: Path, *, keep: bool, say: Callable[[str], None]
) -> AsyncIterator[DemoDatabase | None]:
    """The database that was given, else one in ``folder`` where processes have to share, else none.

    Nothing of it is left at the end, unless it is to be kept: then ``say`` is told where. Raises
    ``OffhookError`` where it cannot be used or started.
    """
    if given is not None:
        async with _schema_of(given, keep=keep, say=say) as database:
            yield database
    elif processes > 1:
        with _own_server(folder, keep=keep, say=say) as database:
            yield database
    else:
        yield None


@asynccontextmanager
async def _schema_of(
    given: str, *, keep: bool, say: Callable[[str], None]
) -> AsyncIterator[DemoDatabase]:
    name = f"offhook_demo_{secrets.token_hex(4)}"
    async with own_schema(given, name, keep=keep) as schema:
        try:
            yield DemoDatabase(schema.url, schema.shown)
        finally:
            if keep:
                say(f"Kept {schema.shown}")


@contextmanager
def _own_server(folder: Path, *, keep: bool, say: Callable[[str], None]) -> Iterator[DemoDatabase]:
    server = PostgresServer(folder)
    try:
        server.start()
        yield DemoDatabase(server.url(), f"PostgreSQL {server.version}, started for the demo")
    finally:
        if keep:
            server.stop()
            say(f"Kept PostgreSQL's cluster in {server.data}")
        else:
            server.close()
