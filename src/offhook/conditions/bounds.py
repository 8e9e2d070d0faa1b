"""What a condition may be, so that what evaluating it costs can be told beforehand. Pure.

Nothing in the language's library bounds what one evaluation costs, so the text is bounded: each
value that a condition sees is small (``facts``), it has few loops and none in another, and nothing
in it makes a value grow. All is looked for in the text with its literals blanked out. What is left
is reckoned for each event (``work``) from the parts of the text.
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
_VARIABLE = re.compile(r"\s*(\w+)\s*,")
_PATH = re.compile(r"(?<!\w)([A-Za-z_]\w*)(?:\s*\.\s*\w+|\s*\[[^\[\]()?]*\])*\s*\Z")
_LONGEST_PATH: Final = 200
_INDEX = re.compile(r"\s*\[\s*(\"[^\"\\\n]*\"|'[^'\\\n]*')\s*\]")


class ConditionError(ValueError):
    """A text that is no condition: where in it, what is wrong, and the remedy."""

    def __init__(self, problem: str, line: int | None = None, column: int | None = None) -> None:
        place = "" if line is None else f"at line {line}, column {column}: "
        super().__init__(place + problem)


@dataclass(frozen=True, slots=True)
class Match:
    """A call of ``matches``: its pattern, a literal as it is written, and whether the text is the
    item of the loop or below it, or else of which field it is; ``None`` where neither is plain."""

    literal: str
    of_item: bool
    field: str | None


@dataclass(frozen=True, slots=True)
class Loop:
    """Over which field of ``data`` a loop goes, ``None`` where that is not plain, how often it
    names its item, and how many items a list that is written out there can have."""

    over: str | None
    uses: int
    listed: int


@dataclass(frozen=True, slots=True)
class Part:
    """What of a text is evaluated equally often, the body of a loop or all that is in none: its
    length, how many plus signs it has, the fields of ``data`` that it names, as often as it does,
    and what it matches."""

    length: int
    sums: int
    fields: tuple[str, ...]
    matches: tuple[Match, ...]
    loop: Loop | None = None


def outline(text: str) -> tuple[Part, ...]:
    """The parts of a text, what is in no loop first; ``ConditionError`` where a bound is passed."""
    if len(text) > MAX_LENGTH:
        raise ConditionError(f"has {len(text)} characters; {MAX_LENGTH} are the most")
    code = _LITERAL.sub(_blank, text)
    _check_growth(code)
    _check_loops(code)
    return tuple(_parts(text, code))


def _parts(text: str, code: str) -> Iterator[Part]:
    bodies = [(it, _closing(code, it.end())) for it in _LOOP.finditer(code)]
    outside = code
    for found, end in bodies:
        outside = outside[: found.end()] + _spaces(code[found.end() : end]) + outside[end:]
    yield _part(text, outside, len(code), "", None)
    for found, end in bodies:
        body = _spaces(code[: found.end()]) + code[found.end() : end]
        named = _VARIABLE.match(code, found.end())
        item = named[1] if named else ""
        over = _field_before(text, code, found.start())
        loop = Loop(over, len(re.findall(rf"\b{item}\b", body)), code.count(",") + 1)
        yield _part(text, body, end - found.end(), item, loop)


def _part(text: str, code: str, length: int, item: str, loop: Loop | None) -> Part:
    fields, matches = tuple(_fields(text, code)), tuple(_matches(text, code, item))
    return Part(length, code.count("+"), fields, matches, loop)


def _spaces(code: str) -> str:
    return _VISIBLE.sub(" ", code)


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
        field = _field_at(text, code, name.end())
        if field is None:
            raise _at(code, name.start(), "name a field of data, such as data.duration_s")
        yield field


def _field_at(text: str, code: str, place: int) -> str | None:
    field, index = _FIELD.match(code, place), _INDEX.match(text, place)
    if field:
        return field[1]
    return index[1][1:-1] if index else None


def _matches(text: str, code: str, item: str) -> Iterator[Match]:
    for call in _MATCHES.finditer(code):
        literal = _LITERAL.match(text, call.end()) if call[1] else None
        if literal is None:
            problem = "matches takes a pattern in quotes: data.queue.matches('^sales')"
            raise _at(code, call.start() + len(call[1] or ""), problem)
        path = _path_before(code, call.start())
        of_item = path is not None and path[1] == item
        yield Match(literal[0], of_item, _field_before(text, code, call.start()))


def _field_before(text: str, code: str, end: int) -> str | None:
    """The field of which the value that ends here is the whole or a part."""
    path = _path_before(code, end)
    return _field_at(text, code, path.end(1)) if path and path[1] == "data" else None


def _path_before(code: str, end: int) -> re.Match[str] | None:
    """What ends here, if it is a name, and fields and items below it."""
    path = _PATH.search(code, max(0, end - _LONGEST_PATH), end)
    return None if path is None or code[: path.start()].rstrip().endswith(".") else path


def _at(code: str, place: int, problem: str) -> ConditionError:
    line = code.count("\n", 0, place) + 1
    return ConditionError(problem, line, place - (code.rfind("\n", 0, place) + 1) + 1)
