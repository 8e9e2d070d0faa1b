"""A fleet under load, through one fault after the other: what each costs, and that nothing is lost.

What a fault costs is told at the end of the run (see ``tests/conftest.py``), for people to read; it
is asserted only that a take-over needs no longer than promised.
"""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from random import Random
from time import monotonic

from call_load import EVERY_CALL, Load
from counting_receiver import DOWN, OK, Behaviour, CountingReceiver, until
from fleet import Fleet
from lookout import Holders
from server_process import Client, Server

from offhook.demo.tally import Event
from offhook.demo.wire import Reply

SEEDS = range(int(os.environ.get("OFFHOOK_FAULT_SEEDS", "1")))
"""Each is another run through every fault, at other moments."""

TAKEN_OVER_WITHIN_MS = 10_000
MAX_IN_FLIGHT = 16
_PAUSE_S = 0.1

Tell = Callable[[str], None]


@dataclass
class Fault:
    """One fault: when it was, by which clock, and what was recorded by then."""

    name: str
    began_s: float
    began_ms: int
    victims: frozenset[int]
    recorded: frozenset[str]
    taken_over_ms: int | None = None
    caught_up_s: float | None = None


class Trial:
    """The load goes on from the first fault to the last; ``finish`` checks what came of it."""

    def __init__(
        self, fleet: Fleet, receiver: CountingReceiver, load: Load, rnd: Random, tell: Tell
    ) -> None:
        self.fleet = fleet
        self.receiver = receiver
        self.load = load
        self.rnd = rnd
        self._tell = tell
        self._at_risk: set[str] = set()

    async def any_moment(self) -> None:
        """Return at some moment soon, amid deliveries."""
        await self.receiver.so_many(len(self.receiver.seen.accepted) + self.rnd.randint(20, 120))

    async def suffer(
        self, name: str, strike: Callable[[], Awaitable[None]], victims: Iterable[Server] = ()
    ) -> Fault:
        """Have it happen at some moment soon. What the victims delivered and did not record by then
        is at risk to be sent again, and nothing else is."""
        pids = frozenset(server.pid for server in victims)
        await self.any_moment()
        began_s, began_ms = monotonic(), await self.fleet.lookout.now_ms()
        await strike()
        return Fault(name, began_s, began_ms, pids, await self._recorded())

    async def taken_over(
        self, fault: Fault, by: Iterable[Server], *, promised: bool = True
    ) -> Holders:
        """Wait until these engines hold all partitions; where they were there before, in the time
        that is ``promised``."""
        holders = await self.fleet.all_with(by)
        fault.taken_over_ms = holders.now_ms - fault.began_ms
        assert not promised or fault.taken_over_ms < TAKEN_OVER_WITHIN_MS
        return holders

    async def recovered(self, fault: Fault, by: Iterable[Server] | None = None) -> None:
        """Wait until these engines, by default all, share everything evenly, and what is
        acknowledged now has arrived; tell what it cost."""
        even_s, _ = await asyncio.gather(
            _when(self.fleet.even(by), fault.began_s), self.caught_up(fault)
        )
        at_risk = {
            arrival.event.id
            for arrival in self.receiver.seen.accepted
            if arrival.sender in fault.victims or not arrival.sender
        } - fault.recorded
        again = self.repeated() & at_risk
        self._at_risk |= at_risk
        taken_over_ms = fault.taken_over_ms
        moved = "" if taken_over_ms is None else f"taken over {taken_over_ms / 1000:.1f} s, "
        shared = f"caught up {fault.caught_up_s:.1f} s, evenly shared {even_s:.1f} s"
        risk = f"at risk {len(at_risk)}, sent again {len(again)}"
        self._tell(f"{fault.name}: {moved}{shared}, {risk}")

    async def caught_up(self, fault: Fault) -> None:
        """Wait until all that is acknowledged now has arrived, for the first time since."""
        waited = self.load.acknowledged.keys() - self.receiver.accepted_ids
        seen = len(self.receiver.seen.accepted)

        def none_left() -> bool:
            nonlocal seen
            arrived = self.receiver.seen.accepted[seen:]
            seen += len(arrived)
            waited.difference_update(arrival.event.id for arrival in arrived)
            return not waited

        await until(none_left, 120, "what was acknowledged")
        if fault.caught_up_s is None:
            fault.caught_up_s = monotonic() - fault.began_s

    def repeated(self) -> set[str]:
        """The events that were accepted more than once."""
        times = Counter(arrival.event.id for arrival in self.receiver.seen.accepted)
        return {event for event, count in times.items() if count > 1}

    async def finish(self, client: Client) -> None:
        """End the load, and check that nothing acknowledged was lost, that each key is in order,
        and that nothing was sent again but what was at risk."""
        await self.load.finish()
        feed = [event["id"] for event in await client.feed()]
        await until(lambda: self.receiver.accepted_ids.issuperset(feed), 120, "the last events")
        # Timers append after the load has ended, so that there may be more of them by now.
        later = {event["id"] for event in await client.feed()}
        assert self.load.acknowledged.keys() <= set(feed)
        assert len(set(feed)) == len(feed)
        assert self.receiver.accepted_ids <= later
        told = self.receiver.tally.report()
        assert self.receiver.seen.unverified == []
        assert (told.gaps, told.out_of_order) == (0, 0)
        assert self.repeated() <= self._at_risk
        await self._each_recorded_once(len(feed))

    async def _each_recorded_once(self, events: int) -> None:
        """What was recorded as accepted is never sent again: however often an event arrived, it is
        recorded once. Records are written a moment after the answer."""
        async with asyncio.timeout(60):
            while len(recorded := await self.fleet.lookout.recorded()) < events:
                await asyncio.sleep(0.05)
        assert set(recorded.values()) == {1}

    async def _recorded(self) -> frozenset[str]:
        return frozenset(await self.fleet.lookout.recorded())


@asynccontextmanager
async def trial(
    fleet: Fleet,
    *,
    seed: int,
    tell: Tell,
    behave: Behaviour | None = None,
    pause_s: float = _PAUSE_S,
) -> AsyncIterator[Trial]:
    """A fleet under a steady load, its engines sharing evenly; at the end all is checked."""
    rnd, receiver, clients = Random(seed), fleet.receiver(), fleet.clients()
    receiver.behave = behave or failing(Random(seed))
    async with AsyncExitStack() as held:
        await held.enter_async_context(fleet)
        await held.enter_async_context(receiver)
        for client in clients:
            await held.enter_async_context(client)
        await fleet.ready()
        await clients[0].make_webhook(receiver.url, max_in_flight=MAX_IN_FLIGHT, **EVERY_CALL)
        async with load_of(clients, pause_s) as load:
            running = Trial(fleet, receiver, load, rnd, tell)
            yield running
            await running.finish(clients[0])


@asynccontextmanager
async def load_of(clients: Sequence[Client], pause_s: float) -> AsyncIterator[Load]:
    """A load that ends with the block, even where nobody finished it."""
    load = Load(*clients, pause_s=pause_s)
    try:
        yield load
    finally:
        await load.abort()


async def _when(so: Awaitable[object], began_s: float) -> float:
    """How long after it began it was so."""
    await so
    return monotonic() - began_s


def failing(rnd: Random, share: float = 0.05) -> Callable[[Event], Reply]:
    """A receiver that refuses a request now and then."""
    return lambda _: DOWN if rnd.random() < share else OK
