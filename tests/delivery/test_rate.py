"""A rate limit: never more begin within any window, and no longer a wait than that takes."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pieces import delivery, endpoint

from offhook.delivery.queueing.queues import Queues, Share
from offhook.delivery.queueing.rate import RateLimit, Starts, rate_limit

ONE_A_SECOND = RateLimit(1, 1.0)


@pytest.mark.parametrize(
    ("per_s", "count", "window_s"),
    [(10, 10, 1.0), (1, 1, 1.0), (0.2, 1, 5.0), (2.5, 2, 0.8), (10_000, 10_000, 1.0)],
)
def test_a_rate_is_so_many_within_so_long(per_s: float, count: int, window_s: float) -> None:
    assert rate_limit(per_s) == RateLimit(count, pytest.approx(window_s))


def test_the_smallest_rate_there_is_has_a_window_that_can_be_reckoned_with() -> None:
    assert math.isfinite(rate_limit(5e-324).window_s)


@given(
    count=st.integers(1, 4),
    gaps=st.lists(st.sampled_from([0.0, 0.1, 0.3, 1.0, 2.0]), max_size=40),
    late_s=st.sampled_from([0.0, 0.2, 3.0]),
)
def test_no_more_begin_within_any_window_and_none_waits_longer_than_it_must(
    count: int, gaps: list[float], late_s: float
) -> None:
    """Each begins ``late_s`` after it was reserved; time only passes where it must wait or by
    itself."""
    limit, starts = RateLimit(count, 1.0), Starts()
    now_s, begun = 0.0, []
    for gap in gaps:
        now_s += gap
        free_at = starts.free_at(limit, count, now_s)
        if free_at > now_s:
            assert len([at for at in begun if at > now_s - 1.0]) >= count
            now_s = free_at
        starts.reserve()
        now_s += late_s
        starts.begin(now_s)
        begun.append(now_s)
    for at in begun:
        assert sum(at <= other < at + 1.0 - 1e-9 for other in begun) <= count


def test_one_that_is_about_to_begin_counts_until_it_does_and_a_window_longer() -> None:
    starts = Starts()
    starts.reserve()
    assert starts.free_at(ONE_A_SECOND, 1, 0.0) == 1.0
    assert starts.free_at(ONE_A_SECOND, 1, 5.0) == 6.0
    starts.begin(5.5)
    assert starts.free_at(ONE_A_SECOND, 1, 5.6) == 6.5
    assert starts.used(ONE_A_SECOND, 6.5) == 0


def test_one_that_never_began_does_not_count() -> None:
    starts = Starts()
    starts.reserve()
    starts.cancel()
    starts.begin(0.0)
    assert starts.free_at(ONE_A_SECOND, 1, 0.0) <= 0.0


def test_of_a_share_only_so_many_may_begin() -> None:
    starts, ten = Starts(), RateLimit(10, 1.0)
    for at in (0.0, 0.1, 0.2):
        starts.reserve()
        starts.begin(at)
    assert starts.free_at(ten, 4, 0.3) <= 0.3
    assert starts.free_at(ten, 3, 0.3) == 1.0
    assert starts.free_at(ten, 2, 0.3) == 1.1
    assert starts.free_at(ten, 0, 0.3) == math.inf


def test_after_a_death_nothing_begins_for_a_window() -> None:
    assert Starts(silent_since=7.0).free_at(ONE_A_SECOND, 1, 7.5) == 8.0


def queues_of(**rates: float | None) -> Queues:
    """One queue for each endpoint, with five keys waiting in it."""
    queues = Queues()
    for name, rate in rates.items():
        queue = queues.of(endpoint(name, rate_limit=None if rate is None else rate_limit(rate)))
        for number in range(5):
            queue.offer(delivery(number + 1, f"k{number}", webhook=queue.endpoint.id))
        queues.stir(queue)
    return queues


def sent_at(queues: Queues, now_s: float) -> list[str]:
    sent = []
    while (turn := queues.next(now_s)) is not None:
        queue, _ = turn
        assert queue.begin(now_s)
        queue.in_flight -= 1
        queues.stir(queue)
        sent.append(queue.endpoint.id)
    return sent


def test_an_endpoint_that_its_rate_holds_back_holds_up_no_other() -> None:
    queues = queues_of(slow=1, free=None)
    assert sorted(sent_at(queues, 0.0)) == ["wh_free"] * 5 + ["wh_slow"]


def test_the_queue_says_when_the_next_may_begin_and_goes_on_then() -> None:
    queues = queues_of(one=1, two=2, slow=0.25)
    assert sorted(sent_at(queues, 0.0)) == ["wh_one", "wh_slow", "wh_two", "wh_two"]
    assert queues.due_in_s(0.25) == 0.75
    assert sent_at(queues, 0.99) == []
    assert sorted(sent_at(queues, 1.0)) == ["wh_one", "wh_two", "wh_two"]
    assert sorted(sent_at(queues, 2.0)) == ["wh_one", "wh_two"]
    assert queues.due_in_s(2.0) == 1.0
    assert sorted(sent_at(queues, 4.0)) == ["wh_one", "wh_slow"]


def test_a_share_that_ran_out_lets_nothing_begin_until_the_next() -> None:
    queues = queues_of(crm=None)
    queues.divide()
    [queue] = queues.all()
    assert sent_at(queues, 0.0) == []
    assert list(queues.starved) == [queue]
    queue.share = Share(2, 0, until_s=1.0)
    queues.stir(queue)
    turn = queues.next(0.5)
    assert turn is not None
    assert not queue.begin(1.0)
    queue.put_back(turn[1])
    queues.stir(queue)
    assert (queue.size, queue.in_flight, sent_at(queues, 1.0)) == (5, 0, [])
    queue.share = Share(2, 0, until_s=9.0)
    queues.stir(queue)
    assert len(sent_at(queues, 1.0)) == 5
