"""Processes that share a queue handle each event once and in order; a killed one loses nothing."""

import asyncio
import os
import signal
import sys
import textwrap
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from offhook.receiver import Depth, Event, opened_queue
from offhook.receiver.event import stored_body
from offhook.receiver.ports import Arrival
from offhook.signing import make_secret

PATIENCE_S = 120
KEYS, EACH, CONCURRENCY = 12, 15, 3
LEASE_S = 3.0
"""Of the one that is to be taken over from."""
OUTLASTS_A_PAUSE_S = 60.0
"""Of those that live: what a process holds is not another's because the machine was busy."""

PROCESS = """
    import asyncio, os, sys
    from offhook.receiver import Handling, Receiver, RetryPolicy
    from offhook.receiver.opening import queue_at

    secret, url, done, hangs_at, lease_s = sys.argv[1:]

    async def handle(event):
        if event.id == hangs_at:
            print("hangs", flush=True)
            await asyncio.Event().wait()
        with open(done, "a") as file:
            file.write(f"{event.key} {event.sequence} {os.getpid()}\\n")

    async def main():
        lease = float(lease_s)
        handling = Handling(RetryPolicy(), concurrency=3, timeout_s=60, lease_s=lease, poll_s=0.05)
        async with Receiver(handle, secret, queue_at(url), handling=handling).running():
            print("runs", flush=True)
            await asyncio.Event().wait()

    asyncio.run(main())
"""


@pytest.fixture(params=["sqlite", "postgres", "redis"])
def queue_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    match request.param:
        case "sqlite":
            return f"sqlite:{tmp_path / 'queue.db'}"
        case "postgres":
            return request.getfixturevalue("postgres18_url")
        case _:
            return request.getfixturevalue("redis_url")


@asynccontextmanager
async def process(
    url: str, done: Path, hangs_at: str = "", lease_s: float = OUTLASTS_A_PAUSE_S
) -> AsyncIterator[asyncio.subprocess.Process]:
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", textwrap.dedent(PROCESS)),
        *(make_secret(bytes(32)), url, str(done), hangs_at, str(lease_s)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert started.stdout is not None
    try:
        assert await asyncio.wait_for(started.stdout.readline(), PATIENCE_S) == b"runs\n"
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


def arrivals() -> list[Arrival]:
    events = [
        Event(id=f"evt_{key}_{number}", type="call.ended", key=f"call_{key}", sequence=number)
        for number in range(EACH)
        for key in range(KEYS)
    ]
    return [Arrival(event.id, event.key, stored_body(event)) for event in events]


async def test_a_killed_process_loses_nothing_and_no_two_handle_the_same(
    queue_url: str, tmp_path: Path
) -> None:
    done = tmp_path / "done"
    async with AsyncExitStack() as held:
        queue = await held.enter_async_context(opened_queue(queue_url))
        victim = await held.enter_async_context(process(queue_url, done, "evt_0_7", LEASE_S))
        await queue.commit("putter", arrivals(), [])
        assert victim.stdout is not None
        assert await asyncio.wait_for(victim.stdout.readline(), PATIENCE_S) == b"hangs\n"
        os.kill(victim.pid, signal.SIGKILL)
        for _ in range(2):
            await held.enter_async_context(process(queue_url, done))
        async with asyncio.timeout(PATIENCE_S):
            while await queue.depth() != Depth(0, 0):
                await asyncio.sleep(0.02)
    order: dict[str, list[int]] = defaultdict(list)
    pids: set[str] = set()
    for line in done.read_text().splitlines():
        key, number, pid = line.split()
        order[key].append(int(number))
        pids.add(pid)
    # What the killed one had done but not written down yet, no more than it had room for, may be
    # handled again by whoever came after it, before all later ones of its key.
    for numbers in order.values():
        once = [number for at, number in enumerate(numbers) if at == 0 or number != numbers[at - 1]]
        assert once == list(range(EACH))
    assert len(order) == KEYS
    assert sum(map(len, order.values())) <= KEYS * EACH + CONCURRENCY
    assert len(pids) >= 2


async def test_processes_share_the_work_and_handle_each_event_once(
    queue_url: str, tmp_path: Path
) -> None:
    done = tmp_path / "done"
    async with AsyncExitStack() as held:
        queue = await held.enter_async_context(opened_queue(queue_url))
        for _ in range(3):
            await held.enter_async_context(process(queue_url, done))
        await queue.commit("putter", arrivals(), [])
        async with asyncio.timeout(PATIENCE_S):
            while await queue.depth() != Depth(0, 0):
                await asyncio.sleep(0.02)
    lines = [line.split() for line in done.read_text().splitlines()]
    by_key = defaultdict(list)
    for key, number, _ in lines:
        by_key[key].append(int(number))
    assert set(map(tuple, by_key.values())) == {tuple(range(EACH))}
    assert len(by_key) == KEYS
