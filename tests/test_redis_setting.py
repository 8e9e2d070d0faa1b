"""``OFFHOOK_REDIS``: processes hold a key to one limit together, and live on when Redis is gone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from offhook.app import running
from offhook.clock import SystemClock
from offhook.model.errors import Invalid
from offhook.settings import load
from offhook.store.redis import rate_limit
from offhook.testing.servers.redis import RedisServer

KEY = "ofh_live_" + "k" * 43
LIMIT = 5
EVENT = {"type": "custom.step", "data": {}}


@asynccontextmanager
async def served(folder: Path, redis: str | None) -> AsyncIterator[httpx.AsyncClient]:
    """The whole installation, in process, under the key's limit of five."""
    settings = load(data=folder, bootstrap_key=KEY, rate_limit_per_s=LIMIT, redis=redis)
    async with running(settings, SystemClock()) as offhook:
        transport = httpx.ASGITransport(offhook.api)
        headers = {"authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://offhook", headers=headers
        ) as client:
            yield client


async def post(client: httpx.AsyncClient, count: int) -> list[int]:
    return [(await client.post("/v1/events", json=EVENT)).status_code for _ in range(count)]


async def test_two_installations_on_one_redis_share_a_keys_limit(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However long a busy machine takes, it is one window, and Redis is not given up.
    monkeypatch.setattr(rate_limit, "_WINDOW_US", 60_000_000)
    for wait in ("_ANSWER_WITHIN_S", "_CONNECT_WITHIN_S"):
        monkeypatch.setattr(rate_limit, wait, 60.0)
    async with served(tmp_path / "a", redis_url) as one, served(tmp_path / "b", redis_url) as two:
        asking = [client.get("/v1/events") for client in (one, two) for _ in range(LIMIT)]
        answers = await asyncio.gather(*asking)
        assert sorted(answer.status_code for answer in answers) == [200] * LIMIT + [429] * LIMIT
        left = [int(answer.headers["ratelimit-remaining"]) for answer in answers]
        assert sorted(left) == [0] * LIMIT + [0, 1, 2, 3, 4]
        assert "offhook_redis_up 1.0" in (await one.get("/metrics")).text


async def test_without_the_setting_each_counts_for_itself_and_no_metric_speaks_of_redis(
    tmp_path: Path,
) -> None:
    async with served(tmp_path / "a", None) as one, served(tmp_path / "b", None) as two:
        for client in (one, two):
            answer = await client.post("/v1/events", json=EVENT)
            assert answer.headers["ratelimit-remaining"] == str(LIMIT - 1)
        assert "offhook_redis_up" not in (await one.get("/metrics")).text


async def test_when_redis_goes_away_requests_go_on(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis") as redis:
        async with served(tmp_path / "data", redis.url()) as client:
            assert await post(client, 1) == [202]
            redis.kill()
            assert await post(client, 2) == [202, 202]
            assert "offhook_redis_up 0.0" in (await client.get("/metrics")).text


@pytest.mark.parametrize(
    "url",
    [
        "localhost:6379",
        "http://localhost",
        "redis://",
        "redis://host:port/0",
        "redis://host:99999",
        "redis://host/first",
        "redis://[::1",
        "unix://",
    ],
)
def test_a_url_that_names_no_redis_is_refused_with_the_remedy(url: str) -> None:
    with pytest.raises(Invalid, match=r"redis: .*redis://:password@host:6379/0.*OFFHOOK_REDIS"):
        load(redis=url)


def test_a_password_in_the_url_is_not_repeated() -> None:
    with pytest.raises(Invalid) as refused:
        load(redis="redys://:sesame@host/0")
    assert "sesame" not in refused.value.detail


@pytest.mark.parametrize(
    "url",
    [
        "redis://host",
        "redis://:p%40ss@host:6380/3",
        "rediss://user:pass@[::1]:6379/0?ssl_cert_reqs=none",
        "unix:///run/redis.sock?db=2",
    ],
)
def test_the_urls_of_redis_are_taken(url: str) -> None:
    assert load(redis=url).redis == url
