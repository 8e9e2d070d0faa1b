"""What is slow leaves its place to what is quick, within a bound of its own."""

from offhook.delivery.queueing.permits import Permit, Permits


def taken(permits: Permits, times: int, *, at_s: float = 0.0, slow: bool = False) -> list[Permit]:
    return [permits.take(at_s, slow=slow) for _ in range(times)]


def test_three_quarters_are_for_what_may_be_quick() -> None:
    permits = Permits(16)
    taken(permits, 11)
    assert permits.free(slow=False)
    taken(permits, 1)
    assert not permits.free(slow=False)
    assert permits.free(slow=True)


def test_a_quarter_is_for_endpoints_that_hang() -> None:
    permits = Permits(16)
    taken(permits, 4, slow=True)
    assert not permits.free(slow=True)
    assert permits.free(slow=False)


def test_what_takes_longer_than_a_second_leaves_its_place_to_others() -> None:
    permits = Permits(16)
    taken(permits, 12, at_s=0.0)
    permits.age(1.0)
    assert not permits.free(slow=False)
    permits.age(1.1)
    assert permits.free(slow=False)
    assert not permits.free(slow=True)


def test_in_all_there_are_never_more_than_twice_the_bound() -> None:
    permits = Permits(16)
    count, now_s = 0, 0.0
    for _ in range(20):
        now_s += 2.0
        permits.age(now_s)
        while permits.free(slow=False):
            permits.take(now_s, slow=False)
            count += 1
    assert count == 32


def test_what_ends_frees_its_place_in_the_class_that_it_counts_in() -> None:
    permits = Permits(16)
    quick, hanging = taken(permits, 12), taken(permits, 4, slow=True)
    permits.age(2.0)
    for permit in quick + hanging:
        permits.give_back(permit)
    taken(permits, 12, at_s=3.0)
    assert not permits.free(slow=False)
    assert permits.free(slow=True)


def test_one_that_ended_young_does_not_turn_slow() -> None:
    permits = Permits(16)
    for permit in taken(permits, 12):
        permits.give_back(permit)
    permits.age(5.0)
    assert permits.free(slow=True)
    taken(permits, 4, slow=True)
    assert not permits.free(slow=True)


def test_the_smallest_bound_still_lets_one_of_each_through() -> None:
    permits = Permits(1)
    assert permits.free(slow=True)
    assert permits.free(slow=False)
