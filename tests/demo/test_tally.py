"""The receiver's own count: what came, once or again, in order or not, and what never came."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.demo.latency import Latencies
from offhook.demo.tally import Event, Report, Tally, _Data
from offhook.model.event import to_ms

CREATED = datetime(2026, 11, 20, 10, tzinfo=UTC)
NOW_MS = to_ms(CREATED)


def event(
    key: str, sequence: int, type_: str = "call.updated", outcome: str | None = None
) -> Event:
    return Event(f"evt_{key}_{sequence}", type_, CREATED, key, sequence, _Data(outcome))


def kept(*events: Event) -> Report:
    tally = Tally()
    for one in events:
        tally.keep(one, NOW_MS)
    return tally.report()


def test_an_event_that_comes_again_is_a_duplicate_and_counts_once() -> None:
    report = kept(event("a", 1), event("a", 2), event("a", 1), event("a", 1))
    assert (report.received, report.distinct, report.duplicates) == (4, 2, 2)
    assert (report.gaps, report.out_of_order) == (0, 0)


def test_a_repeat_of_an_earlier_event_breaks_no_order() -> None:
    assert kept(event("a", 1), event("a", 2), event("a", 1)).out_of_order == 0


def test_a_first_arrival_after_a_later_one_is_out_of_order_and_closes_its_gap() -> None:
    report = kept(event("a", 1), event("a", 3), event("a", 2))
    assert (report.out_of_order, report.gaps) == (1, 0)


def test_two_events_under_one_sequence_are_out_of_order() -> None:
    first = event("a", 1)
    other = Event("evt_other", first.type, CREATED, "a", 1)
    assert kept(first, other).out_of_order == 1


def test_a_missing_sequence_is_a_gap_also_at_the_start() -> None:
    assert kept(event("a", 2), event("a", 5), event("b", 1)).gaps == 3


@given(st.permutations([(key, sequence) for key in "abc" for sequence in (1, 2, 3)]))
def test_order_and_gaps_are_judged_per_key(arrivals: list[tuple[str, int]]) -> None:
    report = kept(*(event(key, sequence) for key, sequence in arrivals))
    late = sum(
        any(key == of and sequence < earlier for of, earlier in arrivals[:place])
        for place, (key, sequence) in enumerate(arrivals)
    )
    assert (report.distinct, report.gaps, report.out_of_order) == (9, 0, late)


def test_calls_are_counted_by_the_outcome_that_their_end_states() -> None:
    report = kept(
        event("a", 1, "call.started", "answered"),
        event("a", 2, "call.ended", "answered"),
        event("b", 1, "call.ended", "abandoned"),
        event("b", 1, "call.ended", "abandoned"),
        event("c", 1, "call.ended"),
    )
    assert report.calls == 3
    assert report.by_outcome == {"answered": 1, "abandoned": 1, "none": 1}
    assert report.by_type == {"call.ended": 3, "call.started": 1}


def test_what_the_log_holds_is_missing_until_it_comes() -> None:
    tally = Tally()
    tally.keep(event("a", 1), NOW_MS)
    tally.expect(["evt_a_1", "evt_a_2", "evt_a_3"])
    assert (tally.report().expected, tally.report().missing) == (3, 2)
    tally.keep(event("a", 2), NOW_MS)
    assert tally.report().missing == 1


def test_requests_retries_and_failures_are_counted_apart_from_events() -> None:
    tally = Tally()
    for attempt in (1, 1, 2, 5):
        tally.request(attempt)
    tally.invalid()
    tally.failed_on_purpose()
    report = tally.report()
    assert (report.requests, report.retries, report.invalid, report.failed_on_purpose) == (
        4,
        2,
        1,
        1,
    )
    assert report.received == 0


def test_rates_are_of_distinct_events_between_the_first_and_the_last() -> None:
    tally = Tally()
    for number in range(11):
        tally.keep(event("a", number + 1), NOW_MS + number * 200)
    tally.keep(event("a", 1), NOW_MS + 60_000)
    report = tally.report()
    assert report.per_s == pytest.approx(11 / 2)
    assert report.busiest_second == 5


def test_latency_runs_from_commit_to_first_arrival() -> None:
    tally = Tally()
    for number in range(100):
        created = CREATED + timedelta(seconds=number)
        one = Event(f"evt_{number}", "call.updated", created, "a", number + 1)
        late_ms = 300 if number >= 95 else 20
        tally.keep(one, to_ms(created) + late_ms)
        tally.keep(one, to_ms(created) + 90_000)
    report = tally.report()
    assert report.p50_ms == pytest.approx(20, rel=0.02)
    assert report.p99_ms == pytest.approx(300, rel=0.02)


def test_there_is_no_percentile_of_nothing() -> None:
    assert Latencies().percentile_ms(99) is None
    assert Tally().report() == Report()


@given(st.lists(st.floats(0.2, 1e6), min_size=1), st.sampled_from([1, 50, 90, 99, 100]))
def test_a_percentile_is_within_two_percent_of_the_exact_one(
    latencies_ms: list[float], percent: int
) -> None:
    latencies = Latencies()
    for latency_ms in latencies_ms:
        latencies.add(latency_ms)
    rank = max(1, -(-len(latencies_ms) * percent // 100))
    exact = sorted(latencies_ms)[rank - 1]
    assert latencies.percentile_ms(percent) == pytest.approx(exact, rel=0.011)
