"""The receiver fails as often as it is told to, in each of its ways, and the same way again."""

from collections import Counter
from itertools import groupby
from random import Random

import pytest

from offhook.demo.faults import Fault, Faults


def drawn(share: float, count: int, seed: int = 5) -> list[Fault]:
    faults = Faults(Random(seed), share)
    return [faults.next() for _ in range(count)]


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3])
def test_the_share_of_failed_requests_is_the_one_asked_for(share: float) -> None:
    faults = drawn(share, 100_000)
    assert sum(fault is not Fault.NONE for fault in faults) / 100_000 == pytest.approx(
        share, rel=0.1
    )


def test_nothing_fails_where_nothing_is_to_fail() -> None:
    assert set(drawn(0.0, 10_000)) == {Fault.NONE}


def test_every_kind_of_fault_happens_and_slow_answers_are_rare() -> None:
    kinds = Counter(drawn(0.1, 100_000))
    assert set(kinds) == set(Fault)
    assert kinds[Fault.SLOW] < 150


def test_some_failures_come_in_bursts() -> None:
    runs = [len(list(run)) for fault, run in groupby(drawn(0.1, 50_000)) if fault is Fault.REFUSED]
    assert sum(length >= 25 for length in runs) > 20


def test_the_same_seed_fails_the_same_requests() -> None:
    assert drawn(0.1, 5_000) == drawn(0.1, 5_000)
