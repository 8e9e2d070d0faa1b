"""A service runs in steps, is woken, outlives its failures, and stops in order."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from offhook.log import running
from offhook.log.running import Runner

PATIENCE_S = 60.0


class Steps:
    """A service that does what it is told in each step, and writes down what happened."""

    name = "steps"

    def __init__(self) -> None:
        self.log: list[str] = []
        self.plan: Callable[[], float] = lambda: 60.0
        self.stepped = asyncio.Event()

    async def run_once(self) -> float:
        self.log.append("step")
        self.stepped.set()
        await asyncio.sleep(0)
        wait_s = self.plan()
        self.log.append("done")
        return wait_s

    def recover(self) -> None:
        self.log.append("recover")

    async def stop(self) -> None:
        self.log.append("stop")

    async def next_step(self) -> None:
        self.stepped.clear()
        await asyncio.wait_for(self.stepped.wait(), PATIENCE_S)


@pytest.fixture
def steps() -> Steps:
    return Steps()


@pytest.fixture
def wake() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
async def runner(steps: Steps, wake: asyncio.Event) -> AsyncIterator[Runner]:
    made = Runner(steps, wake)
    yield made
    await made.stop()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the runner was ready to wait each time; it does not wait."""
    asked: list[float] = []

    class Hurried:
        sleep = staticmethod(asyncio.sleep)

        @staticmethod
        async def wait_for(waiting: object, timeout_s: float) -> None:
            waiting.close()  # type: ignore[attr-defined]
            asked.append(timeout_s)
            await asyncio.sleep(0)

    monkeypatch.setattr(running, "asyncio", Hurried)
    return asked


async def test_it_waits_as_long_as_the_service_says_but_a_wake_up_ends_it(
    runner: Runner, steps: Steps, wake: asyncio.Event
) -> None:
    runner.start()
    await steps.next_step()
    for _ in range(3):
        wake.set()
        await steps.next_step()
    assert steps.log.count("step") == 4


async def test_without_a_wait_the_next_step_comes_at_once(runner: Runner, steps: Steps) -> None:
    steps.plan = lambda: 0.0
    runner.start()
    for _ in range(5):
        await steps.next_step()


async def test_a_service_that_fails_recovers_and_is_tried_later_and_later(
    steps: Steps, wake: asyncio.Event, pauses: list[float]
) -> None:
    def fail() -> float:
        raise OSError("the store is away")

    steps.plan = fail
    made = Runner(steps, wake)
    made._task = asyncio.create_task(made._run())
    while len(pauses) < 8:
        await steps.next_step()
    steps.plan = lambda: 60.0
    while 60.0 not in pauses:
        await steps.next_step()
    steps.plan = fail
    while pauses[-1] == 60.0:
        await steps.next_step()
    await made.stop()
    assert pauses[:8] == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])
    assert pauses[pauses.index(60.0) :].count(0.1) >= 1
    assert steps.log[:3] == ["step", "recover", "step"]


async def test_stopping_lets_the_step_end_and_then_stops_the_service(
    runner: Runner, steps: Steps
) -> None:
    runner.start()
    await steps.next_step()
    await runner.stop()
    assert steps.log == ["step", "done", "stop"]


async def test_one_that_was_never_started_is_stopped_too(runner: Runner, steps: Steps) -> None:
    await runner.stop()
    assert steps.log == ["stop"]
