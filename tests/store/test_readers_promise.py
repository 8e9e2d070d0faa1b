"""Eight appenders pause inside their transactions and commit in any order: who tails the log sees
every event once, in order per key."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from processes import several

from offhook.clock import SystemClock
from offhook.log.entries import Appended, FeedFilter, Fold, Folded, KeyRow, Submission, Topic
from offhook.log.fold import fold
from offhook.model.event import LogEvent, from_ms
from offhook.model.fact import FoldContext
from offhook.model.ids import DEFAULT_ACCOUNT
from offhook.store.postgres import database
from offhook.store.postgres.session import Row, Session, Value
from offhook.store.sqlite import open_sqlite
from offhook.testing.conformance.material import plain, whole_log
from offhook.testing.conformance.stores import ConformingStore

APPENDERS = 8
BATCHES = 8
KEYS = [f"key-{number}" for number in range(24)]
LONGEST_PAUSE_S = 0.004
OUTER_S = 60.0

Wait = Callable[[], Awaitable[object]]


@dataclass(slots=True)
class Seen:
    """What a reader saw, in its order."""

    events: list[LogEvent] = field(default_factory=list)

    def check(self, appended: set[str]) -> None:
        """Every event, once, each partition's positions without a gap, each key in order."""
        assert sorted(event.id for event in self.events) == sorted(appended)
        for partition in {event.partition for event in self.events}:
            there = [event for event in self.events if event.partition == partition]
            assert [event.position for event in there] == list(range(1, len(there) + 1))
            assert all(one.created_ms <= next_.created_ms for one, next_ in pairwise(there))
        for key in KEYS:
            sequences = [event.sequence for event in self.events if event.key == key]
            assert sequences == list(range(1, len(sequences) + 1))


class Pausing(Session):
    """A session that pauses at random after each statement, the last one before the commit too."""

    async def run(self, name: str, /, **bindings: Value) -> int:
        count = await super().run(name, **bindings)
        await asyncio.sleep(random.uniform(0, LONGEST_PAUSE_S))
        return count

    async def rows(self, name: str, /, **bindings: Value) -> list[Row]:
        found = await super().rows(name, **bindings)
        await asyncio.sleep(random.uniform(0, LONGEST_PAUSE_S))
        return found


def pausing_fold(item: Submission, row: KeyRow | None, context: FoldContext) -> Folded:
    """The fold, with a pause: SQLite calls it in the writer's thread, inside the transaction."""
    time.sleep(random.uniform(0, LONGEST_PAUSE_S / 10))
    return fold(item, row, context)


@asynccontextmanager
async def on_sqlite(folder: Path) -> AsyncIterator[list[ConformingStore]]:
    """One store, and one writer, for all."""
    store = open_sqlite(folder, clock=SystemClock())
    try:
        yield [store] * (APPENDERS + 1)
    finally:
        await store.close()


async def append_all(store: ConformingStore, fold_: Fold, appender: int) -> set[str]:
    """Append batches over keys that the others append to as well; the ids of the events."""
    ids: set[str] = set()
    choose = random.Random(appender)
    for _ in range(BATCHES):
        facts = [plain(choose.choice(KEYS), appender) for _ in range(choose.randint(1, 6))]
        for outcome in await store.log.append(facts, fold_):
            assert isinstance(outcome, Appended)
            ids.add(outcome.event.id)
    return ids


