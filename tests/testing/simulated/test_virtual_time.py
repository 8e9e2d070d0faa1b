"""Time that passes only when nothing is left to do, and processes that stop between two steps."""

import asyncio
import time

import pytest

from offhook.testing.simulated.virtual_time import (
    Host,
    SpinningError,
    StuckError,
    VirtualLoop,
    virtual_loop,
)


def test_a_day_passes_at_once() -> None:
    began_s = time.monotonic()
    with virtual_loop() as loop:
        loop.run_until_complete(asyncio.sleep(86_400))
        assert loop.time() >= 86_400
    assert time.monotonic() - began_s < 10


def test_what_waits_for_nothing_and_what_never_waits_are_found() -> None:
    async def spin() -> None:
        while True:
            await asyncio.sleep(0)

    with virtual_loop() as loop:
        with pytest.raises(StuckError):
            loop.run_until_complete(asyncio.Event().wait())
        with pytest.raises(SpinningError):
            loop.run_until_complete(spin())


def test_a_host_that_sleeps_goes_on_where_it_was_and_a_dead_one_does_not() -> None:
    seen: list[tuple[str, float]] = []

    async def tick(name: str) -> None:
        for _ in range(5):
            await asyncio.sleep(1)
            seen.append((name, round(asyncio.get_running_loop().time(), 3)))

    async def watch(loop: VirtualLoop) -> None:
        sleeper, mortal = Host("sleeper"), Host("mortal")
        sleeper.start(loop, tick("sleeper"))
        mortal.start(loop, tick("mortal"))
        await asyncio.sleep(1.5)
        sleeper.sleep()
        mortal.die()
        await asyncio.sleep(8)
        sleeper.wake(loop)
        await asyncio.sleep(8)
        mortal.bury()

    with virtual_loop() as loop:
        loop.run_until_complete(watch(loop))
    assert [at for name, at in seen if name == "mortal"] == [1.0]
    assert [at for name, at in seen if name == "sleeper"] == [1.0, 9.5, 10.5, 11.5, 12.5]
