"""Strict readers of single values: each gives the value in its one form, or says what is wrong."""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

import phonenumbers

Reader = Callable[[object], object]
E = TypeVar("E", bound=StrEnum)

MAX_TEXT_BYTES = 8 << 10
MAX_DEPTH = 32
_MAX_KEYS = 200
_FIRST_YEAR, _LAST_YEAR = 1970, 2199
_SHOWN = 60
_LONGEST_DURATION_S = 10_000_000.0
_INT64 = 1 << 63

_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
).fullmatch
_MONEY = re.compile(r"-?(?:0|[1-9]\d{0,17})(?:\.\d{1,18})?", re.ASCII).fullmatch
_E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII).fullmatch
_CURRENCY = re.compile(r"[A-Za-z]{3}", re.ASCII).fullmatch
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII).fullmatch
_WITHHELD = frozenset(
    {
        # What carriers spell on the keypad in place of a number: ANONYMOUS, BLOCKED, RESTRICTED,
        # UNAVAILABLE, UNKNOWN.
        "+266696687",
        "+2562533",
        "+7378742833",
        "+86282452253",
        "+8656696",
        "anonymous",
        "blocked",
        "no caller id",
        "no number",
        "not available",
        "number withheld",
        "private",
        "private number",
        "restricted",
        "unavailable",
        "unknown",
        "withheld",
    }
)


