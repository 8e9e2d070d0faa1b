"""Many clients, slow ones, and ones that come and go, while several append at once: each gets every
event once, in order per key, and none of it costs the others or the store."""

import asyncio
import random
import re
import socket
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from stage import ALICE, PATIENCE_S, Block, Listening, Stage

from offhook.store.contract import Store
from offhook.testing.clock import FakeClock

KEYS = [f"k{n}" for n in range(12)]
LARGE = 16_000


class Counting:
    """Counts the calls of a method of a store's port, and how many run at once."""

    def __init__(self, port: Any, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls = self.running = self.most = 0
        asked: Callable[..., Any] = getattr(port, method)

        async def counted(*given: Any) -> Any:
            self.calls += 1
            self.running += 1
            self.most = max(self.most, self.running)
            try:
                return await asked(*given)
            finally:
                self.running -= 1

        monkeypatch.setattr(type(port), method, lambda _, *given: counted(*given))


def in_order(events: Sequence[Block]) -> bool:
    """Each key's sequences are 1, 2, 3, ..."""
    sequences: defaultdict[str, list[int]] = defaultdict(list)
    for event in events:
        sequences[event.data["key"]].append(event.data["sequence"])
    return all(found == [*range(1, len(found) + 1)] for found in sequences.values())


async def append_all(stage: Stage, batches: int, rnd: random.Random) -> int:
    """Several append at once, in batches of any size; returns how many events."""
    sizes = [rnd.randint(1, 30) for _ in range(batches)]
    left = iter(sizes)

    async def append_some() -> None:
        for size in left:
            await stage.post(*rnd.choices(KEYS, k=size))

    await asyncio.gather(*(append_some() for _ in range(4)))
    return sum(sizes)


async def follow_in_pieces(stage: Stage, start: str, count: int, rnd: random.Random) -> list[Block]:
    """Read so many events, leaving and coming back after any number."""
    events: list[Block] = []
    last_id = start
    while len(events) < count:
        async with stage.listening(last_id=last_id) as client:
            events += await client.take(min(rnd.randint(1, 90), count - len(events)))
            last_id = client.last_id
    return events


@pytest.mark.parametrize("seed", range(3))
async def test_whoever_comes_and_goes_misses_nothing_and_gets_nothing_twice(
    stage: Stage, seed: int
) -> None:
    rnd = random.Random(seed)
    async with stage.listening() as client:
        start = client.last_id
        appending = asyncio.create_task(append_all(stage, 60, rnd))
        # A count that is surely reached, read while the rest is being appended.
        readers = [asyncio.create_task(follow_in_pieces(stage, start, 60, rnd)) for _ in range(3)]
        total = await appending
        whole = await client.take(total)
    for first in await asyncio.gather(*readers):
        rest = await follow_in_pieces(stage, str(first[-1].id), total - len(first), rnd)
        events = first + rest
        assert in_order(events)
        assert {it.data["id"] for it in events} == {it.data["id"] for it in whole}
        assert len(events) == total
    assert in_order(whole)


async def test_a_client_from_the_beginning_meets_those_that_follow(stage: Stage) -> None:
    rnd = random.Random(1)
    before = await append_all(stage, 30, rnd)
    _, page = await stage.ask("GET", "/v1/events?until=2020-01-01T00:00:00Z")
    async with stage.listening(f"cursor={page['next_cursor']}") as client:
        appending = asyncio.create_task(append_all(stage, 30, rnd))
        events = await client.take(before)
        events += await client.take(await appending)
    assert in_order(events)


@asynccontextmanager
async def deaf(stage: Stage) -> AsyncIterator[asyncio.StreamReader]:
    """A client that opens a stream and then reads nothing until it is asked to."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    raw.setblocking(False)
    address = ("127.0.0.1", int(stage.url.rpartition(":")[2]))
    await asyncio.get_running_loop().sock_connect(raw, address)
    reader, writer = await asyncio.open_connection(sock=raw, limit=2_048)
    head = f"GET /v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ALICE}\r\n\r\n"
    open_before = stage.streams.open
    writer.write(head.encode())
    await stage.until(lambda: stage.streams.open > open_before)
    try:
        yield reader
    finally:
        writer.close()


async def test_a_slow_client_delays_nobody_and_gets_everything_in_the_end(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = Counting(store.feed, "feed", monkeypatch)
    async with Stage(store, clock, ring_events=64) as stage, deaf(stage) as slow:
        told: list[str] = []
        async with stage.listening() as quick:
            for _ in range(30):
                told += await stage.post(*KEYS, size=LARGE)
                await quick.take(len(KEYS))
            ring = stage.follower._ring
            assert ring is not None
            assert len(ring._entries) <= 64
            assert pages.calls == 0
        came = b""
        async with asyncio.timeout(PATIENCE_S):
            while came.count(b"\ndata: ") < len(told):
                came += await slow.read(1 << 16)
        got = re.findall(rb'data: {"id":"(\w+)"', came)
        assert sorted(got) == sorted(id_.encode() for id_ in told)
        assert pages.calls > 0


async def test_a_client_that_takes_nothing_for_too_long_is_let_go(
    store: Store, clock: FakeClock
) -> None:
    async with Stage(store, clock, stalled_s=0.2) as stage, deaf(stage):
        for _ in range(60):
            await stage.post(*KEYS, size=LARGE)
        await stage.until(lambda: stage.streams.open == 0)


@asynccontextmanager
async def listeners(
    stage: Stage, count: int, last_id: str | None = None
) -> AsyncIterator[list[Listening]]:
    """Many clients, each of a key of its own, but for every tenth, which takes all."""
    opened = [
        stage.listening("" if n % 10 == 0 else f"key=k{n % 20}", last_id=last_id)
        for n in range(count)
    ]
    clients = await asyncio.gather(*(each.__aenter__() for each in opened))
    try:
        yield clients
    finally:
        await asyncio.gather(*(each.__aexit__(None, None, None) for each in opened))


async def test_a_hundred_clients_cost_the_store_no_more_than_one(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listeners(stage, 100) as clients:
        reads = Counting(stage.store.log, "read", monkeypatch)
        pages = Counting(stage.store.feed, "feed", monkeypatch)
        told = [*await stage.post("k0"), *await stage.post("k1"), *await stage.post("k0", "k2")]
        for n, client in enumerate(clients):
            if n % 10 == 0:
                assert sorted(await client.ids(4)) == sorted(told)
            elif n % 20 == 1:
                assert await client.ids(1) == [told[1]]
        assert pages.calls == 0
        # A round for each commit, those that overlap, and what looks once a second.
        assert reads.calls <= 20 * stage.store.log.partitions


async def go_on_unheard(stage: Stage) -> None:
    """Events that nobody listens to, until nothing of them is kept in memory."""
    await stage.post(*KEYS)
    await stage.until(lambda: stage.streams.open == 0)
    stage.wake.set()
    await stage.until(lambda: stage.follower._ring is None)


async def test_a_hundred_that_come_back_together_ask_the_store_few_at_a_time(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage.listening() as client:
        last_id = client.last_id
    await go_on_unheard(stage)
    pages = Counting(stage.store.feed, "feed", monkeypatch)
    async with listeners(stage, 100, last_id) as clients:
        for client in clients[::10]:
            assert len(await client.take(len(KEYS))) == len(KEYS)
        assert pages.calls <= 2 * len(clients)
        assert pages.most <= 4


async def test_who_goes_on_within_a_key_reads_few_pages_and_then_none(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although the other partitions went on without bringing it anything."""
    async with stage.listening("key=k0") as client:
        last_id = client.last_id
    await go_on_unheard(stage)
    pages = Counting(stage.store.feed, "feed", monkeypatch)
    async with stage.listening("key=k0", last_id=last_id) as client:
        for _ in range(20):
            await stage.post(*KEYS)
        assert len(await client.take(21)) == 21
        assert pages.calls <= 3


async def test_so_many_streams_and_no_more(store: Store, clock: FakeClock) -> None:
    async with Stage(store, clock, most=2) as stage, stage.listening():
        async with stage.listening():
            headers = {"authorization": f"Bearer {ALICE}"}
            async with stage.session.get("/v1/stream", headers=headers) as answer:
                problem = await answer.json(content_type=None)
            assert (answer.status, problem["code"]) == (503, "too_many_streams")
            assert int(answer.headers["retry-after"]) >= 1
            assert "max_streams" in problem["detail"]
        await stage.until(lambda: stage.streams.open == 1)
        async with stage.listening() as client:
            told = await stage.post("a")
            assert await client.ids(1) == told
