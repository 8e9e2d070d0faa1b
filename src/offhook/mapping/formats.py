"""Time formats, declared and compiled once: text to what a clock showed, without guessing.

A clock's reading is held as a datetime labelled UTC, whatever the zone; less the zone's offset it
is the moment itself.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_tz

from offhook.mapping.numbers import plain_decimal
from offhook.mapping.reading import CannotRead, as_text

Parsed = tuple[datetime, timedelta | None]
"""What the clock showed, and the offset from UTC where the text named one."""

Parse = Callable[[object], Parsed | None]
"""Reads a value in one format; ``None`` where it is not in that format."""

EPOCHS = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}
NAMED = ("iso8601", "rfc2822", *EPOCHS)

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PLAUSIBLE = (datetime(1980, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
_NO_OFFSET = timedelta()
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?"
    r" ?(Z|z|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII,
)
_OFFSET = r"(?P<z>Z|[+-]\d\d:?\d\d)"
_TOKENS = {
    "Y": r"(?P<Y>\d{4})",
    "y": r"(?P<y>\d\d)",
    "m": r"(?P<m>\d{1,2})",
    "d": r"(?P<d>\d{1,2})",
    "H": r"(?P<H>\d{1,2})",
    "I": r"(?P<I>\d{1,2})",
    "M": r"(?P<M>\d{1,2})",
    "S": r"(?P<S>\d{1,2})",
    "f": r"(?P<f>\d{1,9})",
    "p": r"(?P<p>[AaPp]\.?[Mm]\.?)",
    "z": _OFFSET,
    "b": r"(?P<b>[A-Za-z]{3})",
    "B": r"(?P<B>[A-Za-z]{3,9})",
    "a": r"[A-Za-z]{3}",
    "A": r"[A-Za-z]{6,9}",
    "%": "%",
}
_FIXED_WIDTH = re.compile(r"%([mdHIMS])(?=%[YymdHIMSf])|(?<=%[YymdHIMSf])%([mdHIMS])")
_NEEDED = (("Y", "y"), ("m", "b", "B"), ("d",), ("H", "I"))


class BadFormat(ValueError):
    """The format cannot be used; the message says why and what to write."""


def names_offset(form: str) -> bool | None:
    """Whether what is in this format always names its offset; ``None``: it may."""
    if form == "iso8601":
        return None
    return form in NAMED or "%z" in form


def parser(form: str) -> Parse:
    """The parser of a format. Raises ``BadFormat``."""
    if form == "iso8601":
        return _iso8601
    if form == "rfc2822":
        return _rfc2822
    if form in EPOCHS:
        return _epoch(form, EPOCHS[form])
    if "%" not in form:
        raise BadFormat(
            f'"{form}" is no format; write one of {", ".join(NAMED)} or a pattern such as'
            " %Y-%m-%d %H:%M:%S"
        )
    return _pattern(form)


def _iso8601(value: object) -> Parsed | None:
    found = _ISO.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        shown = datetime(
            int(year), int(month), int(day), int(hour), int(minute), int(second or 0),
            _micros(fraction), tzinfo=UTC,
        )  # fmt: skip
    except ValueError as error:
        raise CannotRead(value, f"is no moment: {error}") from None
    return shown, _offset(zone) if zone else None


def _micros(fraction: str | None) -> int:
    return int(f"{fraction[:6]:0<6}") if fraction else 0


def _offset(text: str) -> timedelta:
    if text in {"Z", "z"}:
        return _NO_OFFSET
    digits = text[1:].replace(":", "")
    away = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return -away if text[0] == "-" else away


def _rfc2822(value: object) -> Parsed | None:
    parts = parsedate_tz(value) if isinstance(value, str) else None
    if parts is None or parts[9] is None:
        return None
    try:
        return datetime(*parts[:6], tzinfo=UTC), timedelta(seconds=parts[9])
    except ValueError as error:
        raise CannotRead(value, f"is no moment: {error}") from None


def _epoch(form: str, micros: int) -> Parse:
    def parse(value: object) -> Parsed | None:
        try:
            moment = _EPOCH + timedelta(microseconds=int(plain_decimal(value) * micros))
        except CannotRead:
            return None
        except OverflowError:
            moment = _EPOCH
        if not _PLAUSIBLE[0] <= moment < _PLAUSIBLE[1]:
            raise CannotRead(
                value, f"read as {form} is not between 1980 and 2100; is it in another unit?"
            )
        return moment, _NO_OFFSET

    return parse


def _pattern(form: str) -> Parse:
    regex = _compiled(form)
    if set(regex.groupindex) == {"y", "m", "d", "H", "M", "S"}:
        return _short_date(regex)

    def parse(value: object) -> Parsed | None:
        found = regex.fullmatch(as_text(value))
        if found is None:
            return None
        return _reading(value, found.groupdict())

    return parse


def _short_date(regex: re.Pattern[str]) -> Parse:
    """The general parser, unrolled for the commonest fields of exported files."""
    order = [regex.groupindex[name] for name in "ymdHMS"]

    def parse(value: object) -> Parsed | None:
        found = regex.fullmatch(value if type(value) is str else as_text(value))
        if found is None:
            return None
        year, month, day, hour, minute, second = map(int, found.group(*order))
        try:
            return datetime(_century(year), month, day, hour, minute, second, tzinfo=UTC), None
        except ValueError as error:
            raise CannotRead(value, f"is no moment: {error}") from None

    return parse


def _century(year: int) -> int:
    """Two digits as POSIX reads them: 69 to 99 are of the last century."""
    return year + (1900 if year >= 69 else 2000)


def _reading(value: object, fields: dict[str, str | None]) -> Parsed:
    year = int(fields["Y"] or 0) if fields.get("Y") else _century(int(fields["y"] or 0))
    try:
        shown = datetime(
            year,
            _month(fields),
            int(fields["d"] or 0),
            _hour(fields),
            int(fields.get("M") or 0),
            int(fields.get("S") or 0),
            _micros(fields.get("f")),
            tzinfo=UTC,
        )
    except ValueError as error:
        raise CannotRead(value, f"is no moment: {error}") from None
    zone = fields.get("z")
    return shown, _offset(zone) if zone else None


def _month(fields: dict[str, str | None]) -> int:
    name = fields.get("b") or fields.get("B")
    if name is None:
        return int(fields["m"] or 0)
    if name[:3].lower() not in _MONTHS:
        raise ValueError(f"{name} is no English month")
    return _MONTHS.index(name[:3].lower()) + 1


def _hour(fields: dict[str, str | None]) -> int:
    half = fields.get("p")
    if half is None:
        return int(fields["H"] or 0)
    hour = int(fields.get("I") or 0)
    if not 1 <= hour <= 12:
        raise ValueError("hour with AM or PM must be in 1..12")
    return hour % 12 + (12 if half[0] in "Pp" else 0)


def _compiled(form: str) -> re.Pattern[str]:
    letters = re.findall(r"%(.)", form.replace("%%", ""))
    _check_letters(form, letters)
    padded = {found.start() for found in _FIXED_WIDTH.finditer(form)}
    pieces: list[str] = []
    at = 0
    while at < len(form):
        if form[at] == "%":
            piece = _TOKENS[form[at + 1]]
            pieces.append(piece.replace("{1,2}", "{2}") if at in padded else piece)
            at += 2
        else:
            pieces.append(r"\s+" if form[at].isspace() else re.escape(form[at]))
            at += 1
    return re.compile("".join(pieces), re.ASCII)


def _check_letters(form: str, letters: list[str]) -> None:
    unknown = [letter for letter in letters if letter not in _TOKENS]
    if unknown or form.endswith("%"):
        raise BadFormat(
            f'"{form}" has %{unknown[0] if unknown else ""}, which is not one of'
            f" {' '.join('%' + letter for letter in _TOKENS)}"
        )
    if len(set(letters)) != len(letters):
        raise BadFormat(f'"{form}" names a part twice')
    for choices in _NEEDED:
        if not set(choices) & set(letters):
            raise BadFormat(
                f'"{form}" lacks %{choices[0]}: a moment needs year, month, day and hour'
            )
    if ("I" in letters) != ("p" in letters):
        raise BadFormat(f'"{form}" must name %I and %p together: one half of the day is a guess')
