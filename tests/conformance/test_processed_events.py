"""Each event handled once: in an SQLite file, on each version of PostgreSQL, on a real Redis."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis

from offhook.receiver.postgres import PostgresProcessedEvents
from offhook.receiver.redis import RedisProcessedEvents
from offhook.receiver.sqlite import SqliteProcessedEvents
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.processed import LEASE_S, PassTime, ProcessedEventsConformance


class TestProcessedEventsOnSqlite(ProcessedEventsConformance):
    """Each guarantee, of a file that two share."""

    @pytest.fixture
    async def both(
        self, tmp_path: Path, clock: FakeClock
    ) -> AsyncIterator[list[SqliteProcessedEvents]]:
        path = tmp_path / "processed.db"
        both = [SqliteProcessedEvents(path, clock=clock, lease_s=LEASE_S) for _ in range(2)]
        yield both
        await asyncio.gather(*(each.close() for each in both))

    @pytest.fixture
    def processed(self, both: list[SqliteProcessedEvents]) -> SqliteProcessedEvents:
        return both[0]

    @pytest.fixture
    def other(self, both: list[SqliteProcessedEvents]) -> SqliteProcessedEvents:
        return both[1]

    @pytest.fixture
    def pass_time(self, clock: FakeClock) -> PassTime:
        async def pass_time(seconds: float) -> None:
            clock.advance(seconds)

        return pass_time


class TestProcessedEventsOnPostgres(ProcessedEventsConformance):
    """Each guarantee, of a database that two share."""

    @pytest.fixture
    async def both(self, postgres_url: str) -> AsyncIterator[list[PostgresProcessedEvents]]:
        both = [PostgresProcessedEvents(postgres_url, lease_s=LEASE_S) for _ in range(2)]
        yield both
        await asyncio.gather(*(each.close() for each in both))

    @pytest.fixture
    def processed(self, both: list[PostgresProcessedEvents]) -> PostgresProcessedEvents:
        return both[0]

    @pytest.fixture
    def other(self, both: list[PostgresProcessedEvents]) -> PostgresProcessedEvents:
        return both[1]

    @pytest.fixture
    async def pass_time(self, postgres_url: str) -> AsyncIterator[PassTime]:
        connection = await asyncpg.connect(postgres_url)

        async def pass_time(seconds: float) -> None:
            """Let all that is written there have been written so much earlier."""
            earlier = f"until_at - interval '{seconds} seconds'"
            await connection.execute(f"UPDATE receiver_processed SET until_at = {earlier}")

        yield pass_time
        await connection.close()


class TestProcessedEventsOnRedis(ProcessedEventsConformance):
    """Each guarantee, of a server that two share."""

    @pytest.fixture
    async def both(self, redis_url: str) -> AsyncIterator[list[RedisProcessedEvents]]:
        both = [RedisProcessedEvents(redis_url, lease_s=LEASE_S) for _ in range(2)]
        yield both
        await asyncio.gather(*(each.close() for each in both))

    @pytest.fixture
    def processed(self, both: list[RedisProcessedEvents]) -> RedisProcessedEvents:
        return both[0]

    @pytest.fixture
    def other(self, both: list[RedisProcessedEvents]) -> RedisProcessedEvents:
        return both[1]

    @pytest.fixture
    async def pass_time(self, redis_url: str) -> AsyncIterator[PassTime]:
        async with Redis.from_url(redis_url) as redis:

            async def pass_time(seconds: float) -> None:
                """Bring nearer the moment at which Redis forgets each key by itself."""
                for key in await redis.keys():
                    await redis.pexpire(key, await redis.pttl(key) - int(seconds * 1000))

            yield pass_time
