"""Timers that fall due become facts; what they stand for happens once, also after a restart."""

from collections.abc import AsyncIterator

import pytest

from offhook.log.appender import Appender
from offhook.log.entries import Submission
from offhook.log.fold import fold
from offhook.log.timers import Timers
from offhook.model.fact import FoldContext
from offhook.store.sqlite import SqliteStore, open_sqlite
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import append, call_fact, call_named, whole_log

SETTLED_BY_S = 3_600


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store(clock: FakeClock) -> AsyncIterator[SqliteStore]:
    opened = open_sqlite(None, clock=clock)
    yield opened
    await opened.close()


def timers_of(
    store: SqliteStore, appender: Appender, clock: FakeClock, owner: str = "me"
) -> Timers:
    return Timers(
        store=store.timers,
        leases=store.leases,
        appender=appender,
        clock=clock,
        owner=owner,
        lease_s=60,
    )


@pytest.fixture
async def timers(store: SqliteStore, clock: FakeClock) -> AsyncIterator[Timers]:
    appender = Appender(store=store.log, fold=fold)
    appender.start()
    yield timers_of(store, appender, clock)
    await appender.stop()


async def end_call(store: SqliteStore, clock: FakeClock, name: str = "1") -> None:
    """A call that ended, and settles once nothing more was heard of it for a while."""
    await append(store, call_fact(name, at=clock.now()))
    await append(store, call_fact(name, "call.ended", at=clock.now()))


async def due_in_s(store: SqliteStore, clock: FakeClock) -> float:
    due_ms = await store.timers.next_timer_ms([0])
    assert due_ms is not None
    return due_ms / 1000 - clock.now().timestamp()


async def test_without_timers_it_looks_again_in_a_second(timers: Timers) -> None:
    assert await timers.run_once() == 1.0


async def test_a_timer_fires_once_it_is_due_and_not_again(
    timers: Timers, store: SqliteStore, clock: FakeClock
) -> None:
    await end_call(store, clock)
    before = await whole_log(store)
    clock.advance(await due_in_s(store, clock) - 0.2)
    assert await timers.run_once() == pytest.approx(0.2, abs=0.01)
    assert await whole_log(store) == before
    clock.advance(0.2)
    await timers.run_once()
    after = await whole_log(store)
    assert len(after) > len(before)
    assert {event.key for event in after} == {call_named("1")}
    assert await store.timers.due_timers([0], 10) == []
    await timers.run_once()
    assert await whole_log(store) == after


async def test_many_at_once_are_all_fired(
    timers: Timers, store: SqliteStore, clock: FakeClock
) -> None:
    for number in range(520):
        await append(
            store,
            call_fact(str(number), at=clock.now()),
            call_fact(str(number), "call.ended", at=clock.now()),
        )
    clock.advance(SETTLED_BY_S)
    assert await timers.run_once() == 0.0
    await timers.run_once()
    assert await store.timers.due_timers([0], 10) == []


async def test_a_timer_whose_fact_is_refused_is_not_tried_in_a_circle(
    store: SqliteStore, clock: FakeClock
) -> None:
    def broken(_fact: Submission, _row: object, _context: FoldContext) -> None:
        raise RuntimeError("cannot be folded")

    await end_call(store, clock)
    clock.advance(SETTLED_BY_S)
    appender = Appender(store=store.log, fold=broken)
    appender.start()
    timers = timers_of(store, appender, clock)
    assert await timers.run_once() == 1.0
    await appender.stop()


async def test_only_the_owner_of_a_partition_fires_its_timers_until_it_stops(
    store: SqliteStore, clock: FakeClock
) -> None:
    appender = Appender(store=store.log, fold=fold)
    appender.start()
    first, second = (timers_of(store, appender, clock, owner) for owner in ("first", "second"))
    await first.run_once()
    await end_call(store, clock)
    clock.advance(15)
    await second.run_once()
    assert len(await store.timers.due_timers([0], 10)) == 1
    await first.stop()
    second.hasten()
    await second.run_once()
    assert await store.timers.due_timers([0], 10) == []
    await appender.stop()


async def test_a_member_that_is_to_have_less_gives_back_at_once(
    store: SqliteStore, clock: FakeClock
) -> None:
    appender = Appender(store=store.log, fold=fold)
    appender.start()
    late, early = (timers_of(store, appender, clock, owner) for owner in ("late", "early"))
    for timers in (late, early, late, early):
        timers.hasten()
        await timers.run_once()
    await end_call(store, clock)
    clock.advance(15)
    await late.run_once()
    assert len(await store.timers.due_timers([0], 10)) == 1
    await early.run_once()
    assert await store.timers.due_timers([0], 10) == []
    await appender.stop()
