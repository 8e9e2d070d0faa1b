"""The demo's child processes: started, watched, and always stopped."""

import asyncio
import os
import sys
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Final, Self, TypeVar

from offhook.demo.errors import DemoFailed

_LAST_WORDS_S: Final = 0.5
_T = TypeVar("_T")


def clean_environment(added: Mapping[str, str]) -> dict[str, str]:
    """This process's environment without any of Offhook's settings, and with these."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("OFFHOOK_")}
    return inherited | dict(added)


class Child:
    """One process, running ``python -m`` and the command; ``<name>.log`` in the folder that it
    runs in takes what it says.

    An async context manager: leaving it stops the process, first with SIGTERM, after ``grace_s``
    with SIGKILL.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        grace_s: float = 10.0,
    ) -> None:
        self._name = name
        self._command = command
        self._environment = environment
        self._folder = folder
        self._grace_s = grace_s
        self._log = folder / f"{name}.log"
        self._process: asyncio.subprocess.Process

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._process.returncode is None:
            await self.stop()

    @property
    def pid(self) -> int:
        """The number of the process that was started last."""
        return self._process.pid

    async def start(self) -> None:
        """Start it; once it has ended, start it again."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", *self._command),
                env=self._environment,
                cwd=self._folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C is for the demo, which then stops its children in order.
                start_new_session=True,
            )

    async def stop(self) -> int:
        """Ask it to end, and after ``grace_s`` make it; returns the exit code."""
        self._process.terminate()
        try:
            return await asyncio.wait_for(self._process.wait(), self._grace_s)
        except TimeoutError:
            return await self.kill()

    async def kill(self) -> int:
        """End it by SIGKILL, from one instruction to the next; returns the exit code."""
        self._process.kill()
        return await self._process.wait()

    async def died(self) -> DemoFailed:
        """Wait for the process to end, which it should not; tells how it ended."""
        code = await self._process.wait()
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        last = self._last_words()
        return DemoFailed(f"the {self._name} {how}{f': {last}' if last else ''}")

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else ""


async def unless_dead(work: Coroutine[None, None, _T], *children: Child) -> _T:
    """The work's result, unless one of the children ends first: that raises ``DemoFailed``.

    Work that fails because a child has just died is reported as that death.
    """
    working = asyncio.ensure_future(work)
    dying = [asyncio.ensure_future(child.died()) for child in children]
    try:
        await asyncio.wait([working, *dying], return_when=asyncio.FIRST_COMPLETED)
        if working.done() and working.exception() is not None:
            await asyncio.wait(dying, timeout=_LAST_WORDS_S, return_when=asyncio.FIRST_COMPLETED)
        for death in dying:
            if death.done():
                raise death.result()
        return working.result()
    finally:
        for task in (working, *dying):
            task.cancel()
        await asyncio.gather(working, *dying, return_exceptions=True)
