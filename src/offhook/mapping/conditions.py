"""Conditions: ``when`` a rule speaks, for a column that means something only beside another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from offhook.mapping.numbers import plain_decimal
from offhook.mapping.paths import Path, getter
from offhook.mapping.reading import CannotRead, Record, as_text, is_null

Holds = Callable[[Record], bool]


@dataclass(frozen=True, slots=True)
class Among:
    """The value at the path, as text, is one of ``values`` (``wanted``) or none of them."""

    path: Path
    values: frozenset[str | None]
    wanted: bool


@dataclass(frozen=True, slots=True)
class Between:
    """The value at the path is a plain number within the bounds, both included."""

    path: Path
    low: Decimal | None
    high: Decimal | None


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every condition holds."""

    conditions: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one condition holds."""

    conditions: tuple["Condition", ...]


Condition = Among | Between | AllOf | AnyOf


def holds(condition: Condition) -> Holds:
    """A function that says whether the condition holds for a record."""
    match condition:
        case Among():
            return _among(condition)
        case Between():
            return _between(condition)
        case AllOf(conditions):
            return _all([holds(each) for each in conditions])
        case AnyOf(conditions):
            return _any([holds(each) for each in conditions])


def _among(condition: Among) -> Holds:
    get, values, wanted = getter(condition.path), condition.values, condition.wanted

    def test(record: Record) -> bool:
        value = get(record)
        if type(value) is str and value in values:
            return wanted
        return (comparable(value) in values) is wanted

    return test


def _between(condition: Between) -> Holds:
    get, low, high = getter(condition.path), condition.low, condition.high

    def test(record: Record) -> bool:
        number = _plain_number(get(record))
        return number is not None and not (
            (low is not None and number < low) or (high is not None and number > high)
        )

    return test


def _plain_number(value: object) -> Decimal | int | None:
    if type(value) is str and len(value) < 16 and value.isascii() and value.isdecimal():
        return int(value)
    try:
        return None if is_null(value) else plain_decimal(value)
    except CannotRead:
        return None


def _all(tests: Sequence[Holds]) -> Holds:
    if len(tests) == 2:
        one, two = tests
        return lambda record: one(record) and two(record)
    return lambda record: all(test(record) for test in tests)


def _any(tests: Sequence[Holds]) -> Holds:
    if len(tests) == 2:
        one, two = tests
        return lambda record: one(record) or two(record)
    return lambda record: any(test(record) for test in tests)


def comparable(value: object) -> str | None:
    """A value as conditions, ``lookup`` and ``null_if`` compare it: trimmed text, or null."""
    if type(value) is str:
        text = value.strip()
        return None if not text or text == "NULL" else text
    if is_null(value):
        return None
    try:
        return as_text(value)
    except CannotRead:
        return repr(value)
