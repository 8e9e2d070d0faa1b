"""What a condition may be, so that evaluating it is cheap whoever wrote it. Pure.

Nothing in the language's library bounds what one evaluation costs, so the text is bounded: each
value that a condition sees is small (``facts``), it has few loops and none in another, and nothing
in it makes a value grow. All is looked for in the text with its literals blanked out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MAX_LENGTH: Final = 4_000
MAX_LENGTH_WITH_LOOPS: Final = 500
MAX_LOOPS: Final = 4
MAX_SUMS: Final = 16

_LITERAL = re.compile(
    r"""
    //[^\n]*
    | \b(?:[rR][bB]?|[bB][rR])(?:\"{3}.*?\"{3}|'{3}.*?'{3}|"[^"\n]*"|'[^'\n]*')
    | (?:\b[bB])?
      (?:\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    """,
    re.DOTALL | re.VERBOSE,
)
_VISIBLE = re.compile(r"[^\n]")
_LOOP = re.compile(r"\.\s*(?:all|exists|exists_one)\s*\(")
_BUILDER = re.compile(r"\.\s*(map|filter)\s*\(")
_MATCHES = re.compile(r"(\.\s*)?\bmatches\s*\(\s*")
_DATA = re.compile(r"\bdata\b")
_FIELD = re.compile(r"\s*\.\s*([A-Za-z_]\w*)\b(?!\s*\()")
_INDEX = re.compile(r"\s*\[\s*(\"[^\"\\\n]*\"|'[^'\\\n]*')\s*\]")


class ConditionError(ValueError):
    """A text that is no condition: where in it, what is wrong, and the remedy."""

    def __init__(self, problem: str, line: int | None = None, column: int | None = None) -> None:
        place = "" if line is None else f"at line {line}, column {column}: "
        super().__init__(place + problem)


@dataclass(frozen=True, slots=True)
class Outline:
    """A text within the bounds: the fields of ``data`` that it names, and its patterns, each a
    literal as it is written."""

    fields: frozenset[str]
    patterns: tuple[str, ...]


def outline(text: str) -> Outline:
    """Look the text over; ``ConditionError`` where a bound is passed."""
    if len(text) > MAX_LENGTH:
        raise ConditionError(f"has {len(text)} characters; {MAX_LENGTH} are the most")
    code = _LITERAL.sub(_blank, text)
    _check_growth(code)
    _check_loops(code)
    return Outline(frozenset(_fields(text, code)), tuple(_patterns(text, code)))


def _blank(literal: re.Match[str]) -> str:
    """As long as what it stands for, so that places stay; a string keeps its outer quotes."""
    found = literal[0]
    blank = _VISIBLE.sub(" ", found)
    return blank if found.startswith("//") else found[-1] + blank[1:-1] + found[-1]


def _check_growth(code: str) -> None:
    builder = _BUILDER.search(code)
    if builder:
        name = builder[1]
        raise _at(code, builder.start(1), f"{name} makes a list; ask with all, exists, exists_one")
    if code.count("+") > MAX_SUMS:
        raise ConditionError(f"has {code.count('+')} plus signs; {MAX_SUMS} are the most")


def _check_loops(code: str) -> None:
    loops = list(_LOOP.finditer(code))
    if not loops:
        return
    if len(loops) > MAX_LOOPS:
        problem = (
            f"this is loop {MAX_LOOPS + 1} (all, exists, exists_one); {MAX_LOOPS} are the most"
        )
        raise _at(code, loops[MAX_LOOPS].start() + 1, problem)
    if len(code) > MAX_LENGTH_WITH_LOOPS:
        raise ConditionError(
            f"has {len(code)} characters; with a loop (all, exists, exists_one) "
            f"{MAX_LENGTH_WITH_LOOPS} are the most"
        )
    for loop in loops:
        inner = _LOOP.search(code, loop.end(), _closing(code, loop.end()))
        if inner:
            raise _at(code, inner.start() + 1, "a loop inside a loop is not possible")


def _closing(code: str, opened: int) -> int:
    """Where the bracket that was opened just before closes; the end if it never does."""
    depth = 1
    for place in range(opened, len(code)):
        depth += {"(": 1, ")": -1}.get(code[place], 0)
        if depth == 0:
            return place
    return len(code)


def _fields(text: str, code: str) -> Iterator[str]:
    for name in _DATA.finditer(code):
        if code[: name.start()].rstrip().endswith("."):
            continue
        field, index = _FIELD.match(code, name.end()), _INDEX.match(text, name.end())
        if field:
            yield field[1]
        elif index:
            yield index[1][1:-1]
        else:
            raise _at(code, name.start(), "name a field of data, such as data.duration_s")


def _patterns(text: str, code: str) -> Iterator[str]:
    for call in _MATCHES.finditer(code):
        literal = _LITERAL.match(text, call.end()) if call[1] else None
        if literal is None:
            problem = "matches takes a pattern in quotes: data.queue.matches('^sales')"
            raise _at(code, call.start() + len(call[1] or ""), problem)
        yield literal[0]


def _at(code: str, place: int, problem: str) -> ConditionError:
    line = code.count("\n", 0, place) + 1
    return ConditionError(problem, line, place - (code.rfind("\n", 0, place) + 1) + 1)
