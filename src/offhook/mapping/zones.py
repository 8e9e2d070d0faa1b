"""Local times to moments: what a zone's clock showed, through its overlaps and gaps.

A reading is a datetime labelled UTC, as in ``formats``; a moment is a datetime in UTC.
"""

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

_HOUR = timedelta(hours=1)


class Adjustment(StrEnum):
    """Why a local time did not name one moment by itself."""

    OVERLAP = "overlap"
    """The clock showed it twice."""
    GAP = "gap"
    """The clock skipped it; the moment is shifted forward by the gap."""


@lru_cache(maxsize=8192)
def _steady_offset(zone: ZoneInfo, day: date) -> timedelta | None:
    """The one offset of a local day; ``None`` on a day whose offset changes."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    hours = [midnight + _HOUR * hour for hour in range(25)]
    offsets = {hour.replace(fold=fold).utcoffset() for hour in hours for fold in (0, 1)}
    return offsets.pop() if len(offsets) == 1 else None


def resolve(reading: datetime, zone: ZoneInfo) -> tuple[tuple[datetime, ...], Adjustment | None]:
    """The moments at which the zone's clock showed a reading, earlier first; and what is odd.

    Two moments in the autumn overlap. In the spring gap one: by PEP 495 ``fold=0`` keeps the offset
    from before the change, which shifts the time forward by the gap.
    """
    steady = _steady_offset(zone, reading.date())
    if steady is not None:
        return (reading - steady,), None
    first = reading.replace(tzinfo=zone, fold=0).astimezone(UTC)
    second = reading.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if first < second:
        return (first, second), Adjustment.OVERLAP
    return (first,), Adjustment.GAP if second < first else None
