"""Days go from PostgreSQL beside everything else: nobody waits for it, and what was begun is
finished, whoever began it."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from processes import connected, opened, several

from offhook.delivery.entries import PartitionChanges, PendingState
from offhook.log.entries import Trimmed
from offhook.model.errors import Unavailable
from offhook.model.event import LogEvent
from offhook.store.keyring import PROCESS_OWN
from offhook.store.postgres import PostgresStore, retention
from offhook.store.postgres.session import Session
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import (
    WEBHOOK,
    appended,
    attempt_on,
    lease_for,
    make_webhook,
    pending_for,
    placed,
    plain,
    whole_log,
)

DAY_S = 86_400.0
AGE_MS = 30 * 86_400_000
OUTER_S = 60.0

TRIMMER = """
import asyncio, os, signal, sys
from offhook.store.keyring import Keyring
from offhook.store.postgres import open_postgres
from offhook.store.postgres.session import Session
from offhook.testing.clock import FakeClock

url, last, days = sys.argv[1], sys.argv[2], float(sys.argv[3])
script = Session.script

async def dying(self, text):
    if last in text:
        os.kill(os.getpid(), signal.SIGKILL)
    await script(self, text)

async def main():
    clock = FakeClock()
    clock.advance(days * 86_400)
    store = await open_postgres(url, clock=clock, keyring=Keyring(sys.argv[4:]))
    Session.script = dying
    print("trims", flush=True)
    await store.retention.trim_events(30 * 86_400_000)

asyncio.run(main())
"""


async def days(beside: asyncpg.Connection, parent: str = "event") -> dict[str, str]:
    """How each day's table of today or before stands to its parent."""
    rows = await beside.fetch(
        "SELECT relname, CASE WHEN inhdetachpending THEN 'detaching' WHEN inhrelid IS NULL "
        "THEN 'detached' ELSE 'attached' END FROM pg_class LEFT JOIN pg_inherits ON inhrelid = oid "
        "WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace "
        "AND relname ~ ('^' || $1::text || '_[0-9]+$') ORDER BY relname",
        parent,
    )
    return {row[0]: row[1] for row in rows}


async def trim_all(store: PostgresStore) -> Trimmed:
    while (trimmed := await store.retention.trim_events(AGE_MS)).more:
        pass
    return trimmed


@asynccontextmanager
async def report(url: str) -> AsyncIterator[asyncpg.Connection]:
    """Somebody reads the log in one long transaction."""
    async with connected(url) as connection, connection.transaction(isolation="repeatable_read"):
        await connection.fetch("SELECT count(*) FROM event")
        yield connection


async def old_and_pending(store: PostgresStore, clock: FakeClock) -> list[LogEvent]:
    """Two days of events that were read, one of which a delivery still names; then it is today."""
    await make_webhook(store)
    events = await placed(store, plain("k"), plain("k"))
    clock.advance(DAY_S)
    events += await placed(store, plain("k"))
    lease = await lease_for(store, "k")
    row = pending_for(events[0], PendingState.RETRY, due_ms=1)
    attempts = (attempt_on(events[1], accepted=True),)
    changes = PartitionChanges(lease, events[2].position, attempts=attempts, rows=(row,))
    await store.dispatch.apply([changes])
    clock.advance(40 * DAY_S)
    return events


async def due(store: PostgresStore, event: LogEvent) -> list[LogEvent]:
    found = await store.dispatch.due([event.partition], 10, [])
    return [item.event for item in found.items]


async def test_a_report_holds_up_neither_appends_nor_deliveries_while_days_go(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(retention.IMPATIENT, "lock_timeout", "10000")
    clock = FakeClock()
    async with connected(postgres_url) as beside, opened(postgres_url, clock=clock) as store:
        events = await old_and_pending(store, clock)
        async with asyncio.timeout(OUTER_S), report(postgres_url) as reader:
            trimming = asyncio.create_task(trim_all(store))
            while "detaching" not in (await days(beside)).values():
                assert not trimming.done()
                await asyncio.sleep(0.01)
            for number in range(5):
                [event] = await placed(store, plain("k", number))
                assert await due(store, events[0]) == [events[0]]
                lease = await lease_for(store, "k", owner=f"owner-{number}")
                made = (attempt_on(event, accepted=True),)
                changes = PartitionChanges(lease, event.position, attempts=made)
                assert not (await store.dispatch.apply([changes])).lost
                clock.advance(11)
            assert not trimming.done(), "all of this went on while somebody was waited for"
            with pytest.raises(Unavailable, match="tried again"):
                await trimming
            assert await reader.fetchval("SELECT count(*) FROM event") == len(events)
        await trim_all(store)
        left = await whole_log(store)
        assert len(left) == 5
        assert await due(store, events[0]) == [events[0]]
        assert not [name for name, stands in (await days(beside)).items() if stands != "attached"]


@pytest.mark.parametrize(
    ("last", "left"), [("CONCURRENTLY", "attached"), ("DROP TABLE", "detached")]
)
async def test_what_a_killed_process_began_the_next_one_finishes(
    postgres_url: str, last: str, left: str
) -> None:
    clock = FakeClock()
    async with connected(postgres_url) as beside, opened(postgres_url, clock=clock) as store:
        events = await old_and_pending(store, clock)
        first = next(iter(await days(beside)))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", TRIMMER, postgres_url, last, "41", *PROCESS_OWN.read()
        )
        async with asyncio.timeout(OUTER_S):
            assert await process.wait() == -signal.SIGKILL
        assert (await days(beside))[first] == left
        assert await due(store, events[0]) == [events[0]]
        await finished(store, beside, first)
        assert await whole_log(store) == []
        assert await due(store, events[0]) == [events[0]]
        [event] = await placed(store, plain("k"))
        assert (event.position, event.sequence) == (4, 4)


