"""Waiting until every process that delivers has taken over a change of the configuration."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from offhook.clock import Clock

LONGEST_WAIT_S = 10.0
_STEPS_S = (0.01, 0.02, 0.05, 0.1, 0.25)


class RolloutStore(Protocol):
    """By which configuration the processes deliver that are alive."""

    async def config_version(self) -> int:
        """The version of what is committed now."""
        ...

    async def engines_behind(self, version: int) -> int:
        """How many of them may still send something by an older configuration than this."""
        ...


class Rollout:
    """Waits for a change that was committed to be in force everywhere."""

    def __init__(
        self,
        store: RolloutStore,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._clock = clock
        self._sleep = sleep

    async def wait(self, longest_s: float = LONGEST_WAIT_S) -> int:
        """Return once nothing is sent any more by what was before this call, or after that long;
        says how many processes are still behind. With none alive there is nothing to wait for."""
        version = await self._store.config_version()
        ends_s = self._clock.monotonic() + longest_s
        waits = iter(_STEPS_S)
        while behind := await self._store.engines_behind(version):
            if self._clock.monotonic() >= ends_s:
                return behind
            await self._sleep(next(waits, _STEPS_S[-1]))
        return 0
