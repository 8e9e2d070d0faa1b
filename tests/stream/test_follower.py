"""The follower: what other processes append, stores that are away for a while, and logs that were
replaced under it."""

import asyncio
import itertools
from typing import Any

import pytest
from stage import ACCOUNT, Stage

from offhook.api.stream import follower
from offhook.log.entries import Topic
from offhook.model.errors import Unavailable
from offhook.store.contract import Store
from offhook.store.postgres import open_postgres
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import appended, plain


class Away:
    """A store whose log cannot be read for a while."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.away = False
        self.refused = 0
        read = store.log.read

        async def unless_away(_: object, *given: int) -> object:
            if self.away:
                self.refused += 1
                raise OSError("the store is away")
            return await read(*given)

        monkeypatch.setattr(type(store.log), "read", unless_away)


async def test_what_another_process_appends_is_streamed_here(
    postgres18_url: str, clock: FakeClock
) -> None:
    here = await open_postgres(postgres18_url, clock=clock)
    there = await open_postgres(postgres18_url, clock=clock)
    async with Stage(here, clock) as stage, stage.listening() as client:
        events = [await appended(there, plain(f"k{n}", account=ACCOUNT)) for n in range(20)]
        told = [event.id for [event] in events]
        assert sorted(await client.ids(20)) == sorted(told)
    await here.close()
    await there.close()


async def test_streams_outlive_a_store_that_is_away_and_miss_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Away(stage.store, monkeypatch)
    async with stage.listening() as client:
        told = await stage.post("a")
        assert await client.ids(1) == told
        store.away = True
        told = await stage.post("b", "c")
        await stage.until(lambda: store.refused > 1)
        status, problem = await stage.ask("GET", "/v1/stream")
        assert (status, problem["code"]) == (500, "internal")
        store.away = False
        assert sorted(await client.ids(2)) == sorted(told)


async def test_streams_of_a_log_that_turns_out_to_end_before_what_was_read_are_ended(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a fail-over to a standby that lags: who connects again is told that."""

    async def nothing(*_: object) -> int:
        return 0

    store = Away(stage.store, monkeypatch)
    async with stage.listening() as client, stage.listening("key=other") as idle:
        await stage.post("a")
        await client.take(1)
        store.away = True
        stage.wake.set()
        await stage.until(lambda: store.refused > 0)
        monkeypatch.setattr(type(stage.store.log), "head", nothing)
        store.away = False
        assert await asyncio.gather(client.ended(), idle.ended()) == [True, True]


async def test_what_follows_an_entry_is_never_older_than_the_time_it_tells(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where one partition has more to read than another, and newer."""
    monkeypatch.setattr(follower, "_AT_ONCE", 2)
    async with stage.listening() as client:
        ring = await stage.follower.caught_up()
        first = ring.end.serial
        with monkeypatch.context() as patch:
            # What comes meanwhile is read together.
            patch.setattr(stage.follower, "_wake", lambda: None)
            for n in range(24):
                await stage.post("busy" if n < 20 else f"k{n}")
                stage.clock.advance(1)
        stage.wake.set()
        await client.take(24)
    entries = ring.since(first, 100)
    times = [entry.event.created_ms for entry in entries]
    assert len(entries) == 24
    for at, entry in enumerate(entries):
        assert min(times[at:]) >= entry.at_ms


async def test_it_is_woken_by_events_alone_and_only_while_somebody_listens(store: Store) -> None:
    woken: list[bool] = []
    alone = follower.Follower(log=store.log, clock=FakeClock(), wake=lambda: woken.append(True))
    alone.committed(frozenset({Topic.EVENTS}))
    assert woken == []
    with alone.followed():
        woken.clear()
        alone.committed(frozenset({Topic.CONFIG, Topic.TIMERS}))
        assert woken == []
        alone.committed(frozenset({Topic.EVENTS}))
        assert woken == [True]


async def test_it_looks_again_at_once_while_there_is_more(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "_AT_ONCE", 3)
    alone = follower.Follower(log=store.log, clock=FakeClock(), wake=lambda: None)
    with alone.followed():
        assert await alone.run_once() == 1.0
        await appended(store, *(plain("k", n) for n in range(7)))
        assert [await alone.run_once() for _ in range(3)] == [0.0, 0.0, 1.0]
    assert await alone.run_once() > 1.0, "nobody listens"


async def test_a_client_whose_page_cannot_be_read_is_let_go_and_goes_on_later(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage.listening() as client:
        last_id = client.last_id
    await stage.until(lambda: stage.streams.open == 0)
    stage.wake.set()
    await stage.until(lambda: stage.follower._ring is None)
    told = await stage.post("a")

    asked, feed = itertools.count(), type(stage.store.feed).feed

    async def away(*given: Any) -> Any:
        # What is asked first is whether the id is still good.
        if next(asked):
            raise Unavailable("away")
        return await feed(*given)

    with monkeypatch.context() as patch:
        patch.setattr(type(stage.store.feed), "feed", away)
        async with stage.listening(last_id=last_id) as client:
            assert await client.ended()
    async with stage.listening(last_id=last_id) as client:
        assert await client.ids(1) == told
