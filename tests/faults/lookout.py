"""What a database says about the processes over it, asked by a connection of its own."""

from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

import asyncpg

_LEASES = """
SELECT partition, owner, epoch, (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms
FROM lease WHERE consumer = 'deliver' AND until_ms > extract(epoch FROM clock_timestamp()) * 1000
"""
_PARTITIONS = "SELECT count(*) FROM partition_head"
_NOW = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"
_ACCEPTED = "SELECT event_id FROM attempt WHERE accepted"
_BEGUN_BEFORE = "SELECT ctid::text FROM attempt WHERE started_ms <= $1"
_BEGUN = "SELECT event_id, started_ms FROM attempt WHERE event_type = $1"
_BACKENDS = "SELECT pid, client_port FROM pg_stat_activity WHERE application_name = 'offhook'"
_ANSWER_S = 5.0
_LOST = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)
_TERMINATE = "SELECT pg_terminate_backend(pid) FROM unnest($1::integer[]) AS pid"


@dataclass(frozen=True)
class Holders:
    """Which process holds each partition, by leases that last, at one moment of the database's
    clock."""

    of: dict[int, int]
    epochs: dict[int, int]
    partitions: int
    now_ms: int

    def shares(self) -> Counter[int]:
        """How many partitions each process holds."""
        return Counter(self.of.values())

    def all_with(self, pids: Collection[int]) -> bool:
        """Whether these processes hold all partitions between them."""
        return len(self.of) == self.partitions and set(self.of.values()) <= set(pids)

    def even_among(self, pids: Collection[int]) -> bool:
        """Whether each of these processes, and nobody else, holds an even share."""
        shares = [self.shares()[pid] for pid in pids]
        return self.all_with(pids) and max(shares) - min(shares) <= 1


class Lookout:
    """Asks the database; while it is away, every question raises ``Away``."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: asyncpg.Connection | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._connection is not None:
            self._connection.terminate()

    async def holders(self) -> Holders:
        """Who holds what, for how the engines divide the log between them."""
        partitions = await self._value(_PARTITIONS)
        rows = await self._rows(_LEASES)
        now_ms = rows[0]["now_ms"] if rows else await self._value(_NOW)
        return Holders(
            of={row["partition"]: _pid(row["owner"]) for row in rows},
            epochs={row["partition"]: row["epoch"] for row in rows},
            partitions=partitions,
            now_ms=now_ms,
        )

    async def now_ms(self) -> int:
        """The database's clock, by which leases run out."""
        return int(await self._value(_NOW))

    async def recorded(self) -> Counter[str]:
        """How many accepted attempts are recorded of each event."""
        return Counter(row[0] for row in await self._rows(_ACCEPTED))

    async def begun(self, type_: str) -> list[tuple[str, float]]:
        """When each recorded attempt at an event of a type began (Unix time), by its sender."""
        return [(row[0], row[1] / 1000) for row in await self._rows(_BEGUN, type_)]

    async def begun_before(self, moment_ms: int) -> set[str]:
        """The rows of the attempts that began until a moment."""
        return {row[0] for row in await self._rows(_BEGUN_BEFORE, moment_ms)}

    async def backends(self) -> dict[int, int]:
        """The server's processes that work for Offhook, with the port that each is connected to."""
        return {row[0]: row[1] for row in await self._rows(_BACKENDS)}

    async def terminate(self, backends: Collection[int]) -> None:
        """Cut these connections off from the inside."""
        await self._rows(_TERMINATE, list(backends))

    async def _value(self, text: str) -> Any:
        [[value]] = await self._rows(text)
        return value

    async def _rows(self, text: str, *arguments: object) -> list[asyncpg.Record]:
        if self._connection is not None:
            # It may be lost since the last question, and the database be there.
            with suppress(*_LOST):
                return await self._connection.fetch(text, *arguments, timeout=_ANSWER_S)
            self._connection.terminate()
            self._connection = None
        try:
            self._connection = await asyncpg.connect(self._url, timeout=_ANSWER_S)
            return await self._connection.fetch(text, *arguments, timeout=_ANSWER_S)
        except _LOST as error:
            raise Away from error


class Away(Exception):
    """The database cannot be asked now."""


def _pid(owner: str) -> int:
    # An owner's name is host:pid:salt, see offhook/engine.py.
    return int(owner.split(":")[1])
