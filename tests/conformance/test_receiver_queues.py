"""A receiver's queue: in an SQLite file, on a real PostgreSQL of each version, on a real Redis."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis

from offhook.receiver import Queue
from offhook.receiver.postgres import PostgresQueue
from offhook.receiver.redis import RedisQueue
from offhook.receiver.sqlite import SqliteQueue
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.queue import PassTime, QueueConformance


class _Both(QueueConformance):
    """``queue`` and ``other`` out of ``both``."""

    @pytest.fixture
    async def opened(self, both: tuple[Queue, Queue]) -> AsyncIterator[tuple[Queue, Queue]]:
        for each in both:
            await each.open()
        yield both
        for each in both:
            await each.close()

    @pytest.fixture
    def queue(self, opened: tuple[Queue, Queue]) -> Queue:
        return opened[0]

    @pytest.fixture
    def other(self, opened: tuple[Queue, Queue]) -> Queue:
        return opened[1]


class TestQueueOnSqlite(_Both):
    """Each guarantee, of a file that two share."""

    @pytest.fixture
    def both(self, tmp_path: Path, clock: FakeClock) -> tuple[Queue, Queue]:
        path = tmp_path / "queue.db"
        return SqliteQueue(path, clock=clock), SqliteQueue(path, clock=clock)

    @pytest.fixture
    def pass_time(self, clock: FakeClock) -> PassTime:
        async def pass_time(seconds: float) -> None:
            clock.advance(seconds)

        return pass_time


class TestQueueOnPostgres(_Both):
    """Each guarantee, of a database that two share."""

    @pytest.fixture
    def both(self, postgres_url: str) -> tuple[Queue, Queue]:
        return PostgresQueue(postgres_url), PostgresQueue(postgres_url)

    @pytest.fixture
    async def pass_time(self, postgres_url: str, queue: Queue) -> AsyncIterator[PassTime]:
        connection = await asyncpg.connect(postgres_url)

        async def pass_time(seconds: float) -> None:
            """Let all that is written there have been written so much earlier."""
            earlier = f"interval '{seconds} seconds'"
            await connection.execute(f"UPDATE receiver_lane SET due_at = due_at - {earlier}")
            await connection.execute(
                f"UPDATE receiver_event SET changed_at = changed_at - {earlier}"
            )

        yield pass_time
        await connection.close()


class TestQueueOnRedis(_Both):
    """Each guarantee, of a server that two share."""

    @pytest.fixture
    def both(self, redis_url: str) -> tuple[Queue, Queue]:
        return RedisQueue(redis_url), RedisQueue(redis_url)

    @pytest.fixture
    async def pass_time(self, redis_url: str) -> AsyncIterator[PassTime]:
        async with Redis.from_url(redis_url) as redis:

            async def pass_time(seconds: float) -> None:
                """Bring nearer what is due, and what Redis forgets by itself."""
                earlier_ms = int(seconds * 1000)
                for lane, due_ms in await redis.zrange("offhook:queue:due", 0, -1, withscores=True):
                    await redis.zadd("offhook:queue:due", {lane: due_ms - earlier_ms})
                for key in await redis.keys("offhook:queue:event:*"):
                    if (left_ms := await redis.pttl(key)) > 0:
                        await redis.pexpire(key, left_ms - earlier_ms)

            yield pass_time
