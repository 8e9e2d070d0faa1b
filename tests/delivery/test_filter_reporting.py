"""Faults of filters are written seldom, and none is lost while the store is away."""

import asyncio
from collections.abc import Mapping

import pytest
from pieces import event

from offhook.delivery.engine.filter_reporting import FilterReporter
from offhook.delivery.filter_faults import FilterFaults
from offhook.model.ids import WebhookId
from offhook.testing.clock import FakeClock

CRM = WebhookId("wh_crm")


class Desk:
    """A reporter, and the store that it writes to."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.counted = 0
        self.reporter = FilterReporter(store=self, clock=self.clock, on_fault=self.count)
        self.written: list[Mapping[WebhookId, FilterFaults]] = []
        self.away = False

    def count(self) -> None:
        self.counted += 1

    async def note_filter_faults(self, seen: Mapping[WebhookId, FilterFaults]) -> None:
        if self.away:
            raise OSError("the disk is full")
        self.written.append(seen)

    async def run(self, seconds: float = 0.0) -> None:
        self.clock.advance(seconds)
        self.reporter.start()
        for _ in range(3):
            await asyncio.sleep(0)

    @property
    def errors(self) -> int:
        return sum(seen[CRM].errors for seen in self.written if seen)


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_faults_are_written_once_a_second_and_each_is_counted(desk: Desk) -> None:
    for position in range(40):
        desk.reporter.note(CRM, event(position), "no field")
        await desk.run(0.1)
    assert len(desk.written) <= 5
    await desk.reporter.finish(1)
    assert (desk.errors, desk.counted) == (40, 40)
    assert desk.written[-1][CRM].last_event == "evt_39"


async def test_without_faults_nothing_is_written(desk: Desk) -> None:
    await desk.run(10)
    assert desk.written == []


async def test_what_could_not_be_written_goes_with_what_comes(desk: Desk) -> None:
    desk.away = True
    desk.reporter.note(CRM, event(1), "one")
    await desk.run()
    desk.away = False
    desk.reporter.note(CRM, event(2), "two")
    await desk.run(1)
    assert desk.errors == 2


async def test_stopping_waits_no_longer_than_it_may(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(_: Mapping[WebhookId, FilterFaults]) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(desk, "note_filter_faults", hang)
    desk.reporter.note(CRM, event(1), "one")
    async with asyncio.timeout(30):
        await desk.reporter.finish(0.01)
