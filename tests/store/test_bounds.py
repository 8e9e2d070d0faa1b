"""One request never costs the whole log: pages and deletions come in bounded pieces."""

import asyncio

import pytest

from offhook.log.entries import FeedFilter
from offhook.model.ids import DEFAULT_ACCOUNT
from offhook.store.sqlite import SqliteStore, feed, retention
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import appended, plain, whole_log


async def test_a_rare_type_is_looked_for_piece_by_piece(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_SCAN", 10)
    await appended(store, *(plain("k") for _ in range(35)), plain("k", type_="custom.rare"))
    wanted = FeedFilter(types=("custom.rare",))
    after: dict[int, int] = {}
    sizes = []
    more = True
    while more:
        page = await store.feed.feed(DEFAULT_ACCOUNT, after, 100, wanted)
        sizes.append(len(page.events))
        after, more = page.after, page.more
    assert sizes == [0, 0, 0, 1]


async def test_retention_takes_a_bounded_number_at_a_time(
    store: SqliteStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_AT_ONCE", 4)
    await appended(store, *(plain("k", n) for n in range(9)))
    clock.advance(100)
    await appended(store, plain("k", 9))
    left = []
    for _ in range(4):
        trimmed = await store.retention.trim_events(50_000)
        left.append((len(await whole_log(store)), trimmed.more))
    assert left == [(6, True), (2, True), (1, False), (1, False)]


async def test_lists_do_not_wait_for_the_writer(store: SqliteStore) -> None:
    """A reader in a file sees the last commit while a transaction is under way."""
    await appended(store, plain("k"))
    entered, leave = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def hold(_: object) -> None:
        loop.call_soon_threadsafe(entered.set)
        asyncio.run_coroutine_threadsafe(leave.wait(), loop).result(10)

    holding = asyncio.create_task(store._database.write(hold))
    await entered.wait()
    page = await store.feed.feed(DEFAULT_ACCOUNT, {}, 10, FeedFilter())
    assert len(page.events) == 1
    assert await store.timers.due_timers([0], 10) == []
    leave.set()
    await holding
