"""The ring: a reader at any place finds what follows it, each event once, or is told to look
elsewhere; and it never outgrows its bounds."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from offhook.api.stream.ring import Entry, Place, Ring, merged
from offhook.log.entries import LogSlice
from offhook.model.event import LogEvent
from offhook.model.ids import DEFAULT_ACCOUNT, EventId

PARTITIONS = 3
START = Place(dict.fromkeys(range(PARTITIONS), 0), 0, 1)


def ring_of(most_events: int = 1_000, most_bytes: int = 1 << 20) -> Ring:
    return Ring(START, most_events=most_events, most_bytes=most_bytes)


def event(partition: int, position: int, created_ms: int = 0, size: int = 2) -> LogEvent:
    return LogEvent(
        partition=partition,
        position=position,
        id=EventId(f"evt_{partition}_{position}"),
        account=DEFAULT_ACCOUNT,
        type="custom.x",
        key="k",
        sequence=position,
        created_ms=created_ms,
        test=False,
        historical=False,
        headers=None,
        data=b"x" * size,
    )


def entries(partitions: Sequence[int]) -> list[Entry]:
    """An event in each of these partitions, in this order."""
    ends = dict.fromkeys(range(PARTITIONS), 0)
    made = []
    for partition in partitions:
        ends[partition] += 1
        made.append(Entry(event(partition, ends[partition], created_ms=len(made)), len(made)))
    return made


def named(events: Sequence[Entry]) -> list[str]:
    return [entry.event.id for entry in events]


@given(
    st.lists(st.integers(0, PARTITIONS - 1), max_size=60),
    st.integers(1, 20),
    st.integers(1, 7),
    st.integers(0, 60),
)
def test_whoever_the_ring_reaches_back_to_finds_all_that_follows(
    partitions: list[int], most: int, at_a_time: int, read: int
) -> None:
    ring, all_ = ring_of(most), entries(partitions)
    for at in range(0, len(all_), at_a_time):
        ring.extend(all_[at : at + at_a_time])
    after = dict.fromkeys(range(PARTITIONS), 0)
    for entry in all_[:read]:
        after[entry.event.partition] = entry.event.position
    unread = [it for it in all_ if it.event.position > after[it.event.partition]]
    serial = ring.entry_point(Place(after, 0))
    if serial is None:
        assert len(unread) > most // 2
    else:
        found = ring.since(serial, 1_000)
        left = [it for it in found if it.event.position > after[it.event.partition]]
        assert named(left) == named(unread)


@given(st.lists(st.integers(0, PARTITIONS - 1), max_size=60), st.integers(1, 20))
def test_a_reader_keeps_its_number_for_as_long_as_its_entry_is_there(
    partitions: list[int], most: int
) -> None:
    ring = ring_of(most)
    for entry in entries(partitions):
        before = ring.end
        ring.extend([entry])
        assert ring.entry_point(before) == before.serial
        assert named(ring.since(before.serial, 5)) == named([entry])


def test_bytes_are_bounded_too_but_for_one_event() -> None:
    ring = ring_of(most_bytes=1_000)
    ring.extend([Entry(event(0, position, size=300), 0) for position in range(1, 11)])
    kept = ring.since(ring.entry_point(Place({0: 9, 1: 0, 2: 0}, 0)) or 0, 100)
    assert 1 <= len(kept) <= 3
    ring.extend([Entry(event(0, 11, size=5_000), 0)])
    assert ring.entry_point(Place({0: 10, 1: 0, 2: 0}, 0)) is None
    assert ring.end.after[0] == 11


def test_an_event_is_rendered_once_for_all() -> None:
    entry = Entry(event(0, 1), 0)
    assert entry.body is entry.body
    assert entry.body.startswith(b"event: custom.x\ndata: {")


def test_partitions_are_merged_by_time_and_each_keeps_its_order() -> None:
    slices = [
        LogSlice((event(0, 1, 10), event(0, 2, 40)), 2, 0),
        LogSlice((), 0, 0),
        LogSlice((event(2, 5, 20), event(2, 6, 20), event(2, 7, 50)), 7, 0),
    ]
    whole = merged(slices, None)
    assert [(it.event.partition, it.event.position) for it in whole] == [
        (0, 1),
        (2, 5),
        (2, 6),
        (0, 2),
        (2, 7),
    ]
    assert [entry.at_ms for entry in whole] == [10, 20, 20, 40, 50]


def test_no_time_is_told_beyond_that_to_which_every_partition_was_read() -> None:
    slices = [
        LogSlice((event(0, 1, 10), event(0, 2, 30)), 2, 0),
        LogSlice((event(1, 1, 99),), 1, 0),
    ]
    assert [entry.at_ms for entry in merged(slices, 30)] == [10, 30, 30]


def test_the_time_of_the_end_never_goes_back() -> None:
    ring = ring_of()
    ring.extend([Entry(event(0, 1), 50), Entry(event(1, 1), 40)])
    assert ring.end.at_ms == 50
