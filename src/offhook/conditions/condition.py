"""A condition on an event in CEL: compiled once, evaluated to true, false or a fault. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Final

from cel_expr_python.cel import Expression, NewEnv, NewEnvConfigFromYaml, Type

from offhook.conditions.bounds import ConditionError, Part, outline
from offhook.conditions.facts import CONTAINER, ENVELOPE, KNOWN_FIELDS, Facts
from offhook.conditions.patterns import Weight, weigh
from offhook.conditions.wording import complaints, in_plain_words
from offhook.conditions.work import MAX_WORK, Size, work_of, worth_reckoning

_RESULTS: Final = (Type.BOOL, Type.DYN)
_UNDECLARED = re.compile(r"undeclared reference to '([^']*)'")
_RAISED = (RuntimeError, ValueError, TypeError)
"""What the library raises, apart from the faults that it gives back as values."""

# Building values is left out: a condition only compares what is there.
_LANGUAGE: Final = """
stdlib:
  exclude_macros: [map, filter]
  exclude_functions:
    - name: "_+_"
      overloads: [{id: add_string}, {id: add_bytes}, {id: add_list}]
"""
_ENVIRONMENT = NewEnv(
    config=NewEnvConfigFromYaml(_LANGUAGE),
    variables={
        "data": Type.Map(Type.STRING, Type.DYN),
        **{f"{CONTAINER}.{name}": kind for name, kind in ENVELOPE.items()},
    },
    container=CONTAINER,
)


@dataclass(frozen=True, slots=True)
class Fault:
    """A condition that could not be evaluated on an event, and why."""

    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """A compiled condition; ``fields`` are those of ``data`` that it looks at."""

    text: str
    fields: frozenset[str]
    _parts: tuple[Part, ...]
    _weights: Mapping[str, Weight]
    _program: Expression

    def work(self, sizes: Mapping[str, Size]) -> int:
        """How much work it is at most on an event with fields of these sizes (``work``)."""
        return work_of(self._parts, self._weights, sizes)

    def holds(self, facts: Facts) -> bool | Fault:
        """Whether it is true of an event, of which ``facts`` show at least its ``fields``.

        The library gives a fault back as a text, which would pass for true: only the two booleans
        count. What would be more work than ``MAX_WORK`` is not begun.
        """
        work = self.work(facts.sizes) if worth_reckoning(self._parts) else 0
        if work > MAX_WORK:
            return Fault(
                f"would be {work} steps of work on this event; {MAX_WORK} are the most: "
                "match shorter texts or patterns, or go through fewer items"
            )
        try:
            result = self._program.eval(facts.activation)
            value = result.value()
        except _RAISED as error:
            return Fault(in_plain_words(str(error), facts.left_out))
        if value is True or value is False:
            return value
        if result.type() == Type.ERROR:
            return Fault(in_plain_words(str(value), facts.left_out))
        return Fault(f"gives {result.type().name().lower()}, not true or false")


@lru_cache(maxsize=4_096)
def compile_condition(text: str) -> Condition:
    """The condition that a text says; the same text is compiled once.

    ``ConditionError`` says where it is wrong, what is wrong or unknown there, and the remedy.
    """
    parts = outline(text)
    program = _compiled(text)
    if program.return_type() not in _RESULTS:
        kind = program.return_type().name().lower()
        raise ConditionError(f"gives {kind}, not true or false; compare it with something")
    literals = {match.literal for part in parts for match in part.matches}
    weights = {literal: _weight(literal) for literal in sorted(literals)}
    fields = frozenset(name for part in parts for name in part.fields)
    return Condition(text, fields, parts, weights, program)


def _compiled(text: str) -> Expression:
    try:
        return _ENVIRONMENT.compile(text)
    except _RAISED as error:
        told = complaints(str(error))
        if not told:
            problem = "is nested too deeply; 32 levels of brackets and operators are the most"
            raise ConditionError(problem) from error
        first = told[0]
        raise ConditionError(_with_remedy(first.problem), first.line, first.column) from error


def _weight(literal: str) -> Weight:
    """What the pattern in a literal costs; it is weighed before it is tried."""
    pattern = _ENVIRONMENT.compile(literal).eval().value()
    weight = weigh(pattern)
    result = _ENVIRONMENT.compile(f"''.matches({literal})").eval()
    if result.type() == Type.ERROR:
        raise ConditionError(f"{in_plain_words(str(result.value()))}, in {literal[:100]}")
    return weight


def _with_remedy(problem: str) -> str:
    unknown = _UNDECLARED.search(problem)
    if unknown is None:
        return problem
    name = unknown[1]
    start = name.split(".", 1)[0]
    if start in KNOWN_FIELDS:
        return f"{name[:100]!r} is unknown; the fields of an event stand in data: data.{start}"
    near = get_close_matches(start, ["data", *ENVELOPE], n=1)
    meant = f"did you mean {near[0]}? " if near else ""
    return f"{name[:100]!r} is unknown; {meant}Known are data and {', '.join(ENVELOPE)}"
