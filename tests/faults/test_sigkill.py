"""The process is killed at any moment, again and again: nothing acknowledged is lost, nothing is
out of order, and nothing is sent twice but what was under way."""

import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from itertools import islice
from pathlib import Path
from random import Random
from statistics import median
from time import monotonic

import apsw
import pytest
from call_load import EVERY_CALL, Load
from counting_receiver import DOWN, DROPPED, HANGS, OK, CountingReceiver, until
from server_process import Client, Server

from offhook.demo.tally import Event
from offhook.demo.wire import Reply

SEED = 20261120
KILLS = 32
MAX_IN_FLIGHT = 16


class Toll:
    """What the kills cost: what was accepted without the store knowing it, and time."""

    def __init__(self, server: Server, receiver: CountingReceiver) -> None:
        self._server = server
        self._receiver = receiver
        self.unrecorded: list[set[str]] = []
        self.recoveries_s: list[float] = []

    async def kill(self) -> None:
        """Kill the server; note what only the receiver knows of."""
        await self._server.kill()
        await until(lambda: not self._receiver.connections, what="the end of all connections")
        self.unrecorded.append(self._receiver.accepted_ids - recorded(self._server.data))

    async def revive(self) -> asyncio.Task[None]:
        """Start the server again; the task ends with the first delivery."""
        began = monotonic()

        async def first_delivery() -> None:
            await self._receiver.one_more_request()
            self.recoveries_s.append(monotonic() - began)

        await self._server.start()
        return asyncio.create_task(first_delivery())


def recorded(data: Path) -> set[str]:
    """The events with an accepted attempt in a dead server's database."""
    database = data / "offhook.db"
    if not database.exists():
        return set()
    opened = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return {row[0] for row in opened.execute("SELECT event_id FROM attempt WHERE accepted")}
    finally:
        opened.close()


def failing(rnd: Random, share: float = 0.12) -> Callable[[Event], Reply]:
    """A receiver that refuses some requests and drops some, whichever they are."""

    def behave(_: Event) -> Reply:
        if rnd.random() >= share:
            return OK
        return DOWN if rnd.random() < 0.8 else DROPPED

    return behave


def moments(
    rnd: Random, load: Load, receiver: CountingReceiver
) -> Iterator[Callable[[], Awaitable[None]]]:
    """When to kill next, in turn: amid appends, amid retries, amid deliveries, right after the
    start whatever it does then."""

    async def amid(count: Callable[[], int], most: int) -> None:
        wanted = count() + rnd.randint(1, most)
        await until(lambda: count() >= wanted, what="the moment to kill")

    async def starting() -> None:
        await asyncio.sleep(rnd.uniform(0.05, 1.5))

    while True:
        yield lambda: amid(lambda: len(load.acknowledged), 250)
        yield lambda: amid(lambda: len(receiver.seen.refused), 25)
        yield lambda: amid(lambda: len(receiver.seen.accepted), 150)
        yield starting


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_kills_at_any_moment_lose_nothing_and_repeat_only_what_was_under_way(
    tmp_path: Path,
) -> None:
    rnd = Random(SEED)
    receiver = CountingReceiver(failing(Random(SEED)))
    async with Server(tmp_path) as server, Client(server) as client, receiver:
        await client.make_webhook(receiver.url, max_in_flight=MAX_IN_FLIGHT, **EVERY_CALL)
        load, toll = Load(client), Toll(server, receiver)
        for moment in islice(moments(rnd, load, receiver), KILLS):
            await moment()
            await toll.kill()
            recovery = await toll.revive()
            if rnd.random() < 0.5:
                await recovery
            recovery.cancel()
        await load.finish()
        feed = await client.feed()
        await receiver.all_of(feed)
        await same_again(client, load)
        report(receiver, toll, load)
    assert set(load.acknowledged) <= {event["id"] for event in feed}
    assert len({event["id"] for event in feed}) == len(feed)
    assert len(toll.unrecorded) == KILLS
    check(receiver, toll)


async def same_again(client: Client, load: Load) -> None:
    """A caller's own id is the same event for good, whenever it was first told."""
    assert load.given
    for item, first in load.given[:: max(len(load.given) // 200, 1)]:
        status, again = await client.ask("POST", "/v1/events", item)
        assert (status, again["id"], again["sequence"]) == (200, first["id"], first["sequence"])


def check(receiver: CountingReceiver, toll: Toll) -> None:
    told = receiver.tally.report()
    assert receiver.seen.unverified == []
    assert (told.gaps, told.out_of_order, told.missing) == (0, 0, 0)
    times = Counter(arrival.event.id for arrival in receiver.seen.accepted)
    repeated = {event for event, count in times.items() if count > 1}
    assert repeated <= set().union(*toll.unrecorded)
    assert told.duplicates <= sum(map(len, toll.unrecorded))


def report(receiver: CountingReceiver, toll: Toll, load: Load) -> None:
    told = receiver.tally.report()
    sys.stdout.write(
        f"\n{KILLS} kills; {len(load.acknowledged):,} events acknowledged, {told.distinct:,} "
        f"delivered, {told.duplicates:,} of them twice; accepted but not recorded at a kill: "
        f"{sum(map(len, toll.unrecorded))} in all, {max(map(len, toll.unrecorded))} at most; "
        f"start to first delivery: median {median(toll.recoveries_s):.2f} s, "
        f"longest {max(toll.recoveries_s):.2f} s\n"
    )


@pytest.mark.slow
async def test_kills_before_anything_moves_make_no_event_a_culprit(tmp_path: Path) -> None:
    """An endpoint hangs, so the cursor stands still while the process dies again and again: the
    event it stands at is not what kills it."""
    hanging = True
    receiver = CountingReceiver(lambda _: HANGS if hanging else OK)
    healthy = CountingReceiver()
    async with Server(tmp_path) as server, Client(server) as client, receiver, healthy:
        await client.make_webhook(receiver.url, timeout_s=60)
        await client.make_webhook(healthy.url)
        posted = await client.post(*"aabbcc")
        for _ in range(9):
            await until(lambda: receiver.connections, what="a request")
            await server.kill()
            await until(lambda: not receiver.connections, what="the end of all connections")
            await server.start()
        posted += await client.post(*"abcd")
        await until(lambda: healthy.accepted_ids == set(posted), what="the neighbour's events")
        hanging = False
        await server.kill()
        await server.start()
        await until(lambda: receiver.accepted_ids == set(posted), what="the events held up")
    for key, sequences in {"a": [1, 2, 3], "b": [1, 2, 3], "c": [1, 2, 3], "d": [1]}.items():
        # What was accepted just before the last kill may come again.
        assert list(dict.fromkeys(receiver.sequences(key))) == sequences
