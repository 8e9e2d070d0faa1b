"""What may be written to a log or kept with a dead letter: no phone numbers, no floods. Pure."""

import re
from traceback import walk_tb
from typing import Final

MAX_LENGTH: Final = 300
MAX_FRAMES: Final = 12
_KEPT: Final = 2
_NUMBER: Final = re.compile(r"\+?\d(?:[ .()/-]{0,2}\d){6,}")


def masked(text: str) -> str:
    """The text on one line, of bounded length, with of each number that is long enough to be one of
    a phone the last two digits alone."""
    readable = "".join(each if each.isprintable() else " " for each in text[: 4 * MAX_LENGTH])
    return _NUMBER.sub(_mask, readable)[:MAX_LENGTH]


def told(error: BaseException) -> str:
    """What an exception says of itself, masked; its name alone where it cannot say anything."""
    name = type(error).__name__
    try:
        said = masked(str(error))
    except Exception:  # noqa: BLE001 - its ``__str__`` is anybody's code
        return name
    return f"{name}: {said}" if said else name


def trace(error: BaseException) -> list[str]:
    """Where it was raised and what led there, innermost last, each as ``file:line function``:
    a traceback without lines of code and values, which may hold anything."""
    frames = walk_tb(error.__traceback__)
    lines = [f"{at.f_code.co_filename}:{line} {at.f_code.co_name}" for at, line in frames]
    return lines[-MAX_FRAMES:]


def _mask(number: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", number[0])
    return "*" * (len(digits) - _KEPT) + digits[-_KEPT:]
