"""What a regular expression costs RE2, which compiles it anew for each text. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from offhook.conditions.bounds import ConditionError

MAX_PATTERN: Final = 500
MAX_REPEATS: Final = 32
MAX_STATES: Final = 500
MAX_STEPS: Final = 25_000

_TOKEN = re.compile(
    r"""
      (?P<count>\{(?P<least>\d+)(?:,(?P<most>\d*))?\})
    | (?P<named>\\[pP](?:\{[^}]*\}|.))
    | (?P<set>\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\])
    | (?P<wide>\.|\\[DSWsw])
    | (?P<open>\()
    | (?P<close>\))
    | \\x\{[0-9A-Fa-f]+\} | \\. | .
    """,
    re.DOTALL | re.VERBOSE,
)
_NAMED_IN_SET = re.compile(r"\\[pP]")
_IGNORES_CASE = re.compile(r"\(\?[A-Za-z]*i")
_STEPS_OF_WIDE: Final = 20
_STEPS_OF_NAMED: Final = 10_000
"""Letters of all scripts and their like are hundreds of ranges, each of up to four bytes."""
_STEPS_OF_FOLDED: Final = 8
"""Some letters are the same as others of two bytes."""


@dataclass(frozen=True, slots=True)
class Weight:
    """``states`` that a pattern may be in at once, of which every byte of a text can touch all, and
    ``steps`` of about a quarter of a microsecond to compile it."""

    states: int
    steps: int

    def __add__(self, other: "Weight") -> "Weight":
        return Weight(self.states + other.states, self.steps + other.steps)

    def times(self, count: int) -> "Weight":
        return Weight(self.states * count, self.steps * count)


_NONE: Final = Weight(0, 0)


def weigh(pattern: str) -> Weight:
    """What a pattern costs; ``ConditionError`` where it passes a bound.

    A counted repetition is compiled as often as it counts, and so is what stands in it.
    """
    if len(pattern) > MAX_PATTERN:
        raise _refused(pattern, f"has {len(pattern)} characters; {MAX_PATTERN} are the most")
    if r"\Q" in pattern:
        raise _refused(pattern, r"quotes with \Q; write a backslash before each sign instead")
    weight = _sum(pattern, folds=_IGNORES_CASE.search(pattern) is not None)
    if weight.states > MAX_STATES:
        problem = (
            f"comes to {weight.states} characters once its repetitions are multiplied out; "
            f"{MAX_STATES} are the most: use * or + for a count, or a shorter pattern"
        )
        raise _refused(pattern, problem)
    if weight.steps > MAX_STEPS:
        problem = (
            f"costs {weight.steps} steps to compile; {MAX_STEPS} are the most: count less, or "
            r"name letters as [a-z] instead of \pL"
        )
        raise _refused(pattern, problem)
    return weight


def _sum(pattern: str, *, folds: bool) -> Weight:
    groups, last = [_NONE], _NONE
    for token in _TOKEN.finditer(pattern):
        if token["count"]:
            groups[-1] += last.times(_count(token, pattern) - 1)
            last = last.times(_count(token, pattern))
            continue
        if token["open"]:
            groups.append(_NONE)
        last = _weight(token, folds=folds)
        if token["close"] and len(groups) > 1:
            last += groups.pop()
        groups[-1] += last
    return sum(groups, _NONE)


def _count(token: re.Match[str], pattern: str) -> int:
    least, most = int(token["least"][:9]), int((token["most"] or "0")[:9])
    count = max(least, most)
    if count > MAX_REPEATS:
        problem = (
            f"repeats up to {token['count']}; {MAX_REPEATS} times are the most: "
            "use * or + for a count"
        )
        raise _refused(pattern, problem)
    return max(1, least + 1 if token["most"] == "" else count)


def _weight(token: re.Match[str], *, folds: bool) -> Weight:
    fold = _STEPS_OF_FOLDED if folds else 1
    if token["named"]:
        return Weight(1, _STEPS_OF_NAMED)
    if token["set"]:
        named = len(_NAMED_IN_SET.findall(token["set"]))
        steps = (_STEPS_OF_WIDE + 2 * len(token["set"])) * min(fold, 2)
        return Weight(1, steps + named * _STEPS_OF_NAMED)
    if token["wide"]:
        return Weight(1, _STEPS_OF_WIDE)
    return Weight(len(token[0].encode(errors="replace")), fold * len(token[0]))


def _refused(pattern: str, problem: str) -> ConditionError:
    shown = pattern if len(pattern) <= 100 else pattern[:100] + "…"
    return ConditionError(f"the pattern {shown!r} {problem}")
