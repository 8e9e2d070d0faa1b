"""The coercion ``timestamp``: declared formats, local zones, times of day that cross midnight."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from offhook.mapping.formats import Parse, Parsed, parser
from offhook.mapping.reading import CannotRead
from offhook.mapping.rules import Rule
from offhook.mapping.zones import Adjustment, resolve

_DAY = timedelta(days=1)
_HALF_A_DAY = timedelta(hours=12)

Candidates = tuple[tuple[datetime, ...], Adjustment | None]


class Frame:
    """What is known while one record is mapped: the moments so far, and what was adjusted."""

    __slots__ = ("adjustments", "moments")

    def __init__(self) -> None:
        self.moments: dict[str, datetime] = {}
        self.adjustments: list[tuple[str, Adjustment]] = []


def timestamp(rule: Rule, target: str, floor: str | None) -> Callable[[object, Frame], object]:
    """A function from a value to the moment it names, in UTC.

    With ``not_before`` a time before that target's is taken a day later, if that brings it within
    twelve hours; else it is refused, for then either clock may be wrong. ``floor`` names the target
    that decides in the autumn overlap: the earlier instant, unless that lies before it.
    """
    parsers = [parser(form) for form in rule.formats]
    reference = rule.not_before or floor
    shifts = rule.not_before is not None

    def coerce(value: object, frame: Frame) -> object:
        reading, offset = _parsed(parsers, value, rule)
        found, adjustment = _candidates(reading, offset, rule.timezone, value)
        chosen = found[0]
        earliest = frame.moments.get(reference) if reference is not None else None
        if earliest is not None and chosen < earliest:
            if found[-1] >= earliest:
                chosen = found[-1]
            elif shifts:
                found, adjustment = _candidates(reading + _DAY, offset, rule.timezone, value)
                chosen = _next_day(found, earliest, value, rule)
        if adjustment is not None:
            frame.adjustments.append((target, adjustment))
        return chosen

    return coerce


def _parsed(parsers: Sequence[Parse], value: object, rule: Rule) -> Parsed:
    for parse in parsers:
        parsed = parse(value)
        if parsed is not None:
            return parsed
    raise CannotRead(value, f"is not in the format {' or '.join(rule.formats)}")


def _candidates(
    reading: datetime, offset: timedelta | None, zone: ZoneInfo | None, value: object
) -> Candidates:
    try:
        if offset is not None:
            return (reading - offset,), None
        if zone is not None:
            return resolve(reading, zone)
    except OverflowError:
        raise CannotRead(value, "is no moment: the year is out of range") from None
    raise CannotRead(value, 'names no offset from UTC, and the rule no "timezone"')


def _next_day(
    found: tuple[datetime, ...], earliest: datetime, value: object, rule: Rule
) -> datetime:
    for moment in found:
        if earliest <= moment <= earliest + _HALF_A_DAY:
            return moment
    raise CannotRead(
        value, f"is before {rule.not_before}, and a day later is more than twelve hours after it"
    )


def rfc3339(moment: datetime) -> str:
    """A moment in UTC as RFC 3339, ending in ``Z``."""
    return moment.isoformat()[:-6] + "Z"