class Misfit(ValueError):
    """A value that its field cannot take. ``at`` is where below the field: ``.code``, ``[2]``."""

    def __init__(self, message: str, at: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.at = at


def shown(value: object) -> str:
    """A value as an error message shows it: short, and on one line."""
    text = repr(value) if isinstance(value, str | int | float) else type(value).__name__
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def is_empty(value: object) -> bool:
    """Whether a value says nothing: ``null``, the empty string, list or object, ``"NULL"``."""
    if not value:
        return value is None or (value is not False and not isinstance(value, int | float))
    return value == "NULL"


def text(value: object, limit: int = MAX_TEXT_BYTES) -> str:
    """Text of at most ``limit`` bytes in UTF-8, without U+0000."""
    if type(value) is str and len(value) <= limit and value.isascii() and "\x00" not in value:
        return value
    if not isinstance(value, str):
        raise Misfit(f"{shown(value)} is not a string")
    if len(value) > limit or (not value.isascii() and _utf8_size(value) > limit):
        raise Misfit(f"is longer than {limit} bytes; shorten it")
    if "\x00" in value:
        raise Misfit("contains the character U+0000; remove it")
    return value


def _utf8_size(value: str) -> int:
    try:
        return len(value.encode())
    except UnicodeEncodeError:
        raise Misfit("contains half of a surrogate pair; send whole characters") from None


def long_text(value: object) -> str:
    """Text of at most 64 KiB."""
    return text(value, 64 << 10)


def name(value: object) -> str:
    """An identifier of another system: text, or a whole number, which becomes its digits."""
    if type(value) is int:
        return str(_bounded(value))
    return text(value)


def given_id(value: object) -> str:
    """An id that a caller chose for an event."""
    if not isinstance(value, str) or not _ID(value):
        raise Misfit(f"{shown(value)} is not 1 to 64 of A-Z, a-z, 0-9, _ and -")
    return value


def boolean(value: object) -> bool:
    """``true`` or ``false``, as JSON has them."""
    if value is True or value is False:
        return value
    raise Misfit(f"{shown(value)} is not true or false")


def whole(value: object) -> int:
    """A whole number; a float without a fraction counts."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Misfit(f"{shown(value)} is not a whole number")
    return _bounded(value)


def _bounded(value: int) -> int:
    if not -_INT64 <= value < _INT64:
        raise Misfit("is a number beyond 64 bits; send it as a string")
    return value


def sip_code(value: object) -> int:
    """A SIP response code."""
    code = whole(value)
    if not 100 <= code <= 699:
        raise Misfit(f"{code} is not a SIP response code from 100 to 699")
    return code


def seconds(value: object) -> float:
    """A duration in seconds: a number, not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Misfit(f"{shown(value)} is not a number of seconds")
    if not 0 <= value <= _LONGEST_DURATION_S:
        raise Misfit(f"{shown(value)} is not from 0 to {_LONGEST_DURATION_S:.0f} seconds")
    return float(value)


def moment(value: object) -> datetime:
    """An RFC 3339 time with its offset, or an aware ``datetime``; in UTC."""
    if isinstance(value, str):
        if not _RFC3339(value):
            raise Misfit(_not_a_time(value))
        try:
            value = datetime.fromisoformat(value.upper())
        except ValueError:
            raise Misfit(_not_a_time(value)) from None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise Misfit(_not_a_time(value))
    if not _FIRST_YEAR < value.year < _LAST_YEAR:
        raise Misfit(f"year {value.year} is not between {_FIRST_YEAR} and {_LAST_YEAR}")
    return value if value.tzinfo is UTC else value.astimezone(UTC)


def _not_a_time(value: object) -> str:
    return f"{shown(value)} is not an RFC 3339 time with offset, like 2026-11-20T10:00:00Z"


def money(value: object) -> str:
    """An exact decimal as text, from text or a JSON number, with at most 18 digits."""
    written = value
    if isinstance(value, float | Decimal):
        written = _plain_decimal(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        written = str(_bounded(value))
    if not isinstance(written, str) or not _MONEY(written):
        raise Misfit(f'{shown(value)} is not an amount; send digits, like "12.50"')
    if len(written) > 18 and sum(map(str.isdigit, written)) > 18:
        raise Misfit(f"{shown(value)} has more than 18 digits")
    return written


def _plain_decimal(value: float | Decimal) -> str | None:
    if not math.isfinite(value) or not -(10**18) < value < 10**18:
        return None
    exact = value if isinstance(value, Decimal) else Decimal(repr(value))
    return f"{exact:f}"


def currency(value: object) -> str:
    """An ISO 4217 code, in capitals."""
    if not isinstance(value, str) or not _CURRENCY(value):
        raise Misfit(f"{shown(value)} is not a three-letter currency code, like USD")
    return value.upper()


def e164(value: str) -> str | None:
    """A number in E.164, also from its written form with ``+``; ``None`` if it is none, or one
    that carriers show for a withheld caller."""
    if _E164(value):
        return None if value in _WITHHELD else value
    if not value.startswith("+") or len(value) > 40:
        return None
    try:
        number = phonenumbers.parse(value)
    except phonenumbers.NumberParseException:
        return None
    if number.extension or not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def says_withheld(value: str) -> bool:
    """Whether what stands in a caller's place says that the number is not shown."""
    return value.strip().casefold() in _WITHHELD


def one_of(kind: type[E]) -> Callable[[object], E]:
    """A reader of one of the words of ``kind``."""
    words: dict[str, E] = {member.value: member for member in kind}

    def read(value: object) -> E:
        member = words.get(value) if isinstance(value, str) else None
        if member is None:
            raise Misfit(f"{shown(value)} is not one of {', '.join(words)}")
        return member

    return read


def listed(read: Callable[[object], str], limit: int) -> Callable[[object], tuple[str, ...]]:
    """A reader of a list of at most ``limit`` items, the empty ones left out."""

    def read_list(value: object) -> tuple[str, ...]:
        if not isinstance(value, list | tuple):
            raise Misfit(f"{shown(value)} is not a list")
        if len(value) > limit:
            raise Misfit(f"has {len(value)} items; {limit} are the most")
        return tuple(
            read_below(read, item, f"[{i}]") for i, item in enumerate(value) if not is_empty(item)
        )

    return read_list


T = TypeVar("T")


def read_below(read: Callable[[object], T], value: object, at: str) -> T:
    """Read a part of a field; what is wrong with it is told with its place."""
    try:
        return read(value)
    except Misfit as misfit:
        raise Misfit(misfit.message, at + misfit.at) from None


def json_object(value: object) -> dict[str, object]:
    """A JSON object within the bounds of ``check_json``, with at most 200 keys."""
    if not isinstance(value, dict):
        raise Misfit(f"{shown(value)} is not an object")
    if len(value) > _MAX_KEYS:
        raise Misfit(f"has {len(value)} keys; {_MAX_KEYS} are the most")
    check_json(value)
    return value


def check_json(value: object, depth: int = 2, at: str = "") -> None:
    """Refuse what no store could keep: U+0000, nesting beyond 32, numbers that are not finite or
    beyond 64 bits, texts beyond 64 KiB. ``depth`` counts the levels around ``value`` too."""
    if isinstance(value, str):
        read_below(long_text, value, at)
    elif isinstance(value, dict):
        _check_depth(depth, at)
        for key, item in value.items():
            read_below(text, key, at)
            check_json(item, depth + 1, f"{at}.{key}")
    elif isinstance(value, list):
        _check_depth(depth, at)
        for i, item in enumerate(value):
            check_json(item, depth + 1, f"{at}[{i}]")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise Misfit("is not a finite number", at)
    elif isinstance(value, int):
        _check_whole(value, at)
    elif value is not None:
        raise Misfit(f"{shown(value)} is no JSON value", at)


def _check_whole(value: int, at: str) -> None:
    try:
        _bounded(value)
    except Misfit as misfit:
        raise Misfit(misfit.message, at) from None


def _check_depth(depth: int, at: str) -> None:
    if depth > MAX_DEPTH:
        raise Misfit(f"is nested deeper than {MAX_DEPTH} levels; flatten it", at)
