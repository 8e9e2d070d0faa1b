"""The simulated durations and arrivals lie close to those of the real centre, where its data is."""

import csv
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from random import Random
from statistics import mean

import pytest

from offhook.testing.simulation import shapes

BANK = Path(__file__).parents[2].parent / "shared" / "data" / "technion_anonymous_bank_1999_02.tsv"
needs_the_bank = pytest.mark.skipif(not BANK.exists(), reason="the bank's data is not here")


@cache
def rows() -> list[dict[str, str]]:
    with BANK.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def real(column: str, outcome: str, least: int = 0) -> list[float]:
    found = (float(row[column]) for row in rows() if row["outcome"] == outcome)
    return [value for value in found if value >= least]


def drawn(shape: Callable[[Random], float], count: int = 30_000) -> list[float]:
    rnd = Random(17)
    return [shape(rnd) for _ in range(count)]


def distance(first: Sequence[float], second: Sequence[float]) -> float:
    """The largest vertical distance between two distributions (Kolmogorov and Smirnov)."""
    one, other = sorted(first), sorted(second)
    # Whole seconds are all that the bank knows: between them nothing can be compared.
    places = range(int(max(one[-1], other[-1])) + 1)
    return max(
        abs(bisect_right(one, at + 0.5) / len(one) - bisect_right(other, at + 0.5) / len(other))
        for at in places
    )


@needs_the_bank
@pytest.mark.parametrize(
    ("shape", "column", "outcome", "least"),
    [
        (shapes.talk_s, "ser_time", "AGENT", 0),
        (shapes.wait_s, "q_time", "AGENT", 0),
        (shapes.patience_s, "q_time", "HANG", 1),
    ],
)
def test_a_duration_is_distributed_as_observed(
    shape: Callable[[Random], float], column: str, outcome: str, least: int
) -> None:
    observed = real(column, outcome, least)
    simulated = drawn(shape)
    assert distance(observed, simulated) < 0.08
    assert mean(simulated) == pytest.approx(mean(observed), rel=0.04)


@needs_the_bank
def test_time_in_the_menu_has_the_observed_mean() -> None:
    observed = [float(row["vru_time"]) for row in rows() if int(row["vru_time"]) > 0]
    assert mean(drawn(shapes.ivr_s)) == pytest.approx(mean(observed), rel=0.1)


@needs_the_bank
def test_calls_come_by_the_half_hour_as_observed() -> None:
    starts = (row["vru_entry"].split(":") for row in rows())
    observed = [
        int(hour) * 3600 + int(minute) * 60.0 + int(second) for hour, minute, second in starts
    ]
    assert distance(observed, drawn(shapes.second_of_day)) < 0.01


@needs_the_bank
def test_the_busiest_contact_calls_as_often_as_observed() -> None:
    observed = Counter(row["customer_id"] for row in rows() if row["customer_id"] != "0")
    rnd = Random(4)
    simulated = Counter(shapes.known_contact(rnd, len(observed)) for _ in range(observed.total()))
    assert simulated.most_common(1)[0][1] == pytest.approx(observed.most_common(1)[0][1], rel=0.25)


def test_known_contacts_are_within_the_population() -> None:
    rnd = Random(1)
    found = {shapes.known_contact(rnd, 5) for _ in range(1_000)}
    assert found == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("shape", [shapes.ring_s, shapes.wrap_s, shapes.ivr_s, shapes.talk_s])
def test_durations_are_positive_and_in_tenths(shape: Callable[[Random], float]) -> None:
    assert all(value >= 0 and value == round(value, 1) for value in drawn(shape, 2_000))


def test_a_draw_follows_the_shares() -> None:
    rnd = Random(2)
    found = Counter(shapes.draw(rnd, {"often": 3, "seldom": 1}) for _ in range(10_000))
    assert found["often"] / 10_000 == pytest.approx(0.75, abs=0.02)
