"""What comes during a commit shares the next; a queue that fails loses nothing that was told."""

import asyncio
from collections.abc import Sequence

import pytest

from offhook.model.errors import Overloaded
from offhook.receiver.journal import MAX_WAITING, Journal
from offhook.receiver.ports import Arrival, Receipt, Settlement, Verdict
from offhook.receiver.sqlite import SqliteQueue

END = Settlement("evt_0", "k", 1, Verdict.HANDLED)


class SlowQueue(SqliteQueue):
    """Counts commits, each of which lasts until it is let go, or fails."""

    def __init__(self) -> None:
        super().__init__(":memory:")
        self.commits: list[tuple[int, int]] = []
        self.fails = False
        self.go = asyncio.Event()

    async def commit(
        self, holder: str, arrivals: Sequence[Arrival], settlements: Sequence[Settlement]
    ) -> list[Receipt]:
        self.commits.append((len(arrivals), len(settlements)))
        await self.go.wait()
        if self.fails:
            raise OSError("disk full")
        return [Receipt.NEW for _ in arrivals]


def arrival(name: str) -> Arrival:
    return Arrival(name, name, b"")


async def until_idle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_what_comes_during_a_commit_shares_the_next_one() -> None:
    queue, told = SlowQueue(), []
    journal = Journal(queue, "h")
    running = asyncio.create_task(journal.run(told.extend))
    recording = [asyncio.create_task(journal.record(arrival("a")))]
    await until_idle()
    recording += [asyncio.create_task(journal.record(arrival(name))) for name in "bcd"]
    await until_idle()
    journal.settle(END)
    recording[1].cancel()
    queue.go.set()
    results = await asyncio.gather(*recording, return_exceptions=True)
    journal.stop()
    await running
    assert queue.commits == [(1, 0), (3, 1)]
    assert told == [END]
    assert [result for result in results if result is Receipt.NEW] == [Receipt.NEW] * 3


async def test_a_queue_that_fails_is_told_to_the_senders_and_forgets_no_settlement() -> None:
    queue, told = SlowQueue(), []
    queue.go.set()
    queue.fails = True
    journal = Journal(queue, "h")
    recording = asyncio.create_task(journal.record(arrival("a")))
    journal.settle(END)
    await until_idle()
    await journal.run_once(told.extend)
    with pytest.raises(Overloaded):
        await recording
    assert told == []
    queue.fails = False
    await journal.run_once(told.extend)
    assert queue.commits == [(1, 1), (0, 1)]
    assert told == [END]


async def test_past_the_bound_and_after_the_end_nothing_more_is_taken() -> None:
    journal = Journal(SlowQueue(), "h")
    many = [asyncio.create_task(journal.record(arrival("a"))) for _ in range(MAX_WAITING)]
    await until_idle()
    with pytest.raises(Overloaded, match="wait to be stored"):
        await journal.record(arrival("b"))
    for task in many:
        task.cancel()
    await asyncio.gather(*many, return_exceptions=True)
    journal.stop()
    with pytest.raises(Overloaded, match="stopping"):
        await journal.record(arrival("b"))
