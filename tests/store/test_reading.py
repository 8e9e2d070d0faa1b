"""Whoever reads far behind reads the database, and gets what memory would have given."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from offhook.log.entries import LogSlice
from offhook.store.sqlite import SqliteStore, open_sqlite
from offhook.store.sqlite.connection import open_writer
from offhook.store.sqlite.log import read_log
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import appended, make_webhook, plain


async def test_both_ways_give_the_same(store: SqliteStore, tmp_path: Path) -> None:
    await make_webhook(store)
    for size in (1, 70, 200):
        await appended(
            store,
            *(plain(None, n, data=b"x" * (n % 7), headers={"n": str(n)}) for n in range(size)),
        )
    for after in (0, 1, 63, 64, 65, 200, 271):
        for limit in (1, 63, 64, 65, 128, 1_000):
            for max_bytes in (1, 50, 200, 1 << 20):
                near = await store.log.read(0, after, limit, max_bytes)
                far = store._database.read(
                    lambda it, a=after, n=limit, m=max_bytes: read_log(it, a, n, m)
                )
                assert near == far, (after, limit, max_bytes)


async def test_after_a_restart_the_log_is_read_from_the_database(
    tmp_path: Path, clock: FakeClock
) -> None:
    store = open_sqlite(tmp_path, clock=clock)
    await appended(store, *(plain("k", n) for n in range(100)))
    before = await store.log.read(0, 0, 1_000, 1 << 20)
    await store.close()
    store = open_sqlite(tmp_path, clock=clock)
    assert await store.log.read(0, 0, 1_000, 1 << 20) == before
    await appended(store, plain("k", 100))
    across: LogSlice = await store.log.read(0, 98, 1_000, 1 << 20)
    assert [event.sequence for event in across.events] == [99, 100, 101]
    await store.close()


@given(
    created=st.lists(st.integers(0, 30), min_size=0, max_size=40).map(sorted),
    gone=st.integers(0, 40),
    moment=st.integers(-1, 31),
)
def test_the_first_event_since_a_moment_is_found_by_halves(
    created: list[int], gone: int, moment: int
) -> None:
    connection = open_writer(None)
    connection.script("CREATE TABLE event (position INTEGER PRIMARY KEY, created_ms INTEGER)")
    raw = connection.transaction()
    log = list(enumerate(created, 1))[gone:]
    raw.executemany("INSERT INTO event VALUES (?, ?)", log)
    found = connection.value("event_since", created_ms=moment)
    left = [position for position, created_ms in log if created_ms >= moment]
    if left:
        assert all(created_ms < moment for position, created_ms in log if position < found)
        assert found <= left[0]
    else:
        assert found == (log[-1][0] if log else 0) + 1
    connection.close()
