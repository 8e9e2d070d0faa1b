"""The store keeps itself: tables are there before their day, and callers' ids go after theirs."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest
from processes import connected, held_up, opened, several

from offhook.log.entries import Appended, IdConflict, Repeated
from offhook.store.postgres import PostgresStore, database
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import append, plain

DAY_S = 86_400.0
OUTER_S = 60.0


async def days(connection: asyncpg.Connection, parent: str) -> set[str]:
    """The days that have a table, as its name tells them."""
    rows = await connection.fetch(
        "SELECT relname FROM pg_class JOIN pg_inherits ON inhrelid = oid "
        "WHERE relkind = 'r' AND inhparent = $1::text::regclass",
        parent,
    )
    return {row[0].removeprefix(f"{parent}_") for row in rows}


def week_from(clock: FakeClock) -> set[str]:
    """Today and the seven days after it."""
    return {f"{clock.now() + timedelta(days=ahead):%Y%m%d}" for ahead in range(8)}


async def settle(store: PostgresStore) -> float:
    """Let it do all that is due; the seconds until it is to be looked at again."""
    while not (wait_s := await store.upkeep.run_once()):
        pass
    return wait_s


async def test_the_tables_of_a_week_are_made_ahead(postgres_url: str) -> None:
    clock = FakeClock()
    async with connected(postgres_url) as beside, opened(postgres_url, clock=clock) as store:
        assert await settle(store) == 3600.0
        first = week_from(clock)
        clock.advance(3 * DAY_S)
        assert await settle(store) == 3600.0
        for parent in ("event", "attempt"):
            assert await days(beside, parent) == first | week_from(clock)


async def test_processes_that_start_together_make_each_table_once(postgres_url: str) -> None:
    clock = FakeClock()
    async with connected(postgres_url) as beside, several(postgres_url, 4, clock=clock) as stores:
        appends = [append(store, plain(f"key-{at}")) for at, store in enumerate(stores)]
        waits_s = await asyncio.gather(*map(settle, stores))
        assert waits_s == [3600.0] * 4
        for [outcome] in await asyncio.gather(*appends):
            assert isinstance(outcome, Appended)
        assert await days(beside, "event") == week_from(clock)


async def test_an_append_waits_for_nobody_who_makes_tables_once_its_day_has_one(
    postgres18_url: str,
) -> None:
    """A long ANALYZE keeps tables from being attached; the one of today is there."""
    clock = FakeClock()
    async with (
        connected(postgres18_url) as holder,
        connected(postgres18_url) as beside,
        opened(postgres18_url, clock=clock) as one,
        opened(postgres18_url, clock=clock) as other,
    ):
        await settle(one)
        clock.advance(DAY_S)
        async with asyncio.timeout(OUTER_S), holder.transaction():
            await holder.execute("LOCK TABLE event IN SHARE UPDATE EXCLUSIVE MODE")
            making = asyncio.create_task(one.upkeep.run_once())
            while not await held_up(holder, beside):
                await asyncio.sleep(0.01)
            [outcome] = await append(other, plain("a"))
            assert isinstance(outcome, Appended)
            assert not making.done()
        await making
        assert await settle(one) == 3600.0
        assert await days(beside, "event") >= week_from(clock)


async def test_what_cannot_be_done_now_is_tried_soon_and_keeps_nothing_else(
    postgres18_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(database.SERVER_SETTINGS, "lock_timeout", "200")
    clock = FakeClock()
    async with connected(postgres18_url) as beside, opened(postgres18_url, clock=clock) as store:
        await append(store, plain("a", given="own"))
        clock.advance(31 * DAY_S)
        async with asyncio.timeout(OUTER_S), beside.transaction():
            await beside.execute("LOCK TABLE event IN SHARE UPDATE EXCLUSIVE MODE")
            assert await settle(store) == 60.0
        assert not await beside.fetchval("SELECT count(*) FROM event_key")


@pytest.mark.parametrize(("number", "answer"), [(1, Repeated), (2, IdConflict)])
async def test_ids_are_known_for_thirty_days(
    postgres18_url: str, number: int, answer: type[Repeated | IdConflict]
) -> None:
    clock = FakeClock()
    async with opened(postgres18_url, clock=clock) as store:
        [first] = await append(store, plain("a", 1, given="own"))
        assert isinstance(first, Appended)
        clock.advance(30 * DAY_S)
        await settle(store)
        assert await append(store, plain("a", number, given="own")) == [answer(first.event)]
        clock.advance(1)
        await settle(store)
        assert await append(store, plain("a", 1, given="own")) == [IdConflict(first.event)]


async def test_ids_go_a_thousand_at_a_time(postgres18_url: str) -> None:
    clock = FakeClock()
    async with connected(postgres18_url) as beside, opened(postgres18_url, clock=clock) as store:
        for part in range(3):
            named = [plain("a", given=f"own-{part}-{at}") for at in range(700)]
            await append(store, *named)
        clock.advance(31 * DAY_S)
        left = []
        wait_s = 0.0
        while not wait_s:
            wait_s = await store.upkeep.run_once()
            left.append(await beside.fetchval("SELECT count(*) FROM event_key"))
        assert left == [1_100, 100, 0]


async def test_members_of_consumers_that_are_no_more_are_forgotten(postgres18_url: str) -> None:
    clock = FakeClock()
    async with connected(postgres18_url) as beside, opened(postgres18_url, clock=clock) as store:
        await store.leases.acquire("gone", "one", 10.0)
        clock.advance(11)
        await store.leases.acquire("here", "two", 10.0)
        await settle(store)
        rows = await beside.fetch("SELECT consumer, owner FROM member")
        assert [tuple(row) for row in rows] == [("here", "two")]
