"""What an answer means, for every profile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.delivery.entries import Answer, FailureKind
from offhook.delivery.policy import Delivered, Disable, GiveUp, Retry, Verdict, judge
from offhook.delivery.schedule import PROFILES, Retries, Schedule, retry_after_s

DAY_MS = 86_400_000
MIDDLE = 0.5


def verdict(
    answer: Answer,
    *,
    attempts: int = 1,
    age_ms: int = 0,
    schedule: Schedule = PROFILES["24h"],
    rnd: float = MIDDLE,
) -> Verdict:
    return judge(
        answer,
        attempts=attempts,
        since_ms=1_000,
        now_ms=1_000 + age_ms,
        schedule=schedule,
        rnd=lambda: rnd,
    )


def due_in_s(decided: Verdict, age_ms: int = 0) -> float:
    assert isinstance(decided, Retry)
    return (decided.due_ms - 1_000 - age_ms) / 1000


def test_every_2xx_is_accepted() -> None:
    for status in (200, 201, 202, 204, 299):
        assert verdict(Answer(status)) == Delivered()


def test_the_default_profile_waits_longer_each_time_and_then_every_four_hours() -> None:
    waits = [due_in_s(verdict(Answer(500), attempts=n)) for n in range(1, 12)]
    assert waits == [5, 30, 120, 600, 1800, 3600, 7200, 14400, 14400, 14400, 14400]


@given(st.floats(0, 1, exclude_max=True), st.integers(1, 30))
def test_jitter_stays_within_a_fifth(rnd: float, attempts: int) -> None:
    exact = due_in_s(verdict(Answer(503), attempts=attempts))
    assert abs(due_in_s(verdict(Answer(503), attempts=attempts, rnd=rnd)) - exact) <= exact * 0.2001


def test_the_default_profile_retries_everything_that_is_not_2xx() -> None:
    for status in (301, 400, 401, 404, 422, 429, 500, 503):
        assert isinstance(verdict(Answer(status)), Retry)
    for failure in (FailureKind.CONNECT, FailureKind.TIMEOUT, FailureKind.DISCONNECTED):
        assert isinstance(verdict(Answer(None, failure)), Retry)


def test_the_last_attempt_falls_on_the_deadline_and_nothing_is_given_up_before_it() -> None:
    late = DAY_MS - 60_000
    assert due_in_s(verdict(Answer(500), attempts=12, age_ms=late), late) == 60
    assert isinstance(verdict(Answer(500), attempts=12, age_ms=DAY_MS - 1), Retry)
    assert isinstance(verdict(Answer(500), attempts=13, age_ms=DAY_MS), GiveUp)


def test_what_waited_past_its_deadline_still_gets_its_attempt() -> None:
    assert verdict(Answer(200), attempts=1, age_ms=2 * DAY_MS) == Delivered()
    assert isinstance(verdict(Answer(500), attempts=1, age_ms=2 * DAY_MS), GiveUp)


def test_brief_tries_four_times_without_jitter_and_only_after_errors_and_5xx() -> None:
    brief = PROFILES["brief"]
    waits = [due_in_s(verdict(Answer(500), attempts=n, schedule=brief, rnd=0.9)) for n in (1, 2, 3)]
    assert waits == [1, 2, 4]
    assert isinstance(verdict(Answer(500), attempts=4, schedule=brief), GiveUp)
    assert isinstance(verdict(Answer(404), schedule=brief), GiveUp)
    assert isinstance(verdict(Answer(None, FailureKind.TIMEOUT), schedule=brief), Retry)


def test_doubling_retries_five_times() -> None:
    doubling = PROFILES["doubling"]
    waits = [due_in_s(verdict(Answer(404), attempts=n, schedule=doubling)) for n in range(1, 6)]
    assert waits == [2, 4, 8, 16, 32]
    assert isinstance(verdict(Answer(404), attempts=6, schedule=doubling), GiveUp)


def test_a_list_of_its_own_retries_what_it_lists() -> None:
    own = Schedule((1.0,), retries=Retries.LISTED, statuses=frozenset({500}))
    assert isinstance(verdict(Answer(500), schedule=own), Retry)
    assert isinstance(verdict(Answer(503), schedule=own), GiveUp)
    assert isinstance(verdict(Answer(None, FailureKind.CONNECT), schedule=own), Retry)


def test_retry_after_is_honoured_up_to_an_hour_where_the_profile_says_so() -> None:
    slow = Answer(429, retry_after="120")
    assert due_in_s(verdict(slow)) == 120
    assert due_in_s(verdict(Answer(429, retry_after="86400"))) == 3600
    assert due_in_s(verdict(Answer(503, retry_after="120"), schedule=PROFILES["brief"])) == 1


_NOON = "Fri, 20 Nov 2026 12:00:00 GMT"
_NOON_MS = 1_795_176_000_000


@pytest.mark.parametrize(
    ("text", "date", "wait_s"),
    [
        ("Fri, 20 Nov 2026 12:00:30 GMT", None, 30.0),
        ("Friday, 20-Nov-26 12:00:30 GMT", None, 30.0),
        ("Fri Nov 20 12:00:30 2026", None, 30.0),
        ("Fri, 20 Nov 2026 11:00:00 GMT", None, 0.0),
        ("Sat, 21 Nov 2026 12:00:00 GMT", None, 3_600.0),
        ("Fri, 20 Nov 2031 12:00:30 GMT", "Thu, 20 Nov 2031 12:00:00 GMT", 30.0),
        ("Fri, 20 Nov 2026 12:00:30 GMT", "some day", 30.0),
        (" 7 ", _NOON, 7.0),
        ("\u00b2", None, None),
        ("\u0663", None, None),
        ("-7", None, None),
        ("1.5", None, None),
        ("soon", None, None),
        ("", None, None),
        (None, _NOON, None),
    ],
)
def test_retry_after_is_a_number_of_seconds_or_a_date_by_the_receivers_own_clock(
    text: str | None, date: str | None, wait_s: float | None
) -> None:
    assert retry_after_s(text, date, _NOON_MS) == wait_s


_PIECES = st.lists(
    st.sampled_from(
        ["Fri,", "20", "Nov", "2026", "12:00:30", "GMT", "-0000", "+9999999999999999999", "9" * 400]
    )
    | st.text(max_size=4),
    max_size=7,
)


@given(_PIECES.map(" ".join), st.none() | _PIECES.map(" ".join), st.integers(0, 1 << 45))
def test_whatever_a_receiver_asks_for_is_no_fault_and_at_most_an_hour(
    text: str, date: str | None, now_ms: int
) -> None:
    wait_s = retry_after_s(text, date, now_ms)
    assert wait_s is None or 0 <= wait_s <= 3_600


def test_410_disables_and_our_own_fault_is_not_tried_again() -> None:
    assert isinstance(verdict(Answer(410)), Disable)
    assert isinstance(verdict(Answer(None, FailureKind.INTERNAL, "boom")), GiveUp)


@given(
    st.integers(1, 50),
    st.integers(0, 3 * DAY_MS),
    st.floats(0, 1, exclude_max=True),
    st.sampled_from(sorted(PROFILES)),
)
def test_a_retry_is_in_the_future_and_never_past_the_deadline(
    attempts: int, age_ms: int, rnd: float, profile: str
) -> None:
    schedule = PROFILES[profile]
    decided = verdict(Answer(500), attempts=attempts, age_ms=age_ms, schedule=schedule, rnd=rnd)
    if isinstance(decided, Retry):
        assert decided.due_ms > 1_000 + age_ms
        if schedule.until_s is not None:
            assert decided.due_ms <= 1_000 + schedule.until_s * 1000
