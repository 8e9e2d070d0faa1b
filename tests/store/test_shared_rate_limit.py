"""The rate limit over a real Redis: one limit for all processes, and none waits for Redis."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis
from structlog.testing import capture_logs

from offhook.api.quota import Quota
from offhook.api.ratelimit import LocalRateLimit
from offhook.model.errors import Invalid
from offhook.model.ids import KeyId
from offhook.store.redis import SharedRateLimit, rate_limit, shared_rate_limit
from offhook.testing.clock import FakeClock
from offhook.testing.servers.redis import RedisServer

KEY = KeyId("key_1")
LIST = "offhook:rate:key_1"
LIMIT = 100
_PATIENCE_S = 60.0
_SECOND_US = 1_000_000
_MINUTE_US = 60 * _SECOND_US
_ANSWER_WITHIN_S = rate_limit._ANSWER_WITHIN_S

GREEDY = """
import asyncio, json, sys, time
from offhook.api.ratelimit import LocalRateLimit
from offhook.clock import SystemClock
from offhook.store.redis import rate_limit, shared_rate_limit

rate_limit._ANSWER_WITHIN_S = rate_limit._CONNECT_WITHIN_S = {patience_s}

async def ask(limiter, granted, until_s):
    while (asked_s := time.monotonic()) < until_s or len(granted) < {limit}:
        if (await limiter.take("key_1", {limit})).granted:
            granted.append((asked_s, time.monotonic()))

async def main():
    granted = []
    async with shared_rate_limit("{url}", otherwise=LocalRateLimit(SystemClock())) as limiter:
        print("ready", flush=True)
        sys.stdin.readline()
        until_s = time.monotonic() + 2.2
        await asyncio.gather(*(ask(limiter, granted, until_s) for _ in range(8)))
    print(json.dumps(granted))

asyncio.run(main())
"""


def local() -> LocalRateLimit:
    """Counts for itself; its clock stands still, so that it is seen to have been asked."""
    return LocalRateLimit(FakeClock())


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may hold up an answer, and a test, for longer than the limiter would wait and
    than its window is: here it waits, and counts, for a minute."""
    monkeypatch.setattr(rate_limit, "_ANSWER_WITHIN_S", _PATIENCE_S)
    monkeypatch.setattr(rate_limit, "_CONNECT_WITHIN_S", _PATIENCE_S)
    monkeypatch.setattr(rate_limit, "_WINDOW_US", _MINUTE_US)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
async def limiter(redis_url: str) -> AsyncIterator[SharedRateLimit]:
    async with shared_rate_limit(redis_url, otherwise=local()) as limiter:
        assert limiter.up
        yield limiter


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(_PATIENCE_S):
        while not reached():
            await asyncio.sleep(0.005)


async def grants(limiter: SharedRateLimit, count: int, limit: int = LIMIT) -> list[bool]:
    quotas = await asyncio.gather(*(limiter.take(KEY, limit) for _ in range(count)))
    return [quota.granted for quota in quotas]


async def now_us(redis: Redis) -> int:
    seconds, micros = await redis.time()
    return int(seconds) * _SECOND_US + int(micros)


def test_processes_together_are_granted_at_most_n_in_any_sliding_second(redis_url: str) -> None:
    source = GREEDY.format(url=redis_url, limit=LIMIT, patience_s=_PATIENCE_S)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert "ready\n" in iter(process.stdout.readline, "")
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [
        process.communicate(timeout=_PATIENCE_S)[0].splitlines()[-1] for process in processes
    ]
    spans = [msgspec.json.decode(out, type=list[tuple[float, float]]) for out in outputs]
    assert all(spans)
    granted = sorted(span for spans_of_one in spans for span in spans_of_one)
    for first_s, _ in granted:
        # Redis decided between the question and the answer: those wholly inside a second count.
        inside = [1 for asked_s, told_s in granted if first_s <= asked_s and told_s < first_s + 1]
        assert len(inside) <= LIMIT
    assert len(granted) >= 2 * LIMIT, "who asks for long enough gets more than one second's worth"


