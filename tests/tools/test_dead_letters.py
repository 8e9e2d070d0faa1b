"""``offhook dead-letters`` lists, retries and drops what a receiver gave up."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from offhook.receiver import Event, Handling, RetryPolicy
from offhook.receiver.sqlite import SqliteQueue
from offhook.receiver.testing import SteppedReceiver


def broken(_event: Event) -> None:
    raise ConnectionError("the CRM is down")


@pytest.fixture
def queue(tmp_path: Path) -> str:
    """A queue in a file, with three dead letters."""
    path = str(tmp_path / "queue.db")

    async def fill() -> None:
        receiver = SteppedReceiver(
            broken,
            handling=Handling(RetryPolicy(max_attempts=1)),
            queue=lambda clock: SqliteQueue(path, clock=clock),
        )
        async with receiver:
            for number in range(3):
                await receiver.deliver({"id": f"evt_{number}", "type": "call.ended", "key": "k"})
            await receiver.run()

    with capture_logs():
        asyncio.run(fill())
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


@pytest.mark.parametrize("arguments", [(), ("evt_1", "--all")])
def test_what_is_meant_has_to_be_said(
    run: Callable[..., Any], queue: str, arguments: tuple[str, ...]
) -> None:
    ran = run("dead-letters", "drop", "--queue", queue, *arguments)
    assert ran.code != 0
    assert "one of the two" in ran.err


def test_a_queue_that_is_none_is_one_clear_line(run: Callable[..., Any]) -> None:
    ran = run("dead-letters", "list", "--queue", "queue.db")
    assert ran.code == 1
    assert ran.err.strip().count("\n") == 0
    assert "sqlite:" in ran.err
