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
from offhook.testing.conformance.queue import Make, PassTime, QueueConformance


class _Both(QueueConformance):
    """``queue`` and ``other`` out of ``make``."""

    @pytest.fixture
    def both(self, make: Make) -> tuple[Queue, Queue]:
        return make(), make()

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
    def make(self, tmp_path: Path, clock: FakeClock) -> Make:
        return lambda: SqliteQueue(tmp_path / "queue.db", clock=clock)

    @pytest.fixture
    def pass_time(self, clock: FakeClock) -> PassTime:
        async def pass_time(seconds: float) -> None:
            clock.advance(seconds)

        return pass_time


class TestQueueOnPostgres(_Both):
    """Each guarantee, of a database that two share."""

    @pytest.fixture
    def make(self, postgres_url: str) -> Make:
        return lambda: PostgresQueue(postgres_url)

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
    def make(self, redis_url: str) -> Make:
        return lambda: RedisQueue(redis_url)

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
