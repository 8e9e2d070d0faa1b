"""What the README shows is what happens: its blocks are taken from it and run, in their order."""

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from offhook.demo.processes import clean_environment
from offhook.testing.servers.ports import free_port

ROOT = Path(__file__).parents[2]
PATIENCE_S = 180


def blocks(language: str) -> list[str]:
    """The section's code blocks in a language; the shell's have none."""
    page = (ROOT / "README.md").read_text()
    section = re.split(r"^## ", page, flags=re.MULTILINE)
    [wanted] = [each for each in section if each.startswith("Sixty seconds")]
    found = re.findall(r"^```(\w*)\n(.*?)^```$", wanted, re.MULTILINE | re.DOTALL)
    return [code for named, code in found if named == language]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder that looks like the project after ``make setup``."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    binaries = tmp_path / ".venv" / "bin"
    binaries.parent.mkdir()
    binaries.symlink_to(Path(sys.executable).parent)
    return tmp_path


@asynccontextmanager
async def shell(script: str, folder: Path) -> AsyncIterator[asyncio.StreamReader]:
    """What a shell that runs this says; all that it started is ended with it."""
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", f"{script}\nwait"),
        cwd=folder,
        env=clean_environment({}),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        await process.stdout.read()
        await process.wait()


def on_free_ports(script: str) -> str:
    server, receiver = free_port(), free_port()
    return (
        script.replace("make setup", f"export OFFHOOK_PORT={server}")
        .replace("localhost:8080", f"localhost:{server}")
        .replace("9000", str(receiver))
    )


def test_the_receiver_shown_is_the_example() -> None:
    assert blocks("python") == [(ROOT / "examples/receiver/hook.py").read_text()]


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("openssl")), reason="needs both")
async def test_sixty_seconds_to_the_first_verified_webhook(checkout: Path) -> None:
    script = on_free_ports("".join(blocks("")))
    said: list[str] = []
    async with shell(script, checkout) as output, asyncio.timeout(PATIENCE_S):
        while not (said and "call.answered call_" in said[-1]):
            line = (await output.readline()).decode()
            assert line, f"it ended: {''.join(said)}"
            said.append(line)
    handled = [re.match(r"(call\.\w+) (call_\w+) (\d+)$", line) for line in said]
    started, answered = (found.groups() for found in handled if found)
    assert (started[0], started[2]) == ("call.started", "1")
    assert (answered[0], answered[2]) == ("call.answered", "2")
    assert started[1] == answered[1]
