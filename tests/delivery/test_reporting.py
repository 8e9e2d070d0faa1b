"""Health is written seldom, at changes at once; nothing is lost while the store is away."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from pieces import endpoint

from offhook.delivery.announcing import HealthNote
from offhook.delivery.engine.reporting import HealthReporter
from offhook.delivery.health import UNTRIED, EndpointHealth, HealthStatus, merge
from offhook.model.event import to_ms
from offhook.model.ids import WebhookId
from offhook.testing.clock import FakeClock

CRM, ADS = WebhookId("wh_crm"), WebhookId("wh_ads")


class Desk:
    """A reporter, and the store that it writes to."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.reporter = HealthReporter(store=self, clock=self.clock)
        self.written: list[Mapping[WebhookId, EndpointHealth]] = []
        self.away = False

    async def note_health(self, notes: Sequence[HealthNote]) -> dict[WebhookId, EndpointHealth]:
        if self.away:
            raise OSError("the disk is full")
        self.written.append({note.webhook: note.seen for note in notes})
        return {note.webhook: self.total(note.webhook) for note in notes}

    def note(self, webhook: WebhookId, *, accepted: bool, **given: object) -> None:
        told = endpoint(webhook.removeprefix("wh_"), **given)
        self.reporter.note(told, accepted=accepted, at_ms=to_ms(self.clock.now()))

    async def run(self, seconds: float = 0.0) -> None:
        self.clock.advance(seconds)
        self.reporter.start()
        for _ in range(3):
            await asyncio.sleep(0)

    def total(self, webhook: WebhookId = CRM) -> EndpointHealth:
        health = UNTRIED
        for seen in self.written:
            health = merge(health, seen.get(webhook, UNTRIED))
        return health


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_failures_are_written_once_a_second_however_many_there_are(desk: Desk) -> None:
    for _ in range(40):
        desk.note(CRM, accepted=False)
        await desk.run(0.1)
    assert len(desk.written) == 4
    await desk.reporter.finish(1)
    assert desk.total().failures == 40


async def test_that_all_is_still_well_is_written_every_five_seconds(desk: Desk) -> None:
    for _ in range(100):
        desk.note(CRM, accepted=True)
        await desk.run(0.1)
    assert len(desk.written) == 2


async def test_a_change_is_written_at_once(desk: Desk) -> None:
    desk.note(CRM, accepted=True)
    await desk.run()
    desk.clock.advance(1)
    desk.note(CRM, accepted=False)
    await desk.run()
    assert desk.total().status is HealthStatus.FAILING
    desk.clock.advance(1)
    desk.note(CRM, accepted=True)
    await desk.run()
    assert desk.total().status is HealthStatus.HEALTHY


async def test_endpoints_are_written_together(desk: Desk) -> None:
    desk.note(CRM, accepted=True)
    desk.note(ADS, accepted=False)
    await desk.run()
    [both] = desk.written
    assert both.keys() == {CRM, ADS}


async def test_with_the_store_away_nothing_is_forgotten(desk: Desk) -> None:
    desk.away = True
    began_ms = to_ms(desk.clock.now())
    for _ in range(5):
        desk.note(CRM, accepted=False)
        await desk.run(1)
    desk.away = False
    await desk.run(1)
    assert desk.total() == EndpointHealth(5, began_ms, began_ms + 4000)


async def test_a_store_that_hangs_does_not_keep_it_from_ending(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(_seen: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(desk, "note_health", hang)
    desk.note(CRM, accepted=False)
    await desk.run()
    await asyncio.wait_for(desk.reporter.finish(0.01), 30)


async def test_what_is_hopeless_is_handed_out_once(desk: Desk) -> None:
    for _ in range(10):
        desk.note(CRM, accepted=False)
        await desk.run(11 * 3600)
    assert desk.reporter.take_hopeless() == []
    desk.note(CRM, accepted=False)
    await desk.run(11 * 3600)
    [found] = desk.reporter.take_hopeless()
    assert (found.webhook, found.seen.failures) == (CRM, 11)
    assert desk.reporter.take_hopeless() == []


async def test_what_was_seen_at_another_url_does_not_count_and_is_not_mixed_in(desk: Desk) -> None:
    desk.away = True
    desk.note(CRM, accepted=False)
    desk.note(CRM, accepted=False)
    desk.note(CRM, accepted=False, url="https://new.example/hook", revision=2)
    await desk.run()
    desk.note(CRM, accepted=False, url="https://newest.example/hook", revision=3)
    desk.away = False
    await desk.run(1)
    assert desk.total().failures == 1


async def test_nothing_is_kept_of_endpoints_that_are_gone_or_were_told_of_long_ago(
    desk: Desk,
) -> None:
    desk.note(CRM, accepted=False)
    desk.reporter.forget(CRM)
    await desk.run()
    assert desk.written == []
    for number in range(100):
        desk.note(WebhookId(f"wh_{number}"), accepted=True)
        await desk.run(1)
    assert len(desk.reporter._told) <= 5