@dataclass(frozen=True, slots=True)
class Reader:
    """Tails one store's log and feed until it has seen as many events as were appended."""

    store: ConformingStore
    appending: "asyncio.Future[list[set[str]]]"
    hears: bool
    """Whether it waits to be told of events, or looks again and again."""
    log: Seen = field(default_factory=Seen)
    feed: Seen = field(default_factory=Seen)

    async def tail_log(self) -> None:
        """Follow all partitions."""
        wait, after = self._waiting(), dict.fromkeys(range(self.store.log.partitions), 0)
        while not self._complete(self.log):
            before = len(self.log.events)
            for partition in after:
                slice_ = await self.store.log.read(partition, after[partition], 7, 1 << 20)
                self.log.events += slice_.events
                after[partition] = slice_.read_to
            if len(self.log.events) == before:
                await wait()

    async def tail_feed(self) -> None:
        """Follow the account's feed, all partitions in one."""
        wait, after = self._waiting(), dict[int, int]()
        while not self._complete(self.feed):
            page = await self.store.feed.feed(DEFAULT_ACCOUNT, after, 7, FeedFilter())
            self.feed.events += page.events
            after = page.after
            if not page.events:
                await wait()

    def _complete(self, seen: Seen) -> bool:
        return self.appending.done() and len(seen.events) >= sum(map(len, self.appending.result()))

    def _waiting(self) -> Wait:
        if not self.hears:
            return partial(asyncio.sleep, 0.001)
        wake = asyncio.Event()

        def told(topics: frozenset[Topic]) -> None:
            if Topic.EVENTS in topics:
                wake.set()

        async def wait() -> None:
            await wake.wait()
            wake.clear()

        self.store.subscribe(told)
        self.appending.add_done_callback(lambda _: wake.set())
        return wait


async def promise_kept(stores: Sequence[ConformingStore], fold_: Fold, *, hears: bool) -> None:
    """Append from all sides, while a process that only reads tails, and one that appends too."""
    appending = asyncio.gather(
        *(append_all(store, fold_, number) for number, store in enumerate(stores[:APPENDERS]))
    )
    readers = [Reader(store, appending, hears) for store in (stores[-1], stores[0])]
    async with asyncio.timeout(OUTER_S), asyncio.TaskGroup() as reading:
        for reader in readers:
            reading.create_task(reader.tail_log())
            reading.create_task(reader.tail_feed())
    appended = set[str]().union(*appending.result())
    assert len(appended) == sum(map(len, appending.result()))
    for reader in readers:
        reader.log.check(appended)
        reader.feed.check(appended)
        await since_kept(reader)


async def since_kept(reader: Reader) -> None:
    """From any moment on, the feed brings what was created then or later, once."""
    for first in reader.feed.events[:: len(reader.feed.events) // 3]:
        since, after, more = from_ms(first.created_ms), dict[int, int](), True
        later = Seen()
        while more:
            page = await reader.store.feed.feed(DEFAULT_ACCOUNT, after, 50, FeedFilter(since=since))
            later.events += page.events
            after, more = page.after, page.more
        expected = [it.id for it in reader.feed.events if it.created_ms >= first.created_ms]
        assert sorted(event.id for event in later.events) == sorted(expected)


HOW = pytest.mark.parametrize("hears", [False, True], ids=["polling", "woken"])


@HOW
async def test_on_postgres(postgres_url: str, monkeypatch: pytest.MonkeyPatch, hears: bool) -> None:
    monkeypatch.setattr(database, "Session", Pausing)
    async with several(postgres_url, APPENDERS + 1, partitions=4) as stores:
        await promise_kept(stores, fold, hears=hears)


@HOW
async def test_on_sqlite(tmp_path: Path, hears: bool) -> None:
    async with on_sqlite(tmp_path) as stores:
        await promise_kept(stores, pausing_fold, hears=hears)


class Unlocked(Pausing):
    """A session that does not lock the heads."""

    async def rows(self, name: str, /, **bindings: Value) -> list[Row]:
        return [] if name == "heads_locked" else await super().rows(name, **bindings)


async def test_without_the_lock_on_the_heads_the_promise_breaks(
    postgres18_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "Session", Unlocked)
    async with several(postgres18_url, APPENDERS + 1, partitions=4) as stores:
        appending = [append_all(store, fold, at) for at, store in enumerate(stores[:APPENDERS])]
        await asyncio.gather(*appending, return_exceptions=True)
        with pytest.raises(AssertionError):
            (seen := Seen(await whole_log(stores[-1]))).check({event.id for event in seen.events})
