"""A schema of one's own in a database that others use too."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

from offhook.store.postgres.database import connect
from offhook.store.postgres.reaching import reaching, shown


@dataclass(frozen=True, slots=True)
class OwnSchema:
    """A schema: what is made through ``url`` is made in it alone. ``shown`` names it to people,
    without a password."""

    url: str = field(repr=False)
    shown: str


@asynccontextmanager
async def own_schema(url: str, name: str, *, keep: bool = False) -> AsyncIterator[OwnSchema]:
    """Make the schema; at the end drop it with all that it holds, unless it is to be kept.

    Raises ``OffhookError`` where the database cannot be used, or lets nobody make a schema.
    """
    await _run(url, f"CREATE SCHEMA {name}")
    try:
        yield OwnSchema(within(url, name), f"{shown(url)}, schema {name}")
    finally:
        if not keep:
            await _run(url, f"DROP SCHEMA {name} CASCADE")


def within(url: str, schema: str) -> str:
    """The URL by which names mean what is in the schema."""
    place, _, query = url.partition("?")
    others = [(name, value) for name, value in parse_qsl(query) if name != "search_path"]
    return f"{place}?{urlencode([*others, ('search_path', schema)])}"


async def _run(url: str, statement: str) -> None:
    with reaching(url):
        raw = await connect(url, patient=True)
        try:
            await raw.execute(statement)
        finally:
            await raw.close()
