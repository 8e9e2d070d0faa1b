"""Single values: read into their one form exactly, or refused."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.model import coercion
from offhook.model.coercion import Misfit

_offsets = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
_moments = st.builds(
    datetime.fromtimestamp,
    st.floats(40_000_000, 7_000_000_000),
    _offsets,
)


@given(_moments)
def test_a_moment_is_the_same_instant_in_utc(moment: datetime) -> None:
    for form in (moment, moment.isoformat(), moment.isoformat(" ").replace("+00:00", "z")):
        read = coercion.moment(form)
        assert read == moment
        assert read.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "20261120T100000Z",
        "2026-W47-5T10:00:00Z",
        "2026-11-20T10:00:00,5Z",
        "2026-11-20T10:00:00+05",
        "2026-11-20T10:00Z",
        "2026-11-20",
        "2026-11-20T24:00:00Z",
        "2026-11-20T10:00:00",
        "1969-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z",
        "2026-11-20T10:00:00\u0660Z",
    ],
)
def test_a_time_that_is_no_rfc_3339_time_is_never_guessed(text: str) -> None:
    with pytest.raises(Misfit):
        coercion.moment(text)


def test_a_naive_datetime_is_no_moment() -> None:
    with pytest.raises(Misfit):
        coercion.moment(datetime(2026, 11, 20))  # noqa: DTZ001 - naive on purpose


@given(st.decimals(-999_999_999, 999_999_999, places=4))
def test_an_amount_is_kept_to_the_last_digit(amount: Decimal) -> None:
    assert coercion.money(str(f"{amount:f}")) == f"{amount:f}"
    assert Decimal(coercion.money(amount)) == amount


@given(st.floats(-(10.0**15), 10.0**15))
def test_a_json_number_is_the_amount_that_it_shows(amount: float) -> None:
    shown = Decimal(repr(amount))
    if sum(map(str.isdigit, f"{shown:f}")) > 18:
        with pytest.raises(Misfit):
            coercion.money(amount)
    else:
        assert Decimal(coercion.money(amount)) == shown


@pytest.mark.parametrize(
    "value",
    ["", "1.", ".5", "+1", "1e3", "1 000", "1,000.00", "0x10", "007", "NaN", "Infinity", "٣", []],
)
def test_what_only_looks_like_an_amount_is_refused(value: object) -> None:
    with pytest.raises(Misfit):
        coercion.money(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e18, 10**19, Decimal("NaN"), False])
def test_no_amount_beyond_18_digits(value: object) -> None:
    with pytest.raises(Misfit):
        coercion.money(value)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+14045550100", "+14045550100"),
        ("+1 404-555-0100", "+14045550100"),
        ("+44 (0)20 7946 0018", "+442079460018"),
        ("4045550100", None),
        ("+1404", None),
        ("+0123456789", None),
        ("sip:+14045550100@example.com", None),
        ("+14045550100;ext=7", None),
        ("+266696687", None),
        ("+" + "1" * 16, None),
        ("911", None),
        ("", None),
        ("+" + "9" * 100_000, None),
    ],
)
def test_only_a_whole_number_is_e164(written: str, number: str | None) -> None:
    assert coercion.e164(written) == number


@pytest.mark.parametrize(
    ("value", "empty"),
    [
        (None, True),
        ("", True),
        ([], True),
        ({}, True),
        ("NULL", True),
        (0, False),
        (0.0, False),
        (False, False),
        ("null", False),
        (" ", False),
        ([None], False),
    ],
)
def test_empty_is_what_says_nothing(value: object, empty: bool) -> None:
    assert coercion.is_empty(value) is empty


@pytest.mark.parametrize("value", [1.5, "1", True, None, 2**63, float("inf")])
def test_a_whole_number_is_one_already(value: object) -> None:
    with pytest.raises(Misfit):
        coercion.whole(value)


@pytest.mark.parametrize("value", [{1: 2}, {"a": object()}, {"a": float("nan")}, {"a": {3, 4}}])
def test_what_json_cannot_hold_is_refused(value: dict[object, object]) -> None:
    with pytest.raises(Misfit):
        coercion.check_json(value)


def test_a_fault_inside_a_value_is_told_with_its_place() -> None:
    with pytest.raises(Misfit) as refused:
        coercion.check_json({"a": [0, {"b": "\x00"}]})
    assert refused.value.at == ".a[1].b"


def test_a_message_shows_no_more_than_the_start_of_a_long_value() -> None:
    with pytest.raises(Misfit) as refused:
        coercion.boolean("x" * 10_000)
    assert len(refused.value.message) < 120
