"""Strict readers of numbers, money and durations: what is not plainly one is refused."""

import re
from decimal import Decimal, InvalidOperation

from offhook.mapping.reading import CannotRead, Reader, as_text

_PLAIN = re.compile(r"[+-]?\d{1,30}(?:\.\d{1,30})?", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_MAX_WHOLE = 10**18
_MONEY = re.compile(
    r"(?P<sign>[+-]?)(?P<before>[$€£¥₹₪]|[A-Z]{3} ?)?(?P<inner>[+-]?)"
    r"(?P<number>\d{1,18}|\d{1,3}(?:,\d{3}){1,6})(?P<cents>\.\d{1,12})?"
    r"(?P<after> ?[A-Z]{3}| ?[€£])?",
    re.ASCII,
)
_CLOCK = re.compile(r"(?:(\d{1,4}):(?=[0-5]?\d:))?(\d{1,3}):([0-5]\d(?:\.\d{1,6})?)", re.ASCII)
_WORDS = re.compile(
    r"(?:(\d{1,6}) ?h(?:ours?|rs?)?)? ?(?:(\d{1,6}) ?m(?:in(?:ute)?s?)?)?"
    r" ?(?:(\d{1,9}(?:\.\d{1,6})?) ?s(?:ec(?:ond)?s?)?)?",
    re.ASCII | re.IGNORECASE,
)
_ISO = re.compile(r"PT(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,9}(?:\.\d{1,6})?)S)?", re.ASCII)
_TRUE = frozenset({"true", "1", "yes", "y", "t", "on"})
_FALSE = frozenset({"false", "0", "no", "n", "f", "off"})

UNITS = {
    "us": Decimal("0.000001"),
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "min": Decimal(60),
    "h": Decimal(3600),
}


def plain_decimal(value: object) -> Decimal:
    """A JSON number, or text that is a sign, digits and a point, as an exact decimal."""
    if isinstance(value, bool):
        raise CannotRead(value, "is a boolean, not a number")
    text = as_text(value)
    if _PLAIN.fullmatch(text):
        return Decimal(text)
    if isinstance(value, float):
        return _from_float(value)
    raise CannotRead(value, "is not a plain number such as 12 or -3.5")


def _from_float(value: float) -> Decimal:
    try:
        number = Decimal(repr(value))
    except InvalidOperation:
        raise CannotRead(value, "is not a number") from None
    if not number.is_finite() or abs(number) >= 10**30:
        raise CannotRead(value, "is out of bounds")
    return number


def integer(value: object) -> int:
    """A whole number: ``12``, ``"12"``, ``12.0`` from JSON. Never ``"12.0"``, ``"1,200"``."""
    if isinstance(value, str):
        text = value.strip()
        if _WHOLE.fullmatch(text):
            return int(text)
        raise CannotRead(value, "is not a whole number")
    number = plain_decimal(value)
    if number != number.to_integral_value() or abs(number) >= _MAX_WHOLE:
        raise CannotRead(value, "is not a whole number below 10^18")
    return int(number)


def number(value: object) -> float | int:
    """A number in plain notation; whole numbers stay whole."""
    exact = plain_decimal(value)
    return int(exact) if exact == exact.to_integral_value() else float(exact)


def boolean(value: object) -> bool:
    """true/false, yes/no, y/n, t/f, on/off, 1/0, in any case."""
    if isinstance(value, bool):
        return value
    word = as_text(value).lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise CannotRead(value, "is neither true nor false (nor yes/no, on/off, 1/0)")


def currency(value: object) -> str:
    """An amount as an exact decimal string: ``"$1,234.50"`` is ``"1234.50"``.

    The point is the decimal sign and commas must stand between groups of three; ``"1.234,50"`` and
    ``"12,5"`` are refused.
    """
    if not isinstance(value, str):
        return format(plain_decimal(value), "f")
    found = _MONEY.fullmatch(value.strip())
    if found is None or (found["sign"] and found["inner"]):
        raise CannotRead(value, "is not an amount such as 12.50 or $1,234.50")
    minus = "-" if "-" in found["sign"] + found["inner"] else ""
    whole = found["number"].replace(",", "").lstrip("0") or "0"
    return minus + whole + (found["cents"] or "")


def duration(unit: str) -> Reader:
    """A reader of durations to seconds. Bare numbers are in ``unit``; ``h:mm:ss``, ``m:ss``,
    ``1m 30s`` and ``PT1M30S`` name their own units. Negative ones are refused."""
    factor = UNITS[unit]

    def read(value: object) -> float:
        if isinstance(value, str):
            text = value.strip()
            if text.isdecimal() and text.isascii() and factor == 1 and len(text) < 16:
                return float(text)
            named = _named_units(text)
            if named is not None:
                return named
        seconds = plain_decimal(value) * factor
        if seconds < 0:
            raise CannotRead(value, "is a negative duration")
        return float(seconds)

    return read


def _named_units(text: str) -> float | None:
    if not text:
        return None
    found = _CLOCK.fullmatch(text) or _ISO.fullmatch(text) or _WORDS.fullmatch(text)
    if found is None or not any(found.groups()):
        return None
    hours, minutes, seconds = found.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds or 0)
