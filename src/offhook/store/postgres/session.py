"""One connection inside a transaction or for one statement: it speaks in named statements."""

import re
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from offhook.store.statements import Statements

Value: TypeAlias = object
Row: TypeAlias = asyncpg.Record

Raw: TypeAlias = "asyncpg.Connection | PoolConnectionProxy"
"""A connection of asyncpg's, lent by its pool or not."""

STATEMENTS = Statements("postgres")

_PARAMETER = re.compile(r"(?<!:):([a-z_]+)")


class Session:
    """Runs statements by name; parameters are bound by name too, and a missing one is an error."""

    __slots__ = ("_raw",)

    def __init__(self, raw: Raw) -> None:
        self._raw = raw

    async def run(self, name: str, /, **bindings: Value) -> int:
        """Run a statement that changes rows; returns how many."""
        text, arguments = bound(name, bindings)
        status: str = await self._raw.execute(text, *arguments)
        count = status.rpartition(" ")[2]
        return int(count) if count.isdecimal() else 0

    async def rows(self, name: str, /, **bindings: Value) -> list[Row]:
        """All rows."""
        text, arguments = bound(name, bindings)
        found: list[Row] = await self._raw.fetch(text, *arguments)
        return found

    async def row(self, name: str, /, **bindings: Value) -> Row | None:
        """The first row, if there is one."""
        text, arguments = bound(name, bindings)
        return await self._raw.fetchrow(text, *arguments)

    async def only_row(self, name: str, /, **bindings: Value) -> Row:
        """The one row that there always is."""
        [row] = await self.rows(name, **bindings)
        return row

    async def value(self, name: str, /, **bindings: Value) -> Any:
        """The first column of the first row; ``None`` without one."""
        row = await self.row(name, **bindings)
        return None if row is None else row[0]

    @asynccontextmanager
    async def part(self) -> AsyncIterator[None]:
        """A savepoint: what raises inside is undone alone, and the transaction goes on."""
        async with self._raw.transaction():
            yield

    async def script(self, text: str) -> None:
        """Run a migration's statements."""
        await self._raw.execute(text)


def bound(name: str, bindings: dict[str, Value]) -> tuple[str, list[Value]]:
    """A statement in the server's own notation, and its arguments in order."""
    text, names = prepared(name)
    return text, [bindings[parameter] for parameter in names]


@cache
def prepared(name: str) -> tuple[str, tuple[str, ...]]:
    """A statement with ``$1`` for its first parameter, and the names of all."""
    names: list[str] = []

    def numbered(parameter: re.Match[str]) -> str:
        if parameter[1] not in names:
            names.append(parameter[1])
        return f"${names.index(parameter[1]) + 1}"

    code = "\n".join(line.partition("--")[0] for line in STATEMENTS[name].splitlines())
    return _PARAMETER.sub(numbered, code), tuple(names)


def named(names: Sequence[str], rows: Collection[tuple[Value, ...]]) -> dict[str, Sequence[Value]]:
    """Rows as the arrays that a statement unfolds, each under the name of its column."""
    if not rows:
        return dict.fromkeys(names, ())
    return dict(zip(names, zip(*rows, strict=True), strict=True))