async def test_clients_share_the_limit_and_each_is_told_what_is_left(
    limiter: SharedRateLimit, redis_url: str
) -> None:
    async with shared_rate_limit(redis_url, otherwise=local()) as other:
        asking = [each.take(KEY, 4) for each in (limiter, other) for _ in range(3)]
        quotas = await asyncio.gather(*asking)
    assert sorted(quota.remaining for quota in quotas if quota.granted) == [0, 1, 2, 3]
    refused = [quota for quota in quotas if not quota.granted]
    assert len(refused) == 2
    for quota in refused:
        assert (quota.limit, quota.remaining) == (4, 0)
        assert 0 < quota.wait_s <= 60


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from("abcd"), max_size=60), st.integers(1, 20))
def test_what_is_asked_at_once_is_decided_as_the_limiter_of_one_process_does(
    redis_url: str, names: list[str], limit: int
) -> None:
    async def ask() -> None:
        fresh = f"key_{time.monotonic_ns()}_"
        keys = [KeyId(fresh + name) for name in names]
        alone = local()
        async with shared_rate_limit(redis_url, otherwise=local()) as limiter:
            asked = await asyncio.gather(*(limiter.take(key, limit) for key in keys))
        expected = [await alone.take(key, limit) for key in keys]
        assert [(q.granted, q.remaining) for q in asked] == [
            (q.granted, q.remaining) for q in expected
        ]

    asyncio.run(ask())


async def test_what_was_granted_a_window_ago_no_longer_counts(
    limiter: SharedRateLimit, redis: Redis
) -> None:
    now = await now_us(redis)
    await redis.rpush(LIST, *[now - _MINUTE_US - 1] * 60, *[now] * 30)
    assert (await grants(limiter, 90)).count(True) == 70
    assert await redis.llen(LIST) == LIMIT


async def test_refused_requests_do_not_count(limiter: SharedRateLimit, redis: Redis) -> None:
    assert await grants(limiter, 50, limit=3) == [True] * 3 + [False] * 47
    assert await redis.llen(LIST) == 3
    assert await grants(limiter, 1, limit=4) == [True]


async def test_a_silent_keys_list_is_gone_by_itself(limiter: SharedRateLimit, redis: Redis) -> None:
    await limiter.take(KEY, LIMIT)
    assert 60_000 <= await redis.pttl(LIST) <= 120_000


async def test_a_clock_set_back_a_little_grants_no_more_and_one_set_far_back_blocks_nobody(
    limiter: SharedRateLimit, redis: Redis
) -> None:
    ahead = await now_us(redis) + _MINUTE_US * 9 // 10
    await redis.rpush(LIST, *[ahead] * 2)
    quotas = await asyncio.gather(*(limiter.take(KEY, 3) for _ in range(2)))
    assert [quota.granted for quota in quotas] == [True, False]
    assert quotas[1].wait_s == 60.0
    await redis.rpush(LIST, ahead + 3_600 * _SECOND_US)
    assert await grants(limiter, 4, limit=3) == [True, True, True, False]


async def test_requests_at_once_share_a_call(server: RedisServer) -> None:
    client = Redis.from_url(server.url())
    async with shared_rate_limit(server.url(), otherwise=local(), look_every_s=60) as limiter:
        await client.config_resetstat()
        keys = [KeyId(f"key_{number % 7}") for number in range(1_000)]
        quotas = await asyncio.gather(*(limiter.take(key, LIMIT) for key in keys))
        stats = await client.info("commandstats")
    assert sum(quota.granted for quota in quotas) == 7 * LIMIT
    assert stats["cmdstat_evalsha"]["calls"] <= 2  # one of them may be the runner's look
    await client.aclose()


