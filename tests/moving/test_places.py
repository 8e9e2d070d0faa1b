"""The mapping of places: every event has one, in the old order, and every cursor cuts the same."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.model.ids import DEFAULT_ACCOUNT, partition_of
from offhook.moving.places import Places

KEYS = st.sampled_from([f"key-{number}" for number in range(12)])
LOGS = st.lists(st.tuples(KEYS, st.integers(1, 3)), max_size=60)
"""Keys in the order of the log, each with the distance to the position before: retention leaves
holes."""
PARTITIONS = st.integers(1, 16)


def log_of(steps: list[tuple[str, int]]) -> list[tuple[int, str]]:
    """(position, key) of each event."""
    position, log = 0, []
    for key, distance in steps:
        position += distance
        log.append((position, key))
    return log


def places_of(log: list[tuple[int, str]], partitions: int) -> Places:
    places = Places(partitions)
    for position, key in log:
        places.add(DEFAULT_ACCOUNT, key, position)
    return places


def moved(log: list[tuple[int, str]], places: Places) -> dict[int, tuple[int, int]]:
    """The new place of each old position."""
    homes = {key: places.home(DEFAULT_ACCOUNT, key) for _, key in log}
    return {position: (homes[key], places.at(homes[key], position)) for position, key in log}


@given(LOGS, PARTITIONS)
def test_positions_are_counted_without_a_gap_in_the_old_order(
    steps: list[tuple[str, int]], partitions: int
) -> None:
    log = log_of(steps)
    stands = defaultdict(list)
    for partition, position in moved(log, places_of(log, partitions)).values():
        stands[partition].append(position)
    for positions in stands.values():
        assert positions == list(range(1, len(positions) + 1))


@given(LOGS, PARTITIONS)
def test_a_key_lives_where_the_new_log_looks_for_it(
    steps: list[tuple[str, int]], partitions: int
) -> None:
    log = log_of(steps)
    places = moved(log, places_of(log, partitions))
    for position, key in log:
        assert places[position][0] == partition_of(DEFAULT_ACCOUNT, key, partitions)


@given(LOGS, PARTITIONS, st.integers(0, 200))
def test_a_cursor_has_the_same_events_before_it_and_after_it(
    steps: list[tuple[str, int]], partitions: int, cursor: int
) -> None:
    log = log_of(steps)
    places = places_of(log, partitions)
    reached = [places.through(partition, cursor) for partition in range(partitions)]
    for old, (partition, new) in moved(log, places).items():
        assert (old <= cursor) == (new <= reached[partition])


@given(LOGS, PARTITIONS)
def test_an_event_is_found_by_its_old_position_alone(
    steps: list[tuple[str, int]], partitions: int
) -> None:
    log = log_of(steps)
    places = places_of(log, partitions)
    expected = moved(log, places)
    for position in range(max(expected, default=0) + 2):
        assert places.find(position) == expected.get(position)


@given(LOGS, PARTITIONS)
def test_what_retention_took_stands_before_everything_in_its_order_and_is_no_event(
    steps: list[tuple[str, int]], partitions: int
) -> None:
    log = log_of(steps)
    places = places_of(log, partitions)
    there = {position for position, _ in log}
    gone = [position for position in range(1, max(there, default=0)) if position not in there]
    for partition in range(partitions):
        stands = [places.at(partition, position) for position in gone]
        assert all(position < 0 for position in stands)
        assert stands == sorted(set(stands))


@pytest.mark.parametrize("cursor", [-1, 0, 7])
def test_an_empty_log_has_every_cursor_at_its_beginning(cursor: int) -> None:
    assert [Places(4).through(partition, cursor) for partition in range(4)] == [0] * 4
