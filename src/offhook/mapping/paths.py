"""Paths: where in a record a value stands.

``customer.phone``, ``agents[0].name``, ``tags[*].name``, ``'vru+line'`` (a quoted name may hold any
character; inside brackets too: ``row['Call Start']``). ``[*]`` gives a list of what is found.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from operator import methodcaller

from offhook.mapping.reading import Record

MAX_STEPS = 32
_STEP = re.compile(
    r"""(?P<dot>\.)? (?: (?P<name>[\w$-]+) | (?P<quote>['"])(?P<quoted>.+?)(?P=quote) )
      | \[ (?: (?P<index>-?\d{1,6}) | (?P<every>\*) | (?P<q2>['"])(?P<inside>.+?)(?P=q2) ) \]""",
    re.VERBOSE,
)

Getter = Callable[[Record], object]


class Every:
    """The step ``[*]``: each element of a list."""


EVERY = Every()
Step = str | int | Every


class BadPath(ValueError):
    """The text is no path; the message says where and what to write."""


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path. The first step is always a name."""

    text: str
    steps: tuple[Step, ...]

    @property
    def column(self) -> str:
        """The top-level name: in a flat file, the column."""
        return str(self.steps[0])


def parse_path(text: str) -> Path:
    """Parse a path. Raises ``BadPath``."""
    steps: list[Step] = []
    position = 0
    while position < len(text):
        found = _STEP.match(text, position)
        if found is None or not _joined(found, first=position == 0):
            raise BadPath(
                f'"{text}" cannot be read from "{text[position:]}" on;'
                " put a name with other characters than letters, digits, _ and - in quotes:"
                " 'a name'"
            )
        steps.append(_step(found))
        position = found.end()
    if not steps or len(steps) > MAX_STEPS or not isinstance(steps[0], str):
        raise BadPath(
            f'"{text}" is no path: it begins with a name and has at most {MAX_STEPS} steps'
        )
    return Path(text, tuple(steps))


def _joined(found: re.Match[str], *, first: bool) -> bool:
    bracket = found[0].startswith("[")
    return bracket or (found["dot"] is None) == first


def _step(found: re.Match[str]) -> Step:
    if found["every"]:
        return EVERY
    if found["index"]:
        return int(found["index"])
    return found["name"] or found["quoted"] or found["inside"]


def getter(path: Path) -> Getter:
    """A function from a record to what stands at the path; ``None`` where nothing does."""
    steps = path.steps
    if len(steps) == 1:
        return methodcaller("get", path.column)
    return lambda record: _walk(record, steps, 0)


def _walk(value: object, steps: tuple[Step, ...], at: int) -> object:
    while at < len(steps):
        step = steps[at]
        at += 1
        if isinstance(step, Every):
            return _gather(value, steps, at)
        value = _take(value, step)
        if value is None:
            return None
    return value


def _take(value: object, step: str | int) -> object:
    if isinstance(step, str):
        return value.get(step) if isinstance(value, dict) else None
    if isinstance(value, list) and -len(value) <= step < len(value):
        return value[step]
    return None


def _gather(value: object, steps: tuple[Step, ...], at: int) -> object:
    if not isinstance(value, list):
        return None
    found: list[object] = []
    for element in value:
        inner = _walk(element, steps, at)
        if isinstance(inner, list):
            found.extend(inner)
        elif inner is not None:
            found.append(inner)
    return found
