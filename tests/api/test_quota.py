"""At most N in any sliding second, and never fewer: the limiter of one process."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.api.quota import Quota, judge
from offhook.api.ratelimit import LocalRateLimit
from offhook.model.ids import KeyId
from offhook.testing.clock import FakeClock

KEY = KeyId("key_1")
_TICK_S = 1 / 1024
"""A power of two, so that times add up exactly."""

steps = st.lists(st.one_of(st.integers(0, 200), st.sampled_from([1023, 1024, 1025])), max_size=120)


def moments(steps: Sequence[int]) -> list[float]:
    now, found = 0, []
    for step in steps:
        now += step
        found.append(now * _TICK_S)
    return found


async def asked(limiter: LocalRateLimit, clock: FakeClock, limit: int, times: list[float]):
    granted: list[float] = []
    for now_s in times:
        clock.advance(now_s - clock.monotonic())
        quota = await limiter.take(KEY, limit)
        within = [moment for moment in granted if moment > now_s - 1]
        assert quota.granted is (len(within) < limit)
        if quota.granted:
            granted.append(now_s)
            assert quota.remaining == limit - len(within) - 1
        else:
            assert quota.remaining == 0
            assert now_s + quota.wait_s == within[-limit] + 1
    return granted


@given(steps, st.integers(1, 12))
def test_a_request_is_granted_unless_n_were_within_the_second_before(
    steps: list[int], limit: int
) -> None:
    clock = FakeClock()
    granted = asyncio.run(asked(LocalRateLimit(clock), clock, limit, moments(steps)))
    for first, last in zip(granted, granted[limit:], strict=False):
        assert last - first >= 1


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 6)), max_size=80))
def test_a_limit_that_changes_holds_from_the_next_request_on(asks: list[tuple[int, int]]) -> None:
    async def ask() -> None:
        clock = FakeClock()
        limiter = LocalRateLimit(clock)
        granted: list[float] = []
        for step, limit in asks:
            clock.advance(step * _TICK_S)
            quota = await limiter.take(KEY, limit)
            within = [moment for moment in granted if moment > clock.monotonic() - 1]
            assert quota.granted is (len(within) < limit)
            if quota.granted:
                granted.append(clock.monotonic())

    asyncio.run(ask())


def test_a_decision_depends_on_nothing_but_its_arguments() -> None:
    assert judge([], 5.0, 2) == Quota(True, 2, 1)
    assert judge([4.25], 5.0, 2) == Quota(True, 2, 0)
    assert judge([4.25, 4.5], 5.0, 2) == Quota(False, 2, 0, 0.25)
    assert judge([4.25, 4.5, 4.75], 5.0, 1) == Quota(False, 1, 0, 0.75)


async def test_keys_do_not_share_a_limit() -> None:
    limiter = LocalRateLimit(FakeClock())
    quotas = [await limiter.take(KeyId(f"key_{number % 2}"), 2) for number in range(6)]
    assert [quota.granted for quota in quotas] == [True] * 4 + [False] * 2


@pytest.mark.parametrize("pause_s", [0.0, 0.001, 0.7])
async def test_silent_keys_take_no_memory(pause_s: float) -> None:
    clock = FakeClock()
    limiter = LocalRateLimit(clock)
    for number in range(5_000):
        clock.advance(pause_s)
        await limiter.take(KeyId(f"key_{number}"), 100)
    clock.advance(1)
    await limiter.take(KEY, 1)
    clock.advance(1)
    await limiter.take(KEY, 1)
    assert limiter.keys_held == 1
