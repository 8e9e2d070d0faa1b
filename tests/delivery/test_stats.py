"""Counts become rates and percentiles that are true to a tenth, in slots that add up."""

import random
from collections import Counter
from math import ceil

import hypothesis.strategies as st
import pytest
from hypothesis import given

from offhook.delivery.stats.figures import (
    MINUTE_MS,
    SlotCount,
    bucket_of,
    by_slot,
    cell_of,
    percentile,
    tally,
    window_of,
)
from offhook.model.ids import WebhookId

NOW_MS = 1_795_000_123_456


@given(
    latencies_ms=st.lists(st.floats(1.5, 100_000), min_size=1, max_size=200),
    share=st.sampled_from([0.5, 0.95, 0.99]),
)
def test_a_percentile_is_within_a_fifth_of_the_true_one(
    latencies_ms: list[float], share: float
) -> None:
    """A bucket is that wide; within it a percentile is guessed."""
    true_ms = sorted(latencies_ms)[ceil(share * len(latencies_ms)) - 1]
    read_ms = percentile(Counter(map(bucket_of, latencies_ms)), share)
    assert read_ms is not None
    assert true_ms / 1.2 <= read_ms <= true_ms * 1.2


def test_percentiles_of_many_are_true_to_a_tenth() -> None:
    rnd = random.Random(1)
    latencies_ms = sorted(rnd.lognormvariate(4, 1) for _ in range(20_000))
    counted = Counter(map(bucket_of, latencies_ms))
    for share in (0.5, 0.95, 0.99):
        true_ms = latencies_ms[ceil(share * len(latencies_ms)) - 1]
        assert percentile(counted, share) == pytest.approx(true_ms, rel=0.1)


@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_slower_is_never_in_a_lower_bucket(one_ms: float, other_ms: float) -> None:
    low, high = sorted((one_ms, other_ms))
    assert bucket_of(low) <= bucket_of(high)


def test_nothing_has_no_percentiles_and_no_rate() -> None:
    nothing = tally([])
    assert (nothing.attempts, nothing.success_rate, nothing.p99_ms) == (0, None, None)


def test_attempts_are_counted_by_class_and_only_answered_ones_have_a_latency() -> None:
    counts = [
        SlotCount(1, 2, bucket_of(10), 90),
        SlotCount(1, 5, bucket_of(10), 6),
        SlotCount(2, 0, bucket_of(15_000), 4),
    ]
    told = tally(counts)
    assert told.by_class == {2: 90, 5: 6, 0: 4}
    assert (told.attempts, told.accepted, told.success_rate) == (100, 90, 0.9)
    assert told.p99_ms is not None
    assert told.p99_ms < 12


def test_a_cell_says_whose_minute_and_how_it_went() -> None:
    made = cell_of(WebhookId("wh_a"), NOW_MS, 503, 10)
    assert (made.minute, made.status_class) == (NOW_MS // MINUTE_MS, 5)
    assert cell_of(WebhookId("wh_a"), NOW_MS, None, 10).status_class == 0


@given(minutes=st.integers(5, 30 * 24 * 60), now_ms=st.integers(10**12, 2 * 10**12))
def test_a_window_covers_what_was_asked_for_in_a_plottable_number_of_slots(
    minutes: int, now_ms: int
) -> None:
    window = window_of(minutes, now_ms)
    assert window.since_ms <= now_ms - (minutes - 1) * MINUTE_MS
    assert window.begin_ms(window.slots) > now_ms >= window.begin_ms(window.slots - 1)
    assert window.slots <= 62
    assert window.since_minute * MINUTE_MS == window.since_ms


def test_slots_add_up_to_the_whole_and_empty_ones_are_there() -> None:
    window = window_of(60, NOW_MS)
    counts = [SlotCount(window.first_slot + n, 2, 8, n) for n in (1, 3, 59)]
    slots = by_slot(counts, window)
    assert len(slots) == window.slots == 60
    assert [slot.attempts for slot in slots[:4]] == [0, 1, 0, 3]
    assert sum(slot.attempts for slot in slots) == tally(counts).attempts
