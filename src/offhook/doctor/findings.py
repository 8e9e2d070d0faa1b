"""What a check comes to. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How it is."""

    OK = "ok"
    WARN = "warn"
    """It works, and something about it should be mended."""
    FAIL = "fail"
    """It does not work, or not for long."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: ``what`` was found, and the ``remedy`` unless all is well."""

    name: str
    status: Status
    what: str
    remedy: str | None = None


def ok(name: str, what: str) -> Finding:
    """All is well."""
    return Finding(name, Status.OK, what)


def warn(name: str, what: str, remedy: str) -> Finding:
    """It works; the remedy is for when there is time."""
    return Finding(name, Status.WARN, what, remedy)


def fail(name: str, what: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding(name, Status.FAIL, what, remedy)


def listed(names: list[str], most: int = 5) -> str:
    """Some of the names, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def lasting(milliseconds: float) -> str:
    """A length of time for people: ``850 ms``, ``42 s``, ``3 min``, ``5 h``, ``2 days``."""
    if milliseconds < 1_000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1_000
    for unit_s, name in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * unit_s:
            return f"{seconds / unit_s:.0f} {name}"
    return f"{seconds:.0f} s"


def sized(bytes_: int) -> str:
    """A number of bytes for people, in powers of 1024."""
    size, unit = float(bytes_), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{size:.0f} {unit}" if size >= 10 or unit == "B" else f"{size:.1f} {unit}"
