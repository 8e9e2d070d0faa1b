"""Group commit: who waits together is written together, and nobody's failure is another's."""

import asyncio
from collections.abc import Sequence

import pytest

from offhook.log.appender import Appender
from offhook.log.batching import BatchBounds
from offhook.log.entries import Appended, AppendOutcome, Fold, Folded, LogSlice, Submission
from offhook.model.errors import Overloaded
from offhook.model.event import EventRef
from offhook.model.fact import PlainFact
from offhook.model.ids import DEFAULT_ACCOUNT, EventId, partition_of


class GatedStore:
    """Writes a batch each time it is let through; a batch may be made to fail."""

    partitions = 1
    lanes = 1

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.gate = asyncio.Semaphore(0)
        self.failing = False
        self.waiting_for_the_gate = 0

    async def append(self, batch: Sequence[Submission], fold: Fold) -> list[AppendOutcome]:
        self.waiting_for_the_gate += 1
        await self.gate.acquire()
        if self.failing:
            raise OSError("disk full")
        self.batches.append([str(fact.key) for fact in batch])
        return [
            Appended(EventRef(EventId(f"evt_{fact.key}"), "custom.x", str(fact.key), 1))
            for fact in batch
        ]

    async def read(self, partition: int, after: int, limit: int, max_bytes: int) -> LogSlice:
        return LogSlice((), after, 0)

    async def head(self, partition: int) -> int:
        return 0


def fact(name: str, size: int = 10) -> Submission:
    return Submission(DEFAULT_ACCOUNT, name, PlainFact("custom.x", name, b"{}"), size)


def appender(
    store: GatedStore,
    *,
    gather_s: float = 0.001,
    batch_events: int = 1_000,
    batch_bytes: int = 8 << 20,
    **bounds: int,
) -> Appender:
    batches = BatchBounds(batch_events, batch_bytes, gather_s)
    return Appender(store=store, fold=lambda *_: Folded((), None), bounds=batches, **bounds)


async def submitted(to: Appender, *facts: Submission) -> asyncio.Task[list[AppendOutcome]]:
    task = asyncio.create_task(to.submit(facts))
    await asyncio.sleep(0)
    return task


async def test_what_waits_together_is_one_batch_and_answers_come_back_in_order() -> None:
    store = GatedStore()
    group = appender(store)
    first = await submitted(group, fact("a"))
    second = await submitted(group, fact("b"), fact("c"))
    store.gate.release()
    assert await group.run_once() == 3
    assert store.batches == [["a", "b", "c"]]
    assert [o.event.key for o in await first if isinstance(o, Appended)] == ["a"]
    assert [o.event.key for o in await second if isinstance(o, Appended)] == ["b", "c"]


async def test_a_request_larger_than_a_batch_is_written_in_several_and_answered_once() -> None:
    store = GatedStore()
    group = appender(store, batch_events=2)
    waiting = await submitted(group, *(fact(name) for name in "abcde"))
    for _ in range(3):
        store.gate.release()
        assert not waiting.done()
        await group.run_once()
    assert store.batches == [["a", "b"], ["c", "d"], ["e"]]
    assert len(await waiting) == 5


async def test_a_batch_is_bounded_in_bytes() -> None:
    store = GatedStore()
    group = appender(store, batch_bytes=25)
    waiting = await submitted(group, *(fact(name) for name in "abcd"))
    for _ in range(2):
        store.gate.release()
        await group.run_once()
    assert store.batches == [["a", "b", "c"], ["d"]]
    await waiting


async def test_past_the_bound_nothing_is_taken_and_the_queue_recovers() -> None:
    store = GatedStore()
    group = appender(store, waiting_events=2)
    first = await submitted(group, fact("a"), fact("b"))
    with pytest.raises(Overloaded) as refused:
        await group.submit([fact("c")])
    assert "2 events wait" in refused.value.detail
    assert refused.value.retry_after_s == 1
    store.gate.release()
    await group.run_once()
    await first
    third = await submitted(group, fact("c"))
    store.gate.release()
    await group.run_once()
    assert len(await third) == 1
    assert group.waiting == 0


