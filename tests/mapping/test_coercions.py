"""Coercions are strict: each reads its own shapes exactly and refuses all else with the value."""

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.mapping.numbers import boolean, currency, duration, integer, number
from offhook.mapping.phones import phone
from offhook.mapping.reading import CannotRead, as_text, is_null
from offhook.mapping.zips import zip_code

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
READERS: dict[str, Callable[[object], object]] = {
    "text": as_text,
    "integer": integer,
    "number": number,
    "boolean": boolean,
    "currency": currency,
    "duration": duration("s"),
    "phone": phone("US"),
    "zip": zip_code,
}


@pytest.mark.parametrize("name", READERS)
@given(value=JSON)
def test_any_value_is_read_or_refused_and_nothing_else_happens(name: str, value: object):
    with suppress(CannotRead):
        assert READERS[name](value) is not None


@pytest.mark.parametrize(
    ("reader", "value", "read"),
    [
        ("text", "  two words ", "two words"),
        ("text", 12, "12"),
        ("text", True, "true"),
        ("integer", "12", 12),
        ("integer", "-3", -3),
        ("integer", 12.0, 12),
        ("number", "0.125", 0.125),
        ("number", "7", 7),
        ("boolean", "Yes", True),
        ("boolean", 0, False),
        ("boolean", "f", False),
        ("currency", "$1,234.50", "1234.50"),
        ("currency", "-0.4050", "-0.4050"),
        ("currency", "$-3", "-3"),
        ("currency", "-$3.00", "-3.00"),
        ("currency", "USD 12.00", "12.00"),
        ("currency", "007.5", "7.5"),
        ("currency", 0.1, "0.1"),
        ("currency", 1e-7, "0.0000001"),
        ("currency", "0.125", "0.125"),
        ("duration", "13", 13.0),
        ("duration", "00:02:23", 143.0),
        ("duration", "2:05", 125.0),
        ("duration", "125:00", 7500.0),
        ("duration", "1m 0s", 60.0),
        ("duration", "1h 2m 3.5s", 3723.5),
        ("duration", "2 min", 120.0),
        ("duration", "PT1M30S", 90.0),
        ("duration", 95, 95.0),
        ("phone", "+1 (202) 555-0100", "+12025550100"),
        ("phone", "866-555-1234", "+18665551234"),
        ("phone", "12025550100", "+12025550100"),
        ("phone", 2025550100, "+12025550100"),
        ("phone", "+12025550999 (Sales ext)", "+12025550999"),
        ("phone", "+972 3 608 6666", "+97236086666"),
        ("zip", "14604", "14604"),
        ("zip", "14604-1234", "14604"),
        ("zip", "k1a0b1", "K1A 0B1"),
    ],
)
def test_a_coercion_reads_its_own_shapes(reader: str, value: object, read: object):
    found = READERS[reader](value)
    assert found == read
    assert type(found) is type(read)


@pytest.mark.parametrize(
    ("reader", "value"),
    [
        ("text", {"a": 1}),
        ("text", "nul\x00"),
        ("integer", "12.0"),
        ("integer", "1,200"),
        ("integer", "1e3"),
        ("integer", "6.02701E+11"),
        ("integer", "١٢"),
        ("integer", True),
        ("integer", 12.5),
        ("number", "1,5"),
        ("number", "nan"),
        ("number", float("inf")),
        ("number", False),
        ("boolean", "maybe"),
        ("boolean", 2),
        ("currency", "1.234,50"),
        ("currency", "12,5"),
        ("currency", "12,34"),
        ("currency", "1,2345"),
        ("currency", "(12.00)"),
        ("currency", "--3"),
        ("currency", "-$-3"),
        ("currency", "12.00.1"),
        ("currency", True),
        ("duration", "-57"),
        ("duration", -1),
        ("duration", "1:75:00"),
        ("duration", "2:99"),
        ("duration", "abc"),
        ("duration", "PT"),
        ("phone", "555-0100"),
        ("phone", "12-ab"),
        ("phone", "+1"),
        ("phone", "+10005550100"),
        ("phone", "anonymous"),
        ("zip", 2134),
        ("zip", "2134"),
        ("zip", "146041"),
    ],
)
def test_what_would_be_a_guess_is_refused_with_the_value(reader: str, value: object):
    with pytest.raises(CannotRead) as refused:
        READERS[reader](value)
    assert refused.value.value == value


def test_a_national_number_needs_a_region():
    with pytest.raises(CannotRead, match="region"):
        phone(None)("866-555-1234")


@pytest.mark.parametrize(
    ("unit", "seconds"), [("us", 0.0015), ("ms", 1.5), ("s", 1500.0), ("min", 90_000.0)]
)
def test_a_bare_duration_is_in_the_declared_unit(unit: str, seconds: float):
    assert duration(unit)(1500) == duration(unit)("1500") == seconds


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=0, max_value=10**15))
def test_an_amount_with_thousands_commas_keeps_its_exact_value(amount: Decimal):
    assert Decimal(currency(f"${amount:,.2f}")) == amount


@given(st.integers(0, 10**6))
def test_h_mm_ss_is_the_same_duration_as_its_seconds(seconds: int):
    clock = f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    assert duration("ms")(clock) == seconds


@pytest.mark.parametrize("value", [None, "", "  ", "NULL", {}, []])
def test_what_says_nothing_is_null(value: object):
    assert is_null(value)


@pytest.mark.parametrize("value", [0, False, "0", "null", [None], {"a": None}])
def test_what_says_something_is_not_null(value: object):
    assert not is_null(value)
