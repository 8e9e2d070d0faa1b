"""The newest events in memory are what the database would have said."""

import threading

from hypothesis import given
from hypothesis import strategies as st

from offhook.model.event import LogEvent
from offhook.model.ids import DEFAULT_ACCOUNT, EventId
from offhook.store.sqlite.tail import Tail


def event(position: int, size: int = 10) -> LogEvent:
    return LogEvent(
        partition=0,
        position=position,
        id=EventId(f"evt_{position}"),
        account=DEFAULT_ACCOUNT,
        type="custom.noted",
        key="k",
        sequence=position,
        created_ms=0,
        test=False,
        historical=False,
        headers=None,
        data=b"x" * size,
    )


def positions(tail: Tail, after: int, limit: int = 1_000, max_bytes: int = 1 << 30) -> list[int]:
    slice_ = tail.read(after, limit, max_bytes)
    assert slice_ is not None
    return [found.position for found in slice_.events]


@given(
    batches=st.lists(st.integers(0, 20), max_size=10),
    start=st.integers(0, 50),
    after=st.integers(0, 120),
    limit=st.integers(1, 30),
    count=st.integers(1, 30),
)
def test_it_reads_as_the_log_does(
    batches: list[int], start: int, after: int, limit: int, count: int
) -> None:
    tail = Tail(start, 7)
    log: list[LogEvent] = []
    for size in batches:
        first = start + len(log) + 1
        log += [event(position) for position in range(first, first + size)]
        tail.extend(log[len(log) - size :] if size else [])
    slice_ = tail.read(after, limit, count * 10)
    if after < start:
        assert slice_ is None
        return
    assert slice_ is not None
    expected = [found for found in log if found.position > after][: min(limit, count)]
    assert list(slice_.events) == expected
    assert slice_.read_to == (expected[-1].position if expected else after)
    assert slice_.config_version == 7
    assert tail.head == start + len(log)


def test_it_holds_no_more_than_it_may_and_says_where_it_ends() -> None:
    tail = Tail(0, 0, max_bytes=1_000)
    for position in range(1, 201):
        tail.extend([event(position, 100)])
    assert tail.read(0, 10, 1 << 20) is None
    kept = positions(tail, 195)
    assert kept == [196, 197, 198, 199, 200]
    oldest = next(after for after in range(200) if tail.read(after, 1, 1) is not None)
    assert 5 <= 200 - oldest <= 11
    assert positions(tail, oldest) == list(range(oldest + 1, 201))


def test_what_retention_took_is_not_read() -> None:
    tail = Tail(0, 0)
    tail.extend([event(position) for position in range(1, 6)])
    tail.trim(3)
    assert tail.read(0, 10, 1 << 20) is None
    assert positions(tail, 3) == [4, 5]
    tail.trim(99)
    assert (positions(tail, 5), tail.head) == ([], 5)


def test_events_and_the_version_are_of_one_moment() -> None:
    tail = Tail(0, 0)
    tail.configure(3)
    tail.extend([event(1)])
    slice_ = tail.read(0, 10, 1)
    assert slice_ is not None
    assert slice_.config_version == 3


def test_a_reader_beside_the_writer_sees_every_event_once_and_in_order() -> None:
    tail = Tail(0, 0, max_bytes=5_000)
    done = threading.Event()

    def write() -> None:
        for position in range(1, 20_001, 10):
            tail.extend([event(position + n) for n in range(10)])
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    after, lost = 0, 0
    while not (done.is_set() and after == 20_000):
        slice_ = tail.read(after, 50, 1 << 20)
        if slice_ is None:
            lost += 1
            after = tail.head
            continue
        found = [each.position for each in slice_.events]
        assert found == list(range(after + 1, after + 1 + len(found)))
        after = slice_.read_to
    thread.join()
