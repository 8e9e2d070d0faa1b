"""Calls go in once and in their order, and what the feed then holds is what has to arrive."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import Any

import msgspec
import pytest

from offhook.demo.client import Api, Control
from offhook.demo.errors import DemoFailed
from offhook.demo.feeding import Progress, feed_day
from offhook.demo.following import Follower, follow
from offhook.demo.tally import Report
from offhook.demo.wire import Connection, Received, Reply
from offhook.testing.simulation import Centre, simulate_day

DAY = list(simulate_day(Random(1), datetime(2026, 11, 20, tzinfo=UTC), Centre(calls_per_day=100)))


class Recorder:
    """A server that takes events and keeps them in order of arrival."""

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.requests: list[str] = []
        self.busy = 0

    def __call__(self, request: Received) -> Reply:
        self.requests.append(request.path)
        if self.busy:
            self.busy -= 1
            return Reply(503)
        body = msgspec.json.decode(request.body)
        items = body["items"] if request.path.endswith("/batch") else [body]
        self.taken.extend(items)
        return Reply(200, msgspec.json.encode({"items": [{"status": 202} for _ in items]}))


@asynccontextmanager
async def listening(handle: Callable[[Received], Reply]) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(partial(Connection, handle), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    yield f"http://{host}:{port}"
    server.close()
    await server.wait_closed()


@asynccontextmanager
async def api_to(handle: Callable[[Received], Reply]) -> AsyncIterator[Api]:
    async with listening(handle) as url, Api(url, "ofh_live_key") as api:
        yield api


async def test_every_fact_is_posted_once_and_in_its_order() -> None:
    recorder, progress = Recorder(), Progress()
    async with api_to(recorder) as api:
        await feed_day(api, DAY, progress, facts_per_s=1e9)
    assert recorder.taken == [step.body() for step in DAY]
    assert progress.finished
    assert progress.facts == len(DAY)


async def test_some_facts_go_singly_and_most_in_batches() -> None:
    recorder = Recorder()
    async with api_to(recorder) as api:
        await feed_day(api, DAY, Progress(), facts_per_s=1e9)
    chunks = -(-len(DAY) // 200)
    assert recorder.requests.count("/v1/events") == 2 * chunks
    assert recorder.requests.count("/v1/events/batch") == chunks


async def test_a_busy_server_is_asked_again_and_gets_nothing_twice() -> None:
    recorder = Recorder()
    recorder.busy = 2
    async with api_to(recorder) as api:
        await feed_day(api, DAY[:50], Progress(), facts_per_s=1e9)
    assert recorder.taken == [step.body() for step in DAY[:50]]


async def test_facts_go_no_faster_than_asked_for() -> None:
    loop = asyncio.get_running_loop()
    async with api_to(Recorder()) as api:
        before = loop.time()
        await feed_day(api, DAY[:200], Progress(), facts_per_s=2_000)
    assert loop.time() - before >= 0.099


async def test_a_refused_fact_ends_the_demo_with_the_reason() -> None:
    problem = {"status": 422, "error": {"detail": "data.talk_s is not a number"}}
    body = msgspec.json.encode({"items": [{"status": 202}, problem]})
    async with api_to(lambda _: Reply(200, body)) as api:
        with pytest.raises(DemoFailed, match="talk_s is not a number"):
            await api.post_batch([b"{}", b"{}"])


async def test_a_refused_request_and_a_missing_server_are_told_in_one_line() -> None:
    async with api_to(lambda _: Reply(401, b"who?")) as api:
        with pytest.raises(DemoFailed, match=r"POST /v1/events was answered 401: who\?"):
            await api.post_event(b"{}")
    with pytest.raises(DemoFailed, match="got no answer"):
        async with Api(api.url, "ofh_live_key") as gone:
            await gone.post_event(b"{}")


class Feed:
    """A feed of events, two a page, and a receiver that says how many of them came."""

    def __init__(self, *types: str) -> None:
        self.events = [{"id": f"evt_{n}", "type": type_} for n, type_ in enumerate(types)]
        self.expected: list[str] = []
        self.reports: Iterator[Report] = iter(
            [Report(missing=2, distinct=1), Report(missing=1, distinct=2)]
        )

    def api(self, request: Received) -> Reply:
        _, _, cursor = request.path.partition("cursor=")
        start = int(cursor or 0)
        page = self.events[start : start + 2]
        answer = {"data": page, "next_cursor": str(start + len(page))}
        return Reply(200, msgspec.json.encode(answer))

    def control(self, request: Received) -> Reply:
        self.expected += request.body.decode().split()
        report = next(self.reports, Report(missing=0, distinct=3))
        return Reply(200, msgspec.json.encode(report))


@asynccontextmanager
async def following(feed: Feed) -> AsyncIterator[Follower]:
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(api_to(feed.api))
        control_url = await stack.enter_async_context(listening(feed.control))
        yield Follower(api, await stack.enter_async_context(Control(control_url)))


async def test_the_whole_feed_is_expected_but_for_what_a_star_does_not_bring() -> None:
    feed = Feed(
        *("call.started", "webhook.failing", "record.ingested", "call.ended", "contact.created")
    )
    shown: list[Report] = []
    async with following(feed) as follower:
        last = await follow(follower, Progress(finished=True), shown.append)
    assert feed.expected == ["evt_0", "evt_3", "evt_4"]
    assert last.missing == 0
    assert [report.missing for report in shown[:3]] == [2, 1, 0]


async def test_what_has_not_come_after_a_while_is_lost() -> None:
    feed = Feed("call.started")
    feed.reports = itertools.repeat(Report(missing=1, distinct=0))
    async with following(feed) as follower:
        last = await follow(follower, Progress(finished=True), lambda _: None, patience_s=0.01)
    assert last.missing == 1


async def test_the_end_is_not_taken_for_the_end_while_calls_go_in() -> None:
    feed, progress, shown = Feed(), Progress(), 0
    feed.reports = iter(())

    def note(_: Report) -> None:
        nonlocal shown
        shown += 1
        if shown == 2:
            feed.events.append({"id": "evt_late", "type": "call.ended"})
            progress.finished = True

    async with following(feed) as follower:
        await follow(follower, progress, note)
    assert feed.expected == ["evt_late"]
