"""``offhook dead-letters`` lists, retries and drops what a receiver gave up."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from offhook.clock import Clock
from offhook.receiver import Event, Handling, Queue, RetryPolicy
from offhook.receiver.redis import RedisQueue
from offhook.receiver.sqlite import SqliteQueue
from offhook.receiver.testing import SteppedReceiver


def broken(_event: Event) -> None:
    raise ConnectionError("the CRM is down")


async def given_up(queue: Callable[[Clock], Queue]) -> None:
    """Leaves three dead letters in a queue."""
    policy = Handling(RetryPolicy(max_attempts=1))
    with capture_logs():
        async with SteppedReceiver(broken, handling=policy, queue=queue) as receiver:
            for number in range(3):
                await receiver.deliver({"id": f"evt_{number}", "type": "call.ended", "key": "k"})
            await receiver.run()


@pytest.fixture
def queue(tmp_path: Path) -> str:
    """A queue in a file, with three dead letters."""
    path = str(tmp_path / "queue.db")
    asyncio.run(given_up(lambda clock: SqliteQueue(path, clock=clock)))
    return f"sqlite:{path}"


def test_they_are_listed_with_why_they_were_given_up(run: Callable[..., Any], queue: str) -> None:
    listed = run("dead-letters", "list", "--queue", queue)
    assert listed.code == 0
    lines = listed.out.splitlines()
    assert [line.split()[1] for line in lines] == ["evt_0", "evt_1", "evt_2"]
    assert all("the CRM is down" in line for line in lines)
    page = run("dead-letters", "list", "--queue", queue, "--after", lines[0].split()[0], "--json")
    assert [letter["event_id"] for letter in json.loads(page.out)] == ["evt_1", "evt_2"]


def test_some_or_all_are_tried_anew_or_dropped(run: Callable[..., Any], queue: str) -> None:
    assert run("dead-letters", "retry", "--queue", queue, "evt_1").out == "1 are tried anew.\n"
    assert run("dead-letters", "drop", "--queue", queue, "--all").out == "2 are dropped.\n"
    assert "There are none." in run("dead-letters", "list", "--queue", queue).err


@pytest.mark.parametrize("command", ["retry", "drop"])
def test_an_id_that_is_none_is_told_and_the_others_are_done(
    run: Callable[..., Any], queue: str, command: str
) -> None:
    ran = run("dead-letters", command, "--queue", queue, "nosuch", "evt_1", "evt_1")
    assert (ran.code, ran.out.split()[0]) == (1, "1")
    assert "1 of the 2 ids are of no dead letter" in ran.err
    assert run("dead-letters", command, "--queue", queue, "evt_2").code == 0
    assert run("dead-letters", command, "--queue", queue, "--all").code == 0


@pytest.mark.parametrize("command", [("list",), ("retry", "--all"), ("drop", "evt_1")])
def test_a_queue_that_is_not_there_is_said_and_not_made(
    run: Callable[..., Any],
    tmp_path: Path,
    command: tuple[str, ...],
    postgres_url: str,
    redis_url: str,
) -> None:
    (tmp_path / "notes.txt").write_text("no database")
    for url in ("sqlite:wrong.db", "sqlite:notes.txt", "sqlite:.", postgres_url, redis_url):
        ran = run("dead-letters", *command, "--queue", url)
        assert (ran.code, ran.out) == (1, "")
        assert "There is no queue at that URL" in ran.err
    assert [it.name for it in tmp_path.iterdir()] == ["notes.txt"]
    assert asyncio.run(tables_in(postgres_url)) == []


async def tables_in(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    return [row["tablename"] for row in rows]


def test_a_queue_in_a_redis_is_found_by_its_prefix(run: Callable[..., Any], redis_url: str) -> None:
    asyncio.run(given_up(lambda _clock: RedisQueue(redis_url, prefix="crm:")))
    assert run("dead-letters", "list", "--queue", redis_url).code == 1
    listed = run("dead-letters", "list", "--queue", redis_url, "--prefix", "crm:")
    assert [line.split()[1] for line in listed.out.splitlines()] == ["evt_0", "evt_1", "evt_2"]
    other = run("dead-letters", "list", "--queue", "sqlite:queue.db", "--prefix", "crm:")
    assert "A prefix is for a queue in a Redis" in other.err


@pytest.mark.parametrize("arguments", [(), ("evt_1", "--all")])
def test_what_is_meant_has_to_be_said(
    run: Callable[..., Any], queue: str, arguments: tuple[str, ...]
) -> None:
    ran = run("dead-letters", "drop", "--queue", queue, *arguments)
    assert ran.code != 0
    assert "one of the two" in ran.err


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("queue.db", "sqlite:"),
        ("redis://127.0.0.1:port/0", "cannot be read"),
        ("postgresql://127.0.0.1:port/crm", "cannot be read"),
        ("postgresql://[::1/crm", "cannot be read"),
    ],
)
def test_a_queue_that_is_none_is_one_clear_line(
    run: Callable[..., Any], url: str, told: str
) -> None:
    ran = run("dead-letters", "list", "--queue", url)
    assert ran.code == 1
    assert ran.err.strip().count("\n") == 0
    assert told in ran.err


def test_a_place_that_is_none_is_refused_by_its_option(run: Callable[..., Any], queue: str) -> None:
    ran = run("dead-letters", "list", "--queue", queue, "--after", "9" * 20)
    assert ran.code == 2
    assert "'--after'" in ran.err
