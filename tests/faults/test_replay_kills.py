"""A server is killed while it replays, again and again: the replay goes on where it was, and sends
nothing twice but what was under way or not recorded."""

from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import apsw
import pytest
from counting_receiver import CountingReceiver, until
from fleet import Fleet
from server_process import Client, Server

from offhook.demo.wire import Reply
from offhook.testing.engine import in_order

EVENTS = 400
KEYS = [f"k{number}" for number in range(8)]
KILLS = 4
RATE = 150
REFUSED = Reply(418)
OK = Reply(200)
GIVES_UP = {"delays_s": [0.1, 0.2], "statuses": [503]}


async def failed_deliveries(client: Client, receiver: CountingReceiver) -> str:
    """An endpoint that refused events of these keys for good, and took others between them, so that
    it was not left alone; returns the webhook."""
    receiver.behave = lambda event: REFUSED if event.key in KEYS else OK
    webhook = await client.make_webhook(receiver.url, retry=GIVES_UP, max_in_flight=4)
    keys = [key for number in range(EVENTS) for key in (KEYS[number % 8], "taken", "taken")]
    for first in range(0, len(keys), 300):
        await client.post(*keys[first : first + 300])
    await until(lambda: len(receiver.seen.refused) >= EVENTS, what="every refusal")
    await receiver.so_many(2 * EVENTS)
    receiver.behave = lambda _: OK
    receiver.seen.accepted.clear()
    return webhook


async def replayed(
    client: Client,
    receiver: CountingReceiver,
    webhook: str,
    kill: Callable[[], Awaitable[None]],
) -> dict[str, int]:
    """Replay what failed, with kills meanwhile; returns the counts in the end."""
    status, job = await client.ask(
        "POST", f"/v1/webhooks/{webhook}/replay", {"only": "failed", "rate_per_s": RATE}
    )
    assert status == 202, job
    for number in range(1, KILLS + 1):
        share = EVENTS * number // (KILLS + 2)
        await until(lambda share=share: len(receiver.accepted_ids) >= share, what="a moment")
        await kill()
    while job["state"] == "running":
        _, job = await client.ask("GET", f"/v1/replays/{job['id']}")
    assert job["state"] == "completed"
    counts: dict[str, int] = job["counts"]
    return counts


def check(receiver: CountingReceiver, counts: dict[str, int]) -> Counter[str]:
    """Everything arrived, in order per key, and was counted once; returns how often each came."""
    arrived = Counter(it.event.id for it in receiver.seen.accepted)
    assert len(arrived) == EVENTS
    for key in KEYS:
        assert in_order(receiver.sequences(key))
    assert counts == {
        "matched": EVENTS,
        "accepted": EVENTS,
        "failed": 0,
        "waiting": 0,
        "hurried": 0,
    }
    return arrived


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_replay_outlives_kills_of_the_server(tmp_path: Path) -> None:
    receiver, unrecorded = CountingReceiver(), set[str]()
    async with Server(tmp_path) as server, Client(server) as client, receiver:
        webhook = await failed_deliveries(client, receiver)

        async def kill() -> None:
            await server.kill()
            await until(lambda: not receiver.connections, what="the end of all connections")
            unrecorded.update(receiver.accepted_ids - recorded(server.data))
            await server.start()

        counts = await replayed(client, receiver, webhook, kill)
        arrived = check(receiver, counts)
    assert {id_ for id_, times in arrived.items() if times > 1} <= unrecorded


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_replay_outlives_kills_of_engines_over_postgresql(tmp_path: Path) -> None:
    async with AsyncExitStack() as held:
        fleet = await held.enter_async_context(Fleet(tmp_path, engines=2))
        receiver = await held.enter_async_context(fleet.receiver())
        await fleet.ready()
        client = await held.enter_async_context(fleet.clients()[0])
        webhook = await failed_deliveries(client, receiver)
        victims = list(fleet.engines)

        async def kill() -> None:
            victim = victims.pop(0)
            victims.append(victim)
            await victim.kill()
            await victim.start()

        counts = await replayed(client, receiver, webhook, kill)
        check(receiver, counts)


def recorded(data: Path) -> set[str]:
    """The events with an accepted attempt in a dead server's database."""
    opened = apsw.Connection(str(data / "offhook.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return {row[0] for row in opened.execute("SELECT event_id FROM attempt WHERE accepted")}
    finally:
        opened.close()
