"""Attempts are added to the store a second later; nothing is lost while the store is away."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest
from pieces import CRM, delivery, endpoint, sent

from offhook.delivery.entries import Answer
from offhook.delivery.queueing.queues import EndpointQueue
from offhook.delivery.stats.figures import KEPT_MINUTES, Cell, SlotCount, bucket_of
from offhook.delivery.stats.reporting import StatsReporter
from offhook.model.errors import Unavailable
from offhook.model.event import to_ms
from offhook.store.sqlite import open_sqlite
from offhook.store.sqlite.stats import SqliteStats
from offhook.testing.clock import FakeClock


async def test_attempts_are_counted_once_each_and_the_rest_at_the_stop() -> None:
    clock = FakeClock()
    store = open_sqlite(None, clock=clock)
    reporter = StatsReporter(store=store.stats, clock=clock)
    now_ms = to_ms(clock.now())
    made = sent(EndpointQueue(endpoint()), delivery(1), Answer(200, duration_ms=10))
    made = replace(made, started_ms=now_ms)
    for _ in range(3):
        reporter.note(made)
    await reporter.run_once()
    await reporter.run_once()
    reporter.note(made)
    await reporter.stop()
    counts = await store.stats.attempt_counts(CRM, 0, 1)
    assert counts == [SlotCount(now_ms // 60_000, 2, bucket_of(10), 4)]
    await store.close()


async def test_what_the_store_did_not_take_is_added_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = FakeClock()
    store = open_sqlite(None, clock=clock)
    reporter = StatsReporter(store=store.stats, clock=clock)
    made = sent(EndpointQueue(endpoint()), delivery(1), Answer(500))
    made = replace(made, started_ms=to_ms(clock.now()))

    async def away(self: SqliteStats, cells: Mapping[Cell, int]) -> None:
        raise Unavailable("away")

    reporter.note(made)
    with monkeypatch.context() as broken:
        broken.setattr(SqliteStats, "add_attempts", away)
        with pytest.raises(Unavailable):
            await reporter.run_once()
    reporter.note(made)
    await reporter.run_once()
    [count] = await store.stats.attempt_counts(CRM, 0, 1)
    assert (count.status_class, count.attempts) == (5, 2)
    await store.close()


async def test_old_counts_go() -> None:
    clock = FakeClock()
    store = open_sqlite(None, clock=clock)
    now = to_ms(clock.now()) // 60_000
    cells = {Cell(CRM, now - age, 2, 0): 1 for age in (0, KEPT_MINUTES, KEPT_MINUTES + 1)}
    await store.stats.add_attempts(cells)
    await StatsReporter(store=store.stats, clock=clock).run_once()
    counts = await store.stats.attempt_counts(CRM, 0, 1)
    assert sorted(count.slot for count in counts) == [now - KEPT_MINUTES, now]
    await store.close()


async def test_a_store_that_hangs_does_not_keep_the_process_from_stopping(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = FakeClock()
    store = open_sqlite(None, clock=clock)

    async def hangs(self: SqliteStats, cells: Mapping[Cell, int]) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(SqliteStats, "add_attempts", hangs)
    reporter = StatsReporter(store=store.stats, clock=clock)
    reporter.note(sent(EndpointQueue(endpoint()), delivery(1), Answer(200)))
    async with asyncio.timeout(20):
        await reporter.stop()
    await store.close()
