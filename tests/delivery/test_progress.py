"""The position below which everything is settled, whatever the order of settling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.delivery.queueing.progress import Progress, Range, Search


def test_without_deliveries_reading_is_progress() -> None:
    progress = Progress(10)
    progress.read(500)
    assert progress.done_to() == 500
    assert progress.idle


def test_an_unsettled_position_holds_the_cursor_below_it() -> None:
    progress = Progress(0)
    for position in (3, 5, 5, 9):
        progress.open(position)
    progress.read(20)
    progress.settle(5)
    progress.settle(9)
    assert progress.done_to() == 2
    progress.settle(3)
    assert progress.done_to() == 4
    progress.settle(5)
    assert progress.done_to() == 20


@given(st.lists(st.integers(1, 30), min_size=1), st.lists(st.integers(1, 30), min_size=1))
def test_what_is_adopted_holds_the_place_wherever_it_lies(
    opened: list[int], adopted: list[int]
) -> None:
    progress = Progress(0)
    for position in sorted(opened):
        progress.open(position)
    progress.read(40)
    for position in opened[::2]:
        progress.settle(position)
    progress.adopt(adopted)
    left = sorted([*opened[1::2], *adopted])
    while left:
        assert progress.done_to() == left[0] - 1
        progress.settle(left.pop(0))
    assert progress.done_to() == 40


@given(st.lists(st.integers(1, 30), min_size=1), st.randoms(use_true_random=False))
def test_the_cursor_never_passes_an_unsettled_position_and_never_goes_back(
    positions: list[int], random: object
) -> None:
    progress = Progress(0)
    for position in sorted(positions):
        progress.open(position)
    progress.read(max(positions))
    left = list(positions)
    random.shuffle(left)  # type: ignore[attr-defined]
    before = progress.done_to()
    while left:
        progress.settle(left.pop())
        assert progress.done_to() == (min(left) - 1 if left else max(positions))
        assert progress.done_to() >= before
        before = progress.done_to()


def test_what_is_not_to_be_sent_at_the_front_of_a_range_is_read_and_nothing_behind_it() -> None:
    held = Range(11)
    assert held.seek_from(1, 100) == 10
    held.nothing_up_to(20)
    held.sought(through=40, end=100)
    assert (held.progress.read_to, held.seek_from(1, 100), held.met) == (20, 40, False)
    held.nothing_up_to(60)
    assert held.progress.read_to == 20


@pytest.mark.parametrize("how", ["all of it was", "it is read further", "the endpoint changed"])
def test_a_range_is_searched_from_its_front_again_once(how: str) -> None:
    held = Range(11)
    assert held.seek_from(1, 100) == 10
    held.sought(through=40, end=100)
    held.search.pass_over("a", 12)
    match how:
        case "all of it was":
            held.sought(through=100, end=100)
            assert held.search.over
            held.seek_anew()
            assert held.seek_from(1, 100) == 10
        case "it is read further":
            held.progress.read(60)
            assert held.seek_from(1, 100) == 60
        case _:
            assert held.seek_from(2, 100) == 10
    assert not held.search.behind
    assert not held.met


def test_a_search_vouches_for_what_it_went_past_and_what_nothing_stands_before() -> None:
    search = Search(revision=1, end=100)
    search.to = 40
    search.pass_over("a", 30)
    search.pass_over("a", 20)
    assert search.vouches_for("a", 30, 1)
    assert not search.vouches_for("a", 31, 1)
    assert search.vouches_for("b", 40, 1)
    assert not search.vouches_for("b", 41, 1)
    assert not search.vouches_for("b", 40, 2)


def test_a_range_of_which_nothing_is_to_be_sent_is_met() -> None:
    held = Range(11)
    held.nothing_up_to(100)
    held.sought(through=100, end=100)
    assert held.met