async def test_a_process_killed_while_it_waited_for_a_report_leaves_what_the_next_one_finishes(
    postgres_url: str,
) -> None:
    clock = FakeClock()
    async with connected(postgres_url) as beside, opened(postgres_url, clock=clock) as store:
        events = await old_and_pending(store, clock)
        first = next(iter(await days(beside)))
        async with asyncio.timeout(OUTER_S), report(postgres_url):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", TRIMMER, postgres_url, "never", "41", *PROCESS_OWN.read()
            )
            while (await days(beside))[first] != "detaching":
                await asyncio.sleep(0.01)
            process.kill()
            await process.wait()
            assert await due(store, events[0]) == [events[0]]
            assert [event.position for event in await whole_log(store)] == [3]
        await finished(store, beside, first)
        assert await due(store, events[0]) == [events[0]]


async def test_processes_that_trim_at_once_do_it_once(postgres18_url: str) -> None:
    clock = FakeClock()
    async with connected(postgres18_url) as beside, several(postgres18_url, 3, clock=clock) as all_:
        events = await old_and_pending(all_[0], clock)
        while await whole_log(all_[0]):
            await asyncio.gather(*map(trim_all, all_))
        assert await due(all_[1], events[0]) == [events[0]]
        assert not [name for name, stands in (await days(beside)).items() if stands != "attached"]


async def test_a_row_that_is_written_while_its_day_goes_finds_its_event(
    postgres18_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, script = FakeClock(), Session.script
    async with opened(postgres18_url, clock=clock) as store:
        events = await old_and_pending(store, clock)
        lease = await lease_for(store, "k", owner="late")

        async def late(session: Session, text: str) -> None:
            if "CONCURRENTLY" in text:
                row = pending_for(events[1], PendingState.RETRY, due_ms=2)
                await store.dispatch.apply(
                    [PartitionChanges(lease, events[2].position, rows=(row,))]
                )
            await script(session, text)

        monkeypatch.setattr(Session, "script", late)
        await trim_all(store)
        assert await whole_log(store) == []
        assert await due(store, events[0]) == [events[0]]
        assert await store.feed.event(events[1].account, events[1].id) == events[1]


async def test_a_day_of_attempts_waits_for_deliveries_that_are_still_tried_and_says_so(
    postgres18_url: str,
) -> None:
    clock = FakeClock()
    async with connected(postgres18_url) as beside, opened(postgres18_url, clock=clock) as store:
        events = await old_and_pending(store, clock)
        trimmed = await store.retention.trim_attempts(AGE_MS)
        assert trimmed.blocked is not None
        assert (trimmed.blocked.by, trimmed.more) == ("deliveries that are still tried", False)
        lease = await lease_for(store, "k", owner="late")
        settled = ((WEBHOOK, events[0].position),)
        await store.dispatch.apply([PartitionChanges(lease, events[2].position, settled=settled)])
        while (await store.retention.trim_attempts(AGE_MS)).more:
            pass
        assert await beside.fetchval("SELECT count(*) FROM attempt") == 0


async def test_a_log_that_is_all_gone_goes_on_after_its_clock_was_set_back(
    postgres18_url: str,
) -> None:
    """The table of the day that the clock says may be one that went."""
    clock = FakeClock()
    async with opened(postgres18_url, clock=clock) as store:
        await appended(store, plain("k"))
        clock.advance(40 * DAY_S)
        await trim_all(store)
        clock.advance(-40 * DAY_S)
        [event] = await placed(
            store,
            plain("k"),
        )
        assert (event.position, event.sequence) == (2, 2)


async def finished(store: PostgresStore, beside: asyncpg.Connection, day: str) -> None:
    """Trim until this day is gone: the server may take a moment to notice who died."""
    async with asyncio.timeout(OUTER_S):
        while day in await days(beside):
            await trim_all(store)
            await asyncio.sleep(0.01)
    await trim_all(store)
