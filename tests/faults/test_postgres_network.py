"""The network between one process and the database is cut, or swallows everything: the others take
over what an engine had, and another API takes the calls in."""

from collections.abc import Awaitable, Callable
from operator import gt
from pathlib import Path

import pytest
from counting_receiver import until
from fleet import Fleet
from trial import SEEDS, Tell, trial

from offhook.testing.faulty_wire import FaultyWire

Harm = Callable[[FaultyWire], Awaitable[None]]


async def cut(wire: FaultyWire) -> None:
    await wire.cut()


async def freeze(wire: FaultyWire) -> None:
    await wire.freeze()


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("harm", [cut, freeze])
async def test_others_take_over_from_an_engine_without_a_database(
    tmp_path: Path, harm: Harm, seed: int, tell: Tell
) -> None:
    fleet = Fleet(tmp_path, wired=["engine-1"])
    async with trial(fleet, seed=seed, tell=tell) as running:
        victim, *others = fleet.engines
        wire = fleet.wires[victim.name]
        fault = await running.suffer(
            f"network {harm.__name__}, one engine", lambda: harm(wire), [victim]
        )
        await running.taken_over(fault, others)
        await running.caught_up(fault)
        await wire.mend()
        await running.recovered(fault)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("harm", [cut, freeze])
async def test_another_api_takes_over_from_one_without_a_database(
    tmp_path: Path, harm: Harm, seed: int, tell: Tell
) -> None:
    fleet = Fleet(tmp_path, apis=2, wired=["api-1"])
    async with trial(fleet, seed=seed, tell=tell) as running:
        wire = fleet.wires["api-1"]
        fault = await running.suffer(f"network {harm.__name__}, one API", lambda: harm(wire))
        before = list(running.load.answers)
        await until(lambda: all(map(gt, running.load.answers, before)), what="an answer for each")
        await wire.mend()
        await running.recovered(fault)
        assert running.repeated() == set()


async def test_a_process_whose_database_does_not_answer_ends_all_the_same(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, engines=1, wired=["engine-1"])
    async with fleet:
        await fleet.ready()
        [engine] = fleet.engines
        await fleet.wires[engine.name].freeze()
        assert await engine.stop() == 1
        assert "done again by the next process" in engine.complaints()[-1]
