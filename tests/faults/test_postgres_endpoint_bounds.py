"""What an endpoint asks for (one request at a time, so many a second) holds over all engines
together, also while one of them dies, and while one sleeps and wakes up."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from counting_receiver import Arrival, CountingReceiver, until
from fleet import Fleet
from server_process import Client
from trial import SEEDS, Tell

from offhook.demo.wire import Reply

ANSWER = Reply(200, after_s=0.02)
PER_S = 20
JITTER_S = 0.05
"""A rate is kept by when requests begin. Their senders note that a moment after the decision, and
may have to wait for the processor between the two; this long is generous. When they arrive tells
less: where this process waits for the processor, a whole second's worth arrives at once."""
STALE_S = 3.0
"""Signed so long before it came, a request was in flight when its sender was put to sleep: it was
begun before, in its turn."""
KEYS = tuple(f"key-{n}" for n in range(40))
AHEAD = 60


class Endpoint:
    """A receiver with bounds, and events for it alone: always more of them than it may get."""

    def __init__(self, name: str, fleet: Fleet, **bounds: int) -> None:
        self.name = name
        self.type = f"custom.{name}"
        self.bounds = bounds
        self.receiver = fleet.receiver()
        self.receiver.behave = lambda _: ANSWER
        self.posted: list[str] = []

    @property
    def arrivals(self) -> list[Arrival]:
        return self.receiver.seen.accepted

    async def keep_busy(self, client: Client, rnd: Random) -> None:
        """Post for as long as the task runs."""
        await client.make_webhook(self.receiver.url, events=[self.type], **self.bounds)
        while True:
            posted = await client.post(*rnd.choices(KEYS, k=20), type_=self.type)
            self.posted += posted
            await until(lambda: len(self.posted) - len(self.arrivals) < AHEAD, 60, self.name)

    async def go_on(self) -> None:
        """Return once two seconds' worth more has come."""
        await self.receiver.so_many(len(self.arrivals) + 2 * PER_S)

    def longest_pause_s(self) -> float:
        return max(later.at_s - at.at_s for at, later in pairwise(self.arrivals))


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
async def test_bounds_of_endpoints_hold_over_engines_that_die_and_sleep(
    tmp_path: Path, seed: int, tell: Tell
) -> None:
    rnd, fleet = Random(seed), Fleet(tmp_path)
    serial = Endpoint("serial", fleet, max_in_flight=1)
    limited = Endpoint("limited", fleet, rate_limit_per_s=PER_S)
    endpoints = (serial, limited)
    async with AsyncExitStack() as held:
        for each in (fleet, serial.receiver, limited.receiver):
            await held.enter_async_context(each)
        client = await held.enter_async_context(Client(*fleet.apis))
        await fleet.ready()
        busy = [asyncio.create_task(each.keep_busy(client, rnd)) for each in endpoints]
        await all_go_on(endpoints)
        victim, sleeper = rnd.sample(fleet.engines, 2)
        await victim.kill()
        await fleet.all_with(engine for engine in fleet.engines if engine is not victim)
        await all_go_on(endpoints)
        await victim.start()
        await fleet.even()
        # The one request that it may have under way has come: it is not between the two.
        await until(lambda: serial.receiver.unanswered[sleeper.pid], what="the sleeper's turn")
        sleeper.suspend()
        await fleet.all_with(engine for engine in fleet.engines if engine is not sleeper)
        await all_go_on(endpoints)
        sleeper.resume()
        await fleet.even()
        await all_go_on(endpoints)
        for task in busy:
            task.cancel()
        for each in endpoints:
            await until(lambda of=each: of.receiver.accepted_ids >= set(of.posted), 60, each.name)
            tell(f"endpoint {each.name}, kill -9 and SIGSTOP: pause {each.longest_pause_s():.1f} s")
        begun = await begun_at(limited, fleet)
    assert {arrival.beside for arrival in serial.arrivals} == {0}
    assert most_within(1 - JITTER_S, begun) <= PER_S
    for each in endpoints:
        in_order(each.receiver)


async def begun_at(endpoint: Endpoint, fleet: Fleet) -> list[float]:
    """When each request began: as its sender noted; for those that it could not note any more, when
    they arrived."""
    noted = await fleet.lookout.begun(endpoint.type)
    unnoted = Counter(arrival.event.id for arrival in endpoint.arrivals)
    unnoted.subtract(event for event, _ in noted)
    begun = [at_s for _, at_s in noted]
    for arrival in endpoint.arrivals:
        if unnoted[arrival.event.id] > 0 and arrival.on_way_s < STALE_S:
            unnoted[arrival.event.id] -= 1
            begun.append(arrival.at_s)
    return sorted(begun)


async def all_go_on(endpoints: Sequence[Endpoint]) -> None:
    await asyncio.gather(*(each.go_on() for each in endpoints))


def most_within(window_s: float, moments_s: Sequence[float]) -> int:
    """The most moments in any window."""
    first = most = 0
    for last, at_s in enumerate(moments_s):
        while moments_s[first] <= at_s - window_s:
            first += 1
        most = max(most, last - first + 1)
    return most


def in_order(receiver: CountingReceiver) -> None:
    for key in KEYS:
        firsts = list(dict.fromkeys(receiver.sequences(key)))
        assert firsts == sorted(firsts)
