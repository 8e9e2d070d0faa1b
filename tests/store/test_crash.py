"""What was acknowledged is there, whatever happens to the process or to the disk."""

import asyncio
import signal
import sys
from pathlib import Path

import apsw
import pytest

from offhook.log.entries import Appended
from offhook.log.fold import fold
from offhook.model.ids import DEFAULT_ACCOUNT
from offhook.store.sqlite import SqliteStore, open_sqlite
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import (
    append,
    appended,
    call_fact,
    call_named,
    plain,
    sequences,
    whole_log,
)

WRITER = """
import asyncio, sys
from pathlib import Path
from offhook.clock import SystemClock
from offhook.store.sqlite import open_sqlite
from offhook.testing.conformance.material import appended, plain

async def main():
    store = open_sqlite(Path(sys.argv[1]), clock=SystemClock())
    for n in range(1_000_000):
        events = await appended(store, *(plain(f"k{i}", n) for i in range(5)))
        print(*(event.id for event in events), flush=True)

asyncio.run(main())
"""


async def test_a_killed_process_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    for _ in range(3):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", WRITER, str(tmp_path), stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        acknowledged = [await process.stdout.readline() for _ in range(20)]
        process.send_signal(signal.SIGKILL)
        rest = (await process.stdout.read()).split(b"\n")[:-1]
        await process.wait()
        store = open_sqlite(tmp_path, clock=FakeClock())
        events = await whole_log(store)
        kept = {event.id for event in events}
        told = [word.decode() for line in (*acknowledged, *rest) for word in line.split()]
        assert set(told) <= kept
        assert [event.position for event in events] == list(range(1, len(events) + 1))
        for key in ("k0", "k4"):
            assert sequences(events, key) == list(range(1, len(events) // 5 + 1))
        await store.close()


async def test_a_full_disk_fails_the_append_whole_and_the_next_one_goes_on(
    store: SqliteStore, clock: FakeClock
) -> None:
    await appended(store, plain("k"), call_fact("1", at=clock.now()))
    before = await whole_log(store)
    raw: apsw.Connection = store._database._main.transaction()
    pages = raw.pragma("page_count")
    raw.pragma("max_page_count", pages)
    big = [plain("k", data=b"x" * 5_000) for _ in range(100)]
    with pytest.raises(apsw.FullError):
        await append(store, *big, call_fact("1", "call.answered", at=clock.now()))
    assert await whole_log(store) == before
    raw.pragma("max_page_count", pages + 10_000)
    outcomes = await append(store, *big, call_fact("1", "call.answered", at=clock.now()))
    assert all(isinstance(outcome, Appended) for outcome in outcomes)
    assert sequences(await whole_log(store), "k") == list(range(1, 102))
    assert sequences(await whole_log(store), call_named("1")) == [1, 2]
    call = await store.calls.call(DEFAULT_ACCOUNT, call_named("1"))
    assert call is not None
    assert call.data.status == "answered"


async def test_a_full_disk_fails_those_who_share_the_commit_and_none_is_half_written(
    store: SqliteStore,
) -> None:
    raw: apsw.Connection = store._database._main.transaction()
    raw.pragma("max_page_count", raw.pragma("page_count"))
    outcomes = await asyncio.gather(
        store.keys.put_account(DEFAULT_ACCOUNT, "Default"),
        *(store.log.append([plain(f"k{n}", data=b"x" * 5_000)] * 100, fold) for n in range(4)),
        return_exceptions=True,
    )
    assert any(isinstance(outcome, apsw.FullError) for outcome in outcomes)
    raw.pragma("max_page_count", 1_000_000)
    written = len(await whole_log(store))
    assert written == 100 * sum(isinstance(outcome, list) for outcome in outcomes)
