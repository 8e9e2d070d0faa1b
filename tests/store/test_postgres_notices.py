"""A commit through one process wakes the others: soon, together, and also after the line was
down."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import asyncpg
import pytest
from processes import connected, opened

from offhook.log.entries import Topic
from offhook.model.errors import OffhookError
from offhook.store.postgres import PostgresStore, open_postgres
from offhook.store.postgres.database import connect
from offhook.store.postgres.notices import Notices
from offhook.testing.conformance.material import appended, plain
from offhook.testing.faulty_wire import FaultyWire

OUTER_S = 90.0
EVERYTHING = frozenset(Topic)


class Hearing:
    """What a subscriber was told."""

    def __init__(self) -> None:
        self.told: list[frozenset[Topic]] = []
        self._changed = asyncio.Event()

    def __call__(self, topics: frozenset[Topic]) -> None:
        self.told.append(topics)
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until what was told makes it true."""
        async with asyncio.timeout(OUTER_S):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def heard(url: str) -> AsyncIterator[tuple[PostgresStore, Hearing]]:
    """A store, and what its subscribers are told."""
    async with opened(url) as store:
        hearing = Hearing()
        store.subscribe(hearing)
        yield store, hearing


@asynccontextmanager
async def noticing(url: str, channel: str, sender: str) -> AsyncIterator[tuple[Notices, Hearing]]:
    notices, hearing = Notices(partial(connect, url), channel, sender), Hearing()
    await notices.start()
    notices.subscribe(hearing)
    try:
        yield notices, hearing
    finally:
        await notices.close()


async def cut_listeners(connection: asyncpg.Connection, channel: str) -> None:
    """End the server's side of whatever else listens to this."""
    ended = await connection.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE query LIKE 'LISTEN%' AND strpos(query, $1) > 0 AND pid <> pg_backend_pid()",
        channel,
    )
    assert ended


async def test_a_commit_through_one_process_wakes_the_subscribers_of_another(
    postgres_url: str,
) -> None:
    async with heard(postgres_url) as (one, _), heard(postgres_url) as (_, hearing):
        await appended(one, plain("a"))
        await hearing.until(lambda: any(Topic.EVENTS in topics for topics in hearing.told))


async def test_what_a_process_says_it_does_not_hear_again(postgres18_url: str) -> None:
    async with heard(postgres18_url) as (one, own), heard(postgres18_url) as (_, hearing):
        await appended(one, plain("a"))
        await hearing.until(lambda: len(hearing.told) == 1)
        assert own.told == [{Topic.EVENTS}]


async def test_what_is_committed_before_the_end_is_told(postgres18_url: str) -> None:
    async with heard(postgres18_url) as (_, hearing):
        async with heard(postgres18_url) as (one, _):
            await appended(one, plain("a"))
        await hearing.until(lambda: len(hearing.told) == 1)


async def test_a_listener_that_was_cut_off_listens_again_and_looks_at_everything_once(
    postgres_url: str,
) -> None:
    async with (
        heard(postgres_url) as (one, _),
        heard(postgres_url) as (_, hearing),
        connected(postgres_url) as connection,
    ):
        await cut_listeners(connection, postgres_url.partition("search_path=")[2])
        await hearing.until(lambda: EVERYTHING in hearing.told)
        await appended(one, plain("a"))
        await hearing.until(lambda: {Topic.EVENTS} in hearing.told)
        assert hearing.told.count(EVERYTHING) == 1


async def test_what_is_committed_while_the_line_is_down_is_told_when_it_is_up(
    postgres18_url: str,
) -> None:
    """The one that hears was never cut off: nothing but being told wakes it."""
    async with (
        noticing(postgres18_url, "down", "one") as (one, own),
        connected(postgres18_url) as connection,
    ):
        payloads = asyncio.Queue[str]()
        await connection.add_listener("down", lambda *said: payloads.put_nowait(str(said[3])))
        await cut_listeners(connection, "down")
        one.announce(frozenset({Topic.EVENTS}), {3: 7})
        async with asyncio.timeout(OUTER_S):
            assert '"3":7' in await payloads.get()
        assert own.told == [{Topic.EVENTS}, EVERYTHING]


async def test_a_burst_of_commits_is_told_at_most_every_ten_milliseconds(
    postgres18_url: str,
) -> None:
    """However slow the machine: the longer it takes, the more there may be."""
    async with heard(postgres18_url) as (one, own), heard(postgres18_url) as (other, hearing):
        now_s = asyncio.get_running_loop().time
        began_s = now_s()
        async with asyncio.TaskGroup() as burst:
            for number in range(200):
                burst.create_task(appended(one, plain(f"key-{number}")))
        commits = len(own.told)
        last = {at: await one.log.head(at) for at in range(one.log.partitions)}
        ends = other._database.notices.ends
        await hearing.until(lambda: {at: ends.get(at, 0) for at in last} == last)
        assert commits == 200
        assert len(hearing.told) <= (now_s() - began_s) / 0.01 + 2


async def test_commits_of_one_moment_are_told_at_once(postgres18_url: str) -> None:
    async with (
        noticing(postgres18_url, "moment", "one") as (one, _),
        noticing(postgres18_url, "moment", "two") as (two, hearing),
    ):
        for position in range(1, 101):
            one.announce(frozenset({Topic.EVENTS}), {position % 3: position})
        await hearing.until(lambda: len(hearing.told) == 1)
        assert two.ends == {0: 99, 1: 100, 2: 98}


async def test_the_ends_of_a_thousand_partitions_are_told(postgres18_url: str) -> None:
    async with (
        noticing(postgres18_url, "wide", "one") as (one, _),
        noticing(postgres18_url, "wide", "two") as (two, hearing),
    ):
        ends = dict.fromkeys(range(1_024), 1 << 62)
        one.announce(frozenset({Topic.EVENTS, Topic.TIMERS}), ends)
        await hearing.until(lambda: two.ends == ends)
        assert set(hearing.told) == {frozenset({Topic.EVENTS, Topic.TIMERS})}


@pytest.mark.parametrize("payload", ["", "{}", '["x"]', '["x",["unheard_of"],{},7]', "\x07"])
async def test_a_notice_of_another_release_is_taken_to_mean_everything(
    postgres18_url: str, payload: str
) -> None:
    async with (
        noticing(postgres18_url, "other", "one") as (_, hearing),
        connected(postgres18_url) as connection,
    ):
        await connection.execute("SELECT pg_notify('other', $1)", payload)
        await hearing.until(lambda: hearing.told == [EVERYTHING])


async def test_a_store_that_cannot_listen_is_not_opened_and_leaves_nothing_open(
    postgres18_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(asyncpg.Connection, "add_listener", refused)
    async with asyncio.timeout(OUTER_S), FaultyWire(postgres18_url) as wire:
        with pytest.raises(OffhookError, match="cannot be used"):
            await open_postgres(wire.url)
        while wire.connections:
            await asyncio.sleep(0.01)
