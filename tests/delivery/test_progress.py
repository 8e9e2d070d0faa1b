"""The position below which everything is settled, whatever the order of settling."""

from hypothesis import given
from hypothesis import strategies as st

from offhook.delivery.queueing.progress import Progress


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
