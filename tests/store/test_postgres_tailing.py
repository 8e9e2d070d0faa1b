"""What a reader of the log is given by one process among several: nothing left out, nothing old,
and nothing asked for in vain; whatever else goes on in the database."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import ClassVar

import asyncpg
import pytest
from processes import connected, opened, several

from offhook.log.entries import Topic
from offhook.store.postgres import PostgresStore, database, log
from offhook.store.postgres.session import Row, Session, Value, bound
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import appended, make_webhook, plain

OUTER_S = 90.0
DAY_S = 86_400.0
EVERYTHING = 1 << 30


class Watched(Session):
    """A session that counts statements, and does something once after the first of a name."""

    asked: ClassVar[Counter[str]] = Counter()
    then: tuple[str, Callable[[], Awaitable[object]]] | None = None

    async def rows(self, name: str, /, **bindings: Value) -> list[Row]:
        Watched.asked[name] += 1
        found = await super().rows(name, **bindings)
        if Watched.then is not None and Watched.then[0] == name:
            (_, act), Watched.then = Watched.then, None
            await act()
        return found


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> type[Watched]:
    monkeypatch.setattr(database, "Session", Watched)
    monkeypatch.setattr(Watched, "asked", Counter())
    monkeypatch.setattr(Watched, "then", None)
    return Watched


async def read(store: PostgresStore, after: int = 0) -> list[int]:
    """The positions after this one, in the first partition."""
    slice_ = await store.log.read(0, after, 1_000, EVERYTHING)
    return [event.position for event in slice_.events]


async def test_a_process_that_appends_still_reads_what_others_appended_before(
    postgres_url: str,
) -> None:
    """Its own event was created after theirs: that says nothing of where its readers are."""
    early, late = FakeClock(), FakeClock()
    late.advance(DAY_S)
    async with (
        opened(postgres_url, clock=early, partitions=1) as other,
        opened(postgres_url, clock=late) as own,
    ):
        for position in (1, 3, 5):
            assert await read(own, position - 1) == []
            await appended(other, plain("a"))
            late.advance(1)
            await appended(own, plain("b"))
            early.advance(DAY_S)
            assert await read(own, position - 1) == [position, position + 1]
        assert await read(own) == [1, 2, 3, 4, 5, 6]


async def test_a_slice_is_of_one_snapshot_with_its_stamp(
    postgres18_url: str, watched: type[Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An endpoint made in the middle of it has to be seen with the events that come after."""
    monkeypatch.setattr(log, "_AT_ONCE", 2)
    async with several(postgres18_url, 2, partitions=1) as (one, other):
        await appended(other, *(plain("a") for _ in range(3)))

        async def make_and_append() -> None:
            await make_webhook(other)
            await appended(other, plain("a"))

        watched.then = ("events_after", make_and_append)
        first = await one.log.read(0, 0, 1_000, EVERYTHING)
        second = await one.log.read(0, first.read_to, 1_000, EVERYTHING)
    assert [event.position for event in first.events] == [1, 2]
    assert [event.position for event in second.events] == [3, 4]
    assert first.config_version < second.config_version


async def test_a_change_told_of_while_nothing_was_read_is_seen_by_the_next_read(
    postgres18_url: str, watched: type[Watched]
) -> None:
    async with asyncio.timeout(OUTER_S), several(postgres18_url, 2) as (one, other):
        told = asyncio.Event()
        one.subscribe(lambda topics: told.set() if Topic.CONFIG in topics else None)

        async def configure_and_wait() -> None:
            await make_webhook(other)
            await told.wait()

        watched.then = ("events_after", configure_and_wait)
        before = await one.log.read(0, 0, 10, EVERYTHING)
        after = await one.log.read(0, 0, 10, EVERYTHING)
    assert before.config_version < after.config_version


async def test_an_end_that_was_reached_is_asked_for_again_when_somebody_appended(
    postgres18_url: str, watched: type[Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "_TRUSTED_S", OUTER_S)
    async with asyncio.timeout(OUTER_S), several(postgres18_url, 2, partitions=1) as (one, other):
        for _ in range(5):
            assert await read(one) == []
        assert watched.asked["events_after"] == 1
        told = asyncio.Event()
        one.subscribe(lambda _: told.set())
        await appended(other, plain("a"))
        await told.wait()
        assert await read(one) == [1]


async def test_a_process_that_hears_nothing_asks_each_time(
    postgres18_url: str, watched: type[Watched]
) -> None:
    async with several(postgres18_url, 2, partitions=1) as (one, other):
        assert await read(one) == []
        await one._database.notices.close()
        await appended(other, plain("a"))
        assert await read(one) == [1]
        assert watched.asked["events_after"] == 2


async def test_a_long_report_stops_neither_appends_nor_new_days_nor_readers(
    postgres_url: str,
) -> None:
    clock = FakeClock()
    async with (
        asyncio.timeout(OUTER_S),
        connected(postgres_url) as report,
        opened(postgres_url, clock=clock, partitions=1) as store,
    ):
        await appended(store, plain("a"))
        async with report.transaction(isolation="repeatable_read"):
            assert await report.fetchval("SELECT count(*) FROM event") == 1
            for position in range(2, 5):
                clock.advance(DAY_S)
                await appended(store, plain(f"key-{position}"))
                assert await read(store, position - 1) == [position]
            assert await store.upkeep.run_once()
            assert await report.fetchval("SELECT count(*) FROM event") == 1


async def test_under_a_long_report_an_append_and_a_reader_touch_no_more_of_the_database(
    postgres18_url: str,
) -> None:
    """In pages and rows, which do not depend on the machine: a counter of positions would leave a
    dead version for each append, all to be looked at by the next."""
    clock = FakeClock()
    async with (
        connected(postgres18_url) as report,
        connected(postgres18_url) as beside,
        opened(postgres18_url, clock=clock, partitions=1) as store,
    ):
        await appended(store, *(plain(f"before-{at}") for at in range(1_000)))
        async with report.transaction(isolation="repeatable_read"):
            assert await report.fetchval("SELECT count(*) FROM event") == 1_000
            before = await touched(beside, store)
            for at in range(300):
                await appended(store, plain(f"key-{at}"))
            after = await touched(beside, store)
            await store.close()
            # Once, when the first process seals what it signs with.
            assert await updated(beside) <= {"installation"}
    assert all(after[name] <= before[name] + 3 for name in before), (before, after)


async def updated(beside: asyncpg.Connection) -> set[str]:
    """The tables of which any row was ever updated."""
    rows = await beside.fetch(
        "SELECT relname FROM pg_stat_user_tables "
        "WHERE schemaname = current_schema() AND n_tup_upd > 0"
    )
    return {row[0] for row in rows}


async def touched(beside: asyncpg.Connection, store: PostgresStore) -> dict[str, int]:
    """How many pages the statements touch that find the end of a partition."""
    end = await store.log.head(0)
    asked: dict[str, dict[str, Value]] = {
        "heads_locked": {"partitions": [0]},
        "heads_newest": {"partitions": [0], "since_ms": [0], "now_ms": None},
        "events_after": {"partition": 0, "after": end - 1, "since_ms": 0, "limit": 10},
    }
    return {name: await pages(beside, name, bindings) for name, bindings in asked.items()}


async def pages(beside: asyncpg.Connection, name: str, bindings: dict[str, Value]) -> int:
    """How many pages one statement touches."""
    text, arguments = bound(name, bindings)
    explained = await beside.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {text}", *arguments)
    [plan] = json.loads(explained)
    blocks: int = plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]
    return blocks
