"""What the receiver keeps survives, is known again for two days, and belongs to who holds it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import apsw
import pytest

from offhook.model.errors import Conflict, Overloaded
from offhook.receiver import (
    Arrival,
    SqliteInbox,
    StoredEvent,
)
from offhook.receiver.journal import MAX_WAITING, Journal
from offhook.testing.clock import FakeClock

TWO_DAYS_S = 48 * 3600


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def inbox(tmp_path: Path, clock: FakeClock) -> AsyncIterator[SqliteInbox]:
    opened = SqliteInbox(tmp_path / "inbox.db", clock=clock)
    yield opened
    await opened.close()


def arrivals(*names: str) -> list[Arrival]:
    return [Arrival(name, f"key_{name}", name.encode()) for name in names]


async def test_new_events_get_places_in_order_and_repeats_get_none(inbox: SqliteInbox) -> None:
    assert await inbox.commit(arrivals("a", "b", "a"), []) == [1, 2, None]
    first, _, third = await inbox.commit(arrivals("b", "a", "c"), [1])
    assert (first, third is not None) == (None, True)
    assert [event.event_id for event in await inbox.waiting(0, 10)] == ["b", "c"]
    assert await inbox.waiting(0, 1) == [StoredEvent(2, "b", "key_b", b"b")]
    assert [event.event_id for event in await inbox.waiting(2, 10)] == ["c"]


async def test_what_was_kept_is_there_after_opening_again(tmp_path: Path) -> None:
    first = SqliteInbox(tmp_path / "inbox.db")
    await first.commit(arrivals("a", "b"), [])
    await first.commit([], [1])
    await first.close()
    again = SqliteInbox(tmp_path / "inbox.db")
    assert [event.event_id for event in await again.waiting(0, 10)] == ["b"]
    assert (await again.commit(arrivals("a", "b"), [])) == [None, None]
    await again.close()


async def test_a_commit_that_fails_keeps_nothing(inbox: SqliteInbox) -> None:
    broken = [*arrivals("a"), Arrival("b", None, b"")]  # type: ignore[arg-type]
    with pytest.raises(apsw.ConstraintError):
        await inbox.commit(broken, [])
    assert await inbox.commit(arrivals("a"), []) == [1]


async def test_a_handled_event_is_known_for_two_days_and_its_place_not_used_again(
    inbox: SqliteInbox, clock: FakeClock
) -> None:
    await inbox.commit(arrivals("handled", "waiting"), [])
    await inbox.commit([], [1])
    clock.advance(TWO_DAYS_S)
    assert await inbox.commit(arrivals("handled"), []) == [None]
    clock.advance(61)
    (place,) = await inbox.commit(arrivals("handled"), [])
    assert place is not None
    assert place > 2
    assert [event.event_id for event in await inbox.waiting(0, 10)] == ["waiting", "handled"]


async def test_an_inbox_belongs_to_one_process(inbox: SqliteInbox, tmp_path: Path) -> None:
    with pytest.raises(Conflict, match="used by another process"):
        SqliteInbox(tmp_path / "inbox.db")


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "inbox.db"
    with pytest.raises(Conflict, match="missing"):
        SqliteInbox(path)


class SlowInbox:
    """Counts transactions, each of which lasts until it is let go."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, list[int]]] = []
        self.fails = False
        self.go = asyncio.Event()

    async def commit(self, arrivals: Sequence[Arrival], handled: Sequence[int]) -> list[int | None]:
        self.batches.append((len(arrivals), list(handled)))
        await self.go.wait()
        if self.fails:
            raise apsw.FullError("disk full")
        return [len(self.batches) * 1000 + place for place in range(len(arrivals))]

    async def waiting(self, after: int, limit: int) -> list[StoredEvent]:
        return []

    async def close(self) -> None:
        pass


async def until_idle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_what_arrives_during_a_commit_shares_the_next_one() -> None:
    slow, stored = SlowInbox(), []
    journal = Journal(slow)
    running = asyncio.create_task(journal.run(stored.append))
    recording = [asyncio.create_task(journal.record(one)) for one in arrivals("a")]
    await until_idle()
    recording += [asyncio.create_task(journal.record(one)) for one in arrivals("b", "c", "d")]
    await until_idle()
    journal.mark_handled(7)
    recording[1].cancel()
    slow.go.set()
    results = await asyncio.gather(*recording, return_exceptions=True)
    journal.stop()
    await running
    assert slow.batches == [(1, []), (3, [7])]
    assert [event.event_id for event in stored] == ["a", "b", "c", "d"]
    assert [result for result in results if result is True] == [True] * 3


async def test_a_store_that_fails_is_told_to_the_senders_and_forgets_no_handled_event() -> None:
    slow = SlowInbox()
    slow.go.set()
    slow.fails = True
    journal = Journal(slow)
    recording = asyncio.create_task(journal.record(arrivals("a")[0]))
    journal.mark_handled(7)
    await until_idle()
    await journal.run_once(lambda stored: pytest.fail("nothing was stored"))
    with pytest.raises(Overloaded):
        await recording
    slow.fails = False
    await journal.run_once(lambda stored: None)
    assert slow.batches == [(1, [7]), (0, [7])]


async def test_past_the_bound_nothing_more_is_taken() -> None:
    journal = Journal(SlowInbox())
    many = [asyncio.create_task(journal.record(arrivals("a")[0])) for _ in range(MAX_WAITING)]
    await until_idle()
    with pytest.raises(Overloaded):
        await journal.record(arrivals("b")[0])
    for task in many:
        task.cancel()
    await asyncio.gather(*many, return_exceptions=True)
