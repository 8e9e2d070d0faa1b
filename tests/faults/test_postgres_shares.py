"""Engines come and go in order while calls go on: partitions move at once, each event is sent once,
and everybody has an even share."""

from pathlib import Path
from time import monotonic

import pytest
from counting_receiver import OK
from fleet import Fleet
from trial import SEEDS, Tell, trial

STOPS_WITHIN_S = 30.0


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
async def test_an_engine_that_joins_or_leaves_costs_nothing(
    tmp_path: Path, seed: int, tell: Tell
) -> None:
    fleet = Fleet(tmp_path, engines=3)
    async with trial(fleet, seed=seed, tell=tell, behave=lambda _: OK) as running:
        joined = await running.suffer("an engine joins", fleet.join)
        await running.recovered(joined)
        leaver = running.rnd.choice(fleet.engines)
        stayers = [engine for engine in fleet.engines if engine is not leaver]

        async def leave() -> None:
            began_s = monotonic()
            assert await leaver.stop() == 0
            assert monotonic() - began_s < STOPS_WITHIN_S
            # Nobody has to wait for its leases to run out.
            assert (await fleet.lookout.holders()).shares()[leaver.pid] == 0

        left = await running.suffer("an engine leaves (SIGTERM)", leave)
        await running.taken_over(left, stayers)
        await running.recovered(left, stayers)
    assert leaver.complaints() == []
