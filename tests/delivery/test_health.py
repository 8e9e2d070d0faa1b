"""Health is the same whoever reports first: what failed since the last success."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from offhook.delivery.health import (
    UNTRIED,
    EndpointHealth,
    HealthStatus,
    failure,
    merge,
    success,
)

ATTEMPTS = st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=30)
"""Attempts in the order of time: accepted or not, and seen by which process."""


def seen(attempts: list[tuple[int, bool]]) -> EndpointHealth:
    health = UNTRIED
    for at_ms, accepted in attempts:
        health = merge(health, success(at_ms) if accepted else failure(at_ms))
    return health


def truth(attempts: list[tuple[int, bool]]) -> EndpointHealth:
    last_success = max((at for at, accepted in attempts if accepted), default=None)
    failures = [at for at, accepted in attempts if not accepted and at > (last_success or 0)]
    if not failures:
        return EndpointHealth(last_success_ms=last_success)
    return EndpointHealth(len(failures), min(failures), max(failures), last_success)


@given(ATTEMPTS)
def test_one_process_counts_exactly(drawn: list[tuple[bool, int]]) -> None:
    attempts = [(at + 1, accepted) for at, (accepted, _) in enumerate(drawn)]
    assert seen(attempts) == truth(attempts)


@given(ATTEMPTS, st.randoms(use_true_random=False))
def test_attempts_told_in_any_order_say_whether_it_fails_and_never_too_many_failures(
    drawn: list[tuple[bool, int]], rnd: Random
) -> None:
    attempts = [(at + 1, accepted) for at, (accepted, _) in enumerate(drawn)]
    expected = truth(attempts)
    late = list(attempts)
    rnd.shuffle(late)
    found = seen(late)
    assert found.status == expected.status
    assert found.last_success_ms == expected.last_success_ms
    assert found.last_failure_ms == expected.last_failure_ms
    assert found.failures <= expected.failures


@given(ATTEMPTS, st.permutations(range(4)))
def test_reports_of_several_processes_tell_whether_it_fails_and_never_too_many_failures(
    drawn: list[tuple[bool, int]], order: list[int]
) -> None:
    attempts = [(at + 1, accepted, process) for at, (accepted, process) in enumerate(drawn)]
    merged = UNTRIED
    for process in order:
        merged = merge(merged, seen([(at, ok) for at, ok, by in attempts if by == process]))
    expected = truth([(at, ok) for at, ok, _ in attempts])
    assert (merged.status, merged.last_success_ms) == (expected.status, expected.last_success_ms)
    assert merged.failures <= expected.failures
    if expected.failures:
        assert merged.failures >= 1
        assert merged.last_failure_ms == expected.last_failure_ms


@given(ATTEMPTS, st.integers(1, 5))
def test_reports_that_do_not_overlap_in_time_add_up_exactly(
    drawn: list[tuple[bool, int]], size: int
) -> None:
    attempts = [(at + 1, accepted) for at, (accepted, _) in enumerate(drawn)]
    merged = UNTRIED
    for at in range(0, len(attempts), size):
        merged = merge(merged, seen(attempts[at : at + size]))
    assert merged == truth(attempts)


@given(ATTEMPTS, ATTEMPTS)
def test_neither_of_the_two_goes_first(
    one: list[tuple[bool, int]], other: list[tuple[bool, int]]
) -> None:
    left = seen([(2 * at + 1, ok) for at, (ok, _) in enumerate(one)])
    right = seen([(2 * at + 2, ok) for at, (ok, _) in enumerate(other)])
    assert merge(left, right) == merge(right, left)
    assert merge(left, UNTRIED) == left


def test_an_endpoint_fails_from_its_first_failure_to_its_next_success() -> None:
    health = merge(failure(1), failure(2))
    assert (health.status, health.failures) == (HealthStatus.FAILING, 2)
    assert merge(health, success(3)).status is HealthStatus.HEALTHY
    assert UNTRIED.status is HealthStatus.HEALTHY