async def test_a_failed_write_fails_those_in_it_and_no_one_after() -> None:
    store = GatedStore()
    group = appender(store)
    store.failing = True
    lost = await submitted(group, fact("a"))
    store.gate.release()
    await group.run_once()
    with pytest.raises(OSError, match="disk full"):
        await lost
    store.failing = False
    kept = await submitted(group, fact("b"))
    store.gate.release()
    await group.run_once()
    assert len(await kept) == 1


async def test_a_stop_writes_what_waits_and_takes_nothing_more() -> None:
    store = GatedStore()
    group = appender(store)
    waiting = await submitted(group, fact("a"))
    group.start()
    store.gate.release()
    await group.stop()
    assert len(await waiting) == 1
    with pytest.raises(Overloaded, match="stopping"):
        await group.submit([fact("b")])


async def test_a_caller_that_went_away_disturbs_nobody() -> None:
    store = GatedStore()
    group = appender(store)
    gone = await submitted(group, fact("a"))
    stays = await submitted(group, fact("b"))
    gone.cancel()
    await asyncio.sleep(0)
    store.gate.release()
    await group.run_once()
    assert len(await stays) == 1
    assert store.batches == [["a", "b"]]


async def test_those_who_were_answered_together_are_waited_for_and_written_together_again() -> None:
    store = GatedStore()
    group = appender(store, gather_s=60)
    together = [await submitted(group, fact(name)) for name in "ab"]
    group.start()
    store.gate.release()
    await asyncio.gather(*together)
    first = await submitted(group, fact("c"))
    store.gate.release()
    for _ in range(10):
        await asyncio.sleep(0)
    assert store.batches == [["a", "b"]]
    await asyncio.gather(first, await submitted(group, fact("d")))
    assert store.batches == [["a", "b"], ["c", "d"]]
    await group.stop()


async def test_who_is_alone_after_a_crowd_waits_a_moment_and_no_longer() -> None:
    store = GatedStore()
    group = appender(store, gather_s=0.001)
    crowd = [await submitted(group, fact(name)) for name in "ab"]
    group.start()
    for _ in range(2):
        store.gate.release()
    await asyncio.gather(*crowd)
    assert len(await group.submit([fact("c")])) == 1
    await group.stop()


class LanedStore(GatedStore):
    """Appends to its four lanes do not wait for each other."""

    partitions = 16
    lanes = 4


def lane(name: str) -> int:
    return partition_of(DEFAULT_ACCOUNT, name, LanedStore.partitions) % LanedStore.lanes


async def test_facts_of_a_request_go_to_their_lanes_and_are_answered_in_its_order() -> None:
    store = LanedStore()
    group = appender(store)
    names = [f"k{number}" for number in range(20)]
    waiting = await submitted(group, *map(fact, names))
    for _ in range(LanedStore.lanes):
        store.gate.release()
    assert await group.run_once() == 20
    assert [o.event.key for o in await waiting if isinstance(o, Appended)] == names
    assert all(len({lane(name) for name in batch}) == 1 for batch in store.batches)
    assert sorted(name for batch in store.batches for name in batch) == sorted(names)


async def test_a_lane_that_hangs_delays_no_other() -> None:
    store = LanedStore()
    group = appender(store)
    slow, quick = "a", next(name for name in "bcdefghij" if lane(name) != lane("a"))
    group.start()
    first = await submitted(group, fact(slow))
    second = await submitted(group, fact(quick))
    while store.waiting_for_the_gate != 2:
        await asyncio.sleep(0)
    store.gate.release()
    done, _ = await asyncio.wait([first, second], return_when=asyncio.FIRST_COMPLETED)
    assert len(done) == 1
    store.gate.release()
    await group.stop()


async def test_what_one_lane_refuses_is_the_whole_requests_answer() -> None:
    store = LanedStore()
    store.failing = True
    group = appender(store)
    waiting = await submitted(group, *(fact(f"k{number}") for number in range(9)))
    for _ in range(LanedStore.lanes):
        store.gate.release()
    await group.run_once()
    with pytest.raises(OSError, match="disk full"):
        await waiting
    assert group.waiting == 0