async def test_a_client_that_goes_away_disturbs_nobody(limiter: SharedRateLimit) -> None:
    asking = [asyncio.create_task(limiter.take(KEY, LIMIT)) for _ in range(6)]
    await asyncio.sleep(0)
    for task in asking[::2]:
        task.cancel()
    results = await asyncio.gather(*asking, return_exceptions=True)
    assert [isinstance(result, Quota) for result in results] == [False, True] * 3


def answered_at_once(limiter: SharedRateLimit) -> Quota:
    """The quota of a request that did not wait for anything."""
    asking = limiter.take(KEY, LIMIT)
    try:
        asking.send(None)
    except StopIteration as answer:
        quota: Quota = answer.value
        return quota
    asking.close()
    raise AssertionError("the limiter waited")


async def test_without_redis_each_process_counts_for_itself_and_says_so_once(
    server: RedisServer,
) -> None:
    with capture_logs() as logs:
        async with shared_rate_limit(server.url(), otherwise=local(), look_every_s=0.01) as limiter:
            assert await grants(limiter, 101) == [True] * 100 + [False]
            server.kill()
            granted = await grants(limiter, 101)
            assert granted == [True] * 100 + [False]
            assert not limiter.up
            assert not answered_at_once(limiter).granted
            server.start()
            await until(lambda: limiter.up)
            assert await grants(limiter, 101) == [True] * 100 + [False]
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [
        ("redis_up", "info"),
        ("redis_down", "warning"),
        ("redis_up", "info"),
    ]


async def test_a_redis_that_is_not_there_at_the_start_is_found_when_it_comes(
    server: RedisServer,
) -> None:
    server.stop()
    async with shared_rate_limit(server.url(), otherwise=local(), look_every_s=0.01) as limiter:
        assert not limiter.up
        assert answered_at_once(limiter).granted
        server.start()
        await until(lambda: limiter.up)


async def test_a_redis_that_hangs_is_waited_for_once_and_its_late_answers_mislead_nobody(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shared_rate_limit(server.url(), otherwise=local(), look_every_s=60) as limiter:
        client = Redis.from_url(server.url())
        process: int = (await client.info("server"))["process_id"]
        os.kill(process, signal.SIGSTOP)
        try:
            with monkeypatch.context() as hurried:
                hurried.setattr(rate_limit, "_ANSWER_WITHIN_S", _ANSWER_WITHIN_S)
                async with asyncio.timeout(_PATIENCE_S / 2):
                    assert await grants(limiter, 10) == [True] * 10
            assert answered_at_once(limiter).remaining == 89
        finally:
            os.kill(process, signal.SIGCONT)
        await limiter.run_once()
        assert limiter.up
        # The call that nobody waited for ran after all, or it did not.
        assert (await limiter.take(KEY, LIMIT)).remaining in {89, 99}
        await client.aclose()


async def test_a_redis_that_refuses_to_write_is_as_good_as_gone(server: RedisServer) -> None:
    client = Redis.from_url(server.url())
    async with shared_rate_limit(server.url(), otherwise=local(), look_every_s=0.01) as limiter:
        await client.config_set("maxmemory", "1")
        assert await grants(limiter, 3) == [True] * 3
        await until(lambda: not limiter.up)
        await client.config_set("maxmemory", "0")
        await until(lambda: limiter.up)
    await client.aclose()


async def test_a_server_that_forgot_its_scripts_is_told_them_again(
    server: RedisServer,
) -> None:
    client = Redis.from_url(server.url())
    async with shared_rate_limit(server.url(), otherwise=local(), look_every_s=60) as limiter:
        await client.script_flush()
        assert await grants(limiter, 101) == [True] * 100 + [False]
        assert limiter.up
        assert await client.llen(LIST) == LIMIT
    await client.aclose()


@pytest.mark.parametrize("query", ["socket_timeout=abc", "colour=green"])
async def test_an_option_that_does_not_exist_is_told(query: str) -> None:
    with pytest.raises(Invalid, match=r"redis: .*options of redis-py"):
        async with shared_rate_limit(f"redis://127.0.0.1/0?{query}", otherwise=local()):
            pass
