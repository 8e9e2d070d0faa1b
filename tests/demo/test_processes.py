"""Children are always stopped, and one that dies is reported with its last words."""

import asyncio
import os
from pathlib import Path

import pytest

from offhook.demo.errors import DemoFailed
from offhook.demo.processes import Child, clean_environment, unless_dead
from offhook.testing.servers.ports import free_port

OBEDIENT = "import time\nopen('up', 'w').close()\ntime.sleep(60)\n"
STUBBORN = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + OBEDIENT
BROKEN = "import sys\nprint('first')\nsys.exit('the port is taken')\n"


def child(folder: Path, source: str, grace_s: float = 10) -> Child:
    (folder / "program.py").write_text(source)
    return Child("program", ["program"], clean_environment({}), folder, grace_s)


async def is_up(folder: Path) -> None:
    while not (folder / "up").exists():
        await asyncio.sleep(0.01)


def pid_of(running: Child) -> int:
    return running._process.pid


@pytest.mark.parametrize("source", [OBEDIENT, STUBBORN])
async def test_a_child_is_gone_after_the_block_even_if_it_ignores_the_request(
    tmp_path: Path, source: str
) -> None:
    async with child(tmp_path, source, grace_s=0.2) as running:
        await is_up(tmp_path)
    with pytest.raises(ProcessLookupError):
        os.kill(pid_of(running), 0)


async def test_a_child_is_gone_after_the_block_is_left_by_an_error(tmp_path: Path) -> None:
    running = child(tmp_path, OBEDIENT)
    with pytest.raises(DemoFailed):
        await stop_by_error(running, tmp_path)
    with pytest.raises(ProcessLookupError):
        os.kill(pid_of(running), 0)


async def stop_by_error(running: Child, folder: Path) -> None:
    async with running:
        await is_up(folder)
        raise DemoFailed


async def test_a_death_ends_the_work_and_is_told_with_the_last_words(tmp_path: Path) -> None:
    async with child(tmp_path, BROKEN) as running:
        with pytest.raises(DemoFailed, match="program ended with exit code 1: the port is taken"):
            await unless_dead(asyncio.Event().wait(), running)


async def test_work_that_fails_because_a_child_died_is_reported_as_the_death(
    tmp_path: Path,
) -> None:
    async def cut_off() -> None:
        raise DemoFailed("no answer")

    async with child(tmp_path, BROKEN) as running:
        await running._process.wait()
        with pytest.raises(DemoFailed, match="the port is taken"):
            await unless_dead(cut_off(), running)


async def test_work_that_fails_by_itself_is_reported_as_it_is(tmp_path: Path) -> None:
    async def refuse() -> None:
        raise DemoFailed("refused")

    async with child(tmp_path, OBEDIENT) as running:
        with pytest.raises(DemoFailed, match="refused"):
            await unless_dead(refuse(), running)


async def test_the_result_of_work_is_given_while_the_children_live(tmp_path: Path) -> None:
    async def work() -> int:
        return 7

    async with child(tmp_path, OBEDIENT) as running:
        assert await unless_dead(work(), running) == 7


def test_settings_of_the_user_do_not_reach_the_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFHOOK_DATA", "elsewhere")
    monkeypatch.setenv("UNRELATED", "kept")
    environment = clean_environment({"OFFHOOK_PORT": "1"})
    assert "OFFHOOK_DATA" not in environment
    assert environment["OFFHOOK_PORT"] == "1"
    assert environment["UNRELATED"] == "kept"


async def test_a_free_port_can_be_listened_on() -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", free_port())
    server.close()
    await server.wait_closed()
