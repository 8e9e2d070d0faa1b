"""What the language's library complains of, in plain words. Pure."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

_COMPLAINT = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_CONTAINER = re.compile(r" \(in container '[^']*'\)")
_STATUS = re.compile(r"^[A-Z_]+: | \[[A-Z_]+\]$")
_NO_KEY = re.compile(r'Key not found in map : "(.*)"', re.DOTALL)
_OVERLOAD = re.compile(r"No matching overloads found : ([^\s(]+)(?:\((.*)\))?")
_TYPED_OVERLOAD = re.compile(r"found no matching overload for '([^']+)' applied to '\((.*)\)'")
_EXPECTING = re.compile(r" expecting \{.*\}$")
_OPERATOR = re.compile(r"^_?([^\w\s]+)_?$")
_TYPES: Final = {
    "null_type": "null",
    "int64": "int",
    "uint64": "uint",
    "wrapper(string)": "string",
    "wrapper(double)": "number",
    "wrapper(bool)": "bool",
    "double": "number",
}
_OPERATORS: Final = {"@in": "in", "_?_:_": "?:", "_[_]": "[]"}
_LONGEST: Final = 300


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing wrong with a text, and where; lines and columns count from 1. ``types`` are those
    of the operands, where it is that an operator or function does not work on them."""

    line: int
    column: int
    problem: str
    types: tuple[str, ...] = ()


def complaints(message: str) -> list[Complaint]:
    """What the compiler found, in order; empty where it gave up before it looked."""
    return [
        Complaint(int(line), int(column), _problem(problem), _operands(problem))
        for line, column, problem in _COMPLAINT.findall(message)
    ]


def in_plain_words(message: str, left_out: Collection[str] = ()) -> str:
    """Why an evaluation failed; ``left_out`` are fields too large to be looked at."""
    text = _STATUS.sub("", _STATUS.sub("", message))
    missing = _NO_KEY.fullmatch(text)
    overload = _OVERLOAD.fullmatch(text)
    if missing and missing[1] in left_out:
        text = f"data.{missing[1]} is too large to be looked at"
    elif missing:
        text = f"there is no field {missing[1]!r}"
    elif overload:
        text = _no_overload(overload[1], overload[2])
    elif text.startswith("Applying SELECT"):
        text = "a field is asked of something that has none, such as null"
    elif text.startswith("Iteration budget"):
        text = "it goes through too many items"
    return text[:_LONGEST]


def _problem(problem: str) -> str:
    text = _EXPECTING.sub("", _CONTAINER.sub("", problem)).replace("Syntax error: ", "")
    overload = _TYPED_OVERLOAD.fullmatch(text)
    if overload:
        return _no_overload(overload[1], overload[2])
    if "'<EOF>'" in text and "mismatched" in text:
        return "the text ends where something is still to come"
    return text[:_LONGEST]


def _operands(problem: str) -> tuple[str, ...]:
    overload = _TYPED_OVERLOAD.search(problem)
    return tuple(_readable(overload[2])) if overload else ()


def _no_overload(function: str, types: str | None) -> str:
    operator = _OPERATOR.match(function)
    name = _OPERATORS.get(function) or (operator[1] if operator else function)
    operands = " and ".join(_readable(types)) if types else "what it is given"
    return f"{name} does not work on {operands}"


def _readable(types: str) -> list[str]:
    return [_TYPES.get(kind, kind) for kind in types.split(", ")]
