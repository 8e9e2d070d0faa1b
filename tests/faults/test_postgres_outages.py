"""The database ends connections, or is restarted, or dies: when it is back, all go on, and nothing
that it had acknowledged is gone."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from fleet import Fleet
from server_process import Server
from trial import SEEDS, Tell, trial

from offhook.testing.servers.postgres import PostgresServer


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
async def test_processes_whose_connections_are_ended_make_new_ones_and_go_on(
    tmp_path: Path, seed: int, tell: Tell
) -> None:
    fleet = Fleet(tmp_path)
    async with trial(fleet, seed=seed, tell=tell) as running:
        for name, victims in (
            ("pg_terminate_backend, one engine", [running.rnd.choice(fleet.engines)]),
            ("pg_terminate_backend, everybody", fleet.servers),
        ):
            fault = await running.suffer(name, terminating(fleet, victims), victims)
            await running.recovered(fault)


def terminating(fleet: Fleet, victims: Sequence[Server]) -> Callable[[], Awaitable[None]]:
    async def terminate() -> None:
        backends = await fleet.backends_of(victims)
        assert len(backends) >= 2 * len(victims)
        await fleet.lookout.terminate(backends)

    return terminate


def fast(postgres: PostgresServer) -> None:
    postgres.restart()


def immediate(postgres: PostgresServer) -> None:
    postgres.restart(immediate=True)


def killed(postgres: PostgresServer) -> None:
    postgres.kill()
    postgres.start()


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
async def test_a_database_that_went_away_is_found_again(
    tmp_path: Path, seed: int, tell: Tell
) -> None:
    fleet = Fleet(tmp_path)
    async with trial(fleet, seed=seed, tell=tell) as running:
        for name, restart in (
            ("PostgreSQL restarted, fast", fast),
            ("PostgreSQL restarted, immediate", immediate),
            ("PostgreSQL killed, restarted", killed),
        ):
            fault = await running.suffer(name, in_thread(restart, fleet), fleet.engines)
            await running.recovered(fault)


def in_thread(
    restart: Callable[[PostgresServer], None], fleet: Fleet
) -> Callable[[], "asyncio.Future[None]"]:
    """While it goes on, the load does too."""
    return lambda: asyncio.ensure_future(asyncio.to_thread(restart, fleet.postgres))
