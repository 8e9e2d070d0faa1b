"""Processes over one PostgreSQL are killed at any moment, one, some and all: the others take over,
nothing acknowledged is lost, and nothing is sent twice but what was under way."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from counting_receiver import until
from fleet import Fleet
from server_process import Server
from trial import SEEDS, Tell, Trial, trial


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
async def test_killed_engines_are_taken_over_from(tmp_path: Path, seed: int, tell: Tell) -> None:
    fleet = Fleet(tmp_path)
    async with trial(fleet, seed=seed, tell=tell) as running:
        for name, count in (("kill -9 of one engine", 1), ("kill -9 of two engines", 2)):
            victims = running.rnd.sample(fleet.engines, count)
            await outlived(running, name, victims)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
async def test_after_a_kill_of_all_engines_they_go_on_where_they_were(
    tmp_path: Path, seed: int, tell: Tell
) -> None:
    fleet = Fleet(tmp_path)
    async with trial(fleet, seed=seed, tell=tell) as running:
        victims = fleet.engines
        fault = await running.suffer(
            "kill -9 of all engines", lambda: kill(running, victims), victims
        )
        await start(victims)
        await running.taken_over(fault, victims, promised=False)
        await running.recovered(fault)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
async def test_a_killed_api_loses_nothing_that_it_acknowledged(
    tmp_path: Path, seed: int, tell: Tell
) -> None:
    fleet = Fleet(tmp_path)
    async with trial(fleet, seed=seed, tell=tell) as running:
        for _ in range(3):
            fault = await running.suffer("kill -9 of the API", fleet.apis[0].kill)
            await start(fleet.apis)
            await running.recovered(fault)
        assert running.repeated() == set()


async def outlived(running: Trial, name: str, victims: Sequence[Server]) -> None:
    """The others take over from the victims, which then come back and get their share again."""
    engines = running.fleet.engines
    fault = await running.suffer(name, lambda: kill(running, victims), victims)
    others = [engine for engine in engines if engine not in victims]
    await running.taken_over(fault, others)
    await running.recovered(fault, others)
    await start(victims)
    await running.fleet.even()


async def kill(running: Trial, victims: Sequence[Server]) -> None:
    """Kill them at once; all that they sent has come in then."""
    pids = [victim.pid for victim in victims]
    await asyncio.gather(*(victim.kill() for victim in victims))
    receiver = running.receiver
    await until(lambda: not receiver.connected(pids), what="the end of their connections")


async def start(servers: Sequence[Server]) -> None:
    """Start them again."""
    for server in servers:
        await server.start()
