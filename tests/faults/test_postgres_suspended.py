"""A process that slept past its lease finds that its partitions are others' now: it sends nothing
new of them, writes nothing of them, and then takes part again."""

from pathlib import Path

import pytest
from counting_receiver import until
from fleet import Fleet
from server_process import Server
from trial import SEEDS, Tell, Trial, trial

from offhook.demo.wire import Reply

SLOW = Reply(200, after_s=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
async def test_an_engine_that_slept_past_its_lease_is_not_heard_of_until_it_has_a_new_one(
    tmp_path: Path, seed: int, tell: Tell
) -> None:
    fleet = Fleet(tmp_path)
    async with trial(fleet, seed=seed, tell=tell, behave=lambda _: SLOW) as running:
        sleeper = running.rnd.choice(fleet.engines)
        others = [engine for engine in fleet.engines if engine is not sleeper]

        async def put_to_sleep() -> None:
            await until(lambda: running.receiver.unanswered[sleeper.pid] > 0, what="a request")
            sleeper.suspend()

        fault = await running.suffer("SIGSTOP past the lease", put_to_sleep, [sleeper])
        asleep_ms, connections = await fleet.lookout.now_ms(), connections_of(running, sleeper)
        await running.taken_over(fault, others)
        written = await fleet.lookout.begun_before(asleep_ms)
        sent = sent_by(running, sleeper)
        sleeper.resume()
        # What was on its way into a connection at the stop is in flight, and goes on.
        assert await sent_without_a_lease(running, sleeper) - sent <= connections
        await running.recovered(fault)
        assert await fleet.lookout.begun_before(asleep_ms) == written
        late = sent_by(running, sleeper)
        await until(lambda: sent_by(running, sleeper) > late, what="its new share's deliveries")


async def sent_without_a_lease(running: Trial, sleeper: Server) -> int:
    """How much it had sent when it was last seen without any partition."""
    last = sent_by(running, sleeper)
    while True:
        now = sent_by(running, sleeper)
        holders = await running.fleet.lookout.holders()
        if holders.shares()[sleeper.pid]:
            return last
        last = now


def sent_by(running: Trial, engine: Server) -> int:
    return sum(arrival.sender == engine.pid for arrival in running.receiver.seen.accepted)


def connections_of(running: Trial, engine: Server) -> int:
    return list(running.receiver.connections.values()).count(engine.pid)
