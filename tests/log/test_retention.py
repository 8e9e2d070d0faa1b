"""Retention works in small pieces, says what holds it up, and stops for nothing."""

import pytest
from structlog.testing import capture_logs

from offhook.log.entries import Blocked, Trimmed
from offhook.log.retention import Ages, Retention
from offhook.model.errors import Unavailable

DAY_MS = 86_400_000
HOUR_S = 3600.0


class Scripted:
    """A store of which each step comes to what was said, and writes down that it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.says: dict[str, list[Trimmed | Exception]] = {}

    async def trim_events(self, age_ms: int) -> Trimmed:
        return self._step("events", age_ms)

    async def trim_attempts(self, age_ms: int) -> Trimmed:
        return self._step("attempts", age_ms)

    async def trim_given_up(self, age_ms: int) -> Trimmed:
        return self._step("given up", age_ms)

    async def trim_replays(self, age_ms: int) -> Trimmed:
        return self._step("replays", age_ms)

    async def trim_deleted(self) -> Trimmed:
        return self._step("deleted", 0)

    async def release_events(self) -> Trimmed:
        return self._step("kept", 0)

    def _step(self, name: str, age_ms: int) -> Trimmed:
        self.asked.append((name, age_ms // DAY_MS))
        said = self.says.get(name, [])
        answer = said.pop(0) if said else Trimmed()
        if isinstance(answer, Exception):
            raise answer
        return answer


class Scene:
    """A service over a scripted store."""

    def __init__(self, ages: Ages) -> None:
        self.store = Scripted()
        self.busy = False
        self.told: list[float] = []
        self.service = Retention(
            store=self.store, ages=ages, busy=lambda: self.busy, on_blocked=self.told.append
        )

    async def round(self) -> list[float]:
        """The waits of one round, the last of which is until the next."""
        waits = [await self.service.run_once()]
        while waits[-1] < 1:
            waits.append(await self.service.run_once())
        return waits


@pytest.fixture
async def scene() -> Scene:
    scene = Scene(Ages(90, 30, 60))
    assert await scene.service.run_once() == 60
    assert scene.store.asked == []
    return scene


async def test_a_round_takes_each_kind_at_its_own_age_and_then_rests(scene: Scene) -> None:
    assert await scene.round() == [0.01] * 5 + [HOUR_S]
    assert scene.store.asked == [
        ("kept", 0),
        ("deleted", 0),
        ("events", 90),
        ("attempts", 30),
        ("given up", 60),
        ("replays", 30),
    ]
    assert scene.told == [0.0]


async def test_what_has_more_is_asked_again_and_longer_apart_while_appends_wait(
    scene: Scene,
) -> None:
    scene.busy = True
    scene.store.says["events"] = [Trimmed(more=True), Trimmed(more=True), Trimmed()]
    assert await scene.round() == [0.25] * 7 + [HOUR_S]
    assert [name for name, _ in scene.store.asked].count("events") == 3


async def test_what_is_kept_for_ever_is_not_asked_for() -> None:
    scene = Scene(Ages(0, 0, 0))
    await scene.service.run_once()
    assert await scene.round() == [0.01, HOUR_S]
    assert scene.store.asked == [("kept", 0), ("deleted", 0)]


async def test_who_holds_it_up_is_told_until_nobody_does(scene: Scene) -> None:
    scene.store.says["events"] = [Trimmed(blocked=Blocked("deliver", 3, 7_200_000))]
    scene.store.says["attempts"] = [Trimmed(blocked=Blocked("wh_a", None, 5_000))]
    with capture_logs() as logs:
        await scene.round()
        await scene.round()
    assert scene.told == [7_200.0, 0.0]
    [first, second] = [line for line in logs if line["event"] == "retention_blocked"]
    assert (first["by"], first["partition"], first["overdue_s"]) == ("deliver", 3, 7_200.0)
    assert (second["by"], second["log_level"]) == ("wh_a", "warning")


async def test_what_cannot_be_done_now_is_tried_soon_and_keeps_nothing_else(scene: Scene) -> None:
    scene.store.says["events"] = [Unavailable("somebody reads the day that is to go")]
    with capture_logs() as logs:
        assert await scene.round() == [0.01] * 5 + [60]
    assert [line["event"] for line in logs] == ["retention_delayed"]
    assert scene.store.asked[-1] == ("replays", 30)
    assert (await scene.round())[-1] == HOUR_S
