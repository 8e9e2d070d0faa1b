"""An event that brings down every process that handles it takes no other with it."""

import asyncio
import subprocess
import sys
import textwrap
from pathlib import Path

from offhook.receiver import Depth, Event
from offhook.receiver.event import stored_body
from offhook.receiver.ports import Arrival
from offhook.receiver.sqlite import SqliteQueue
from offhook.receiver.testing.stepping import SECRET

PATIENCE_S = 60
MANY = 20

PROCESS = """
    import asyncio, os, sys
    from datetime import timedelta
    from offhook.clock import SystemClock
    from offhook.receiver import Handling, Receiver, RetryPolicy
    from offhook.receiver.sqlite import SqliteQueue

    secret, path, number = sys.argv[1:]
    running = set()

    class Later(SystemClock):
        def now(self):
            return super().now() + timedelta(minutes=int(number))

    async def handle(event):
        running.add(event.id)
        for _ in range(3):
            await asyncio.sleep(0)
        if event.id == "killer":
            os._exit(9)
        while "killer" in running:
            await asyncio.sleep(0)

    async def main():
        queue = SqliteQueue(path, clock=Later())
        policy = RetryPolicy(max_attempts=2)
        handling = Handling(policy, poll_s=0.02)
        async with Receiver(handle, secret, queue, handling=handling).running():
            while (await queue.depth()).waiting:
                await asyncio.sleep(0.01)

    asyncio.run(main())
"""


async def put(queue: SqliteQueue, *names: str) -> None:
    events = [Event(name, "call.ended", f"key of {name}") for name in names]
    arrivals = [Arrival(event.id, event.key, stored_body(event)) for event in events]
    await queue.commit("putter", arrivals, [])


async def test_only_the_event_that_processes_die_with_is_given_up(tmp_path: Path) -> None:
    """Each process runs a minute after the last one: what that held has run out."""
    path = tmp_path / "queue.db"
    queue = SqliteQueue(path)
    await queue.open()
    await put(queue, "first", "killer", *(f"innocent {number}" for number in range(8)))
    command = [sys.executable, "-c", textwrap.dedent(PROCESS), SECRET, str(path)]
    exits: list[int] = []
    while not exits or (exits[-1] == 9 and len(exits) < MANY):
        ended = await asyncio.to_thread(
            subprocess.run,
            [*command, str(len(exits))],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        exits.append(ended.returncode)
    assert exits == [9] * (len(exits) - 1) + [0], ended.stderr
    assert await queue.depth() == Depth(0, 1)
    assert [letter.event_id for letter in await queue.dead_letters()] == ["killer"]
    await queue.close()
