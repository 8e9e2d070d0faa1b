"""What can be wrong with rules that each read well: wrong kind, wrong word, wrong reference."""

from collections.abc import Iterator
from dataclasses import dataclass

from offhook.mapping.document import DocumentReader
from offhook.mapping.evaluation import reader
from offhook.mapping.paths import Path
from offhook.mapping.reading import CannotRead, shown
from offhook.mapping.rules import COERCIONS, Constant, First, Rule
from offhook.mapping.targets import NEEDS, Kind, Target

START = "started_at"
_SUITABLE: dict[Kind, tuple[str, ...]] = {
    Kind.TEXT: ("text", "phone", "zip"),
    Kind.PHONE: ("phone", "text"),
    Kind.ZIP: ("zip", "text"),
    Kind.ANY: COERCIONS,
}


@dataclass(frozen=True, slots=True)
class Bound:
    """A target and the rule that fills it."""

    target: Target
    rule: Rule


Bounds = dict[str, Bound]


def check(bounds: Bounds, reading: DocumentReader) -> None:
    """Note every error that only shows when a rule is seen beside its target and the others."""
    for bound in bounds.values():
        _check_kind(bound, reading)
        for rule in nested(bound.rule):
            _check_default(rule, reading)
            _check_reference(rule, bound.target, bounds, reading)
    for head, need in NEEDS.items():
        mapped = {each.target.parts[-1] for each in bounds.values() if each.target.parts[0] == head}
        if mapped and need not in mapped:
            reading.refuse(f"mapping.{head}", f"needs {head}.{need} too")


def nested(rule: Rule) -> Iterator[Rule]:
    """The rule and all rules inside it."""
    yield rule
    if not isinstance(rule.origin, Path | Constant):
        for part in rule.origin.parts:
            yield from nested(part)


def among(target: Target, value: object) -> object:
    """The value, if the target may hold it. Raises ``CannotRead``."""
    if target.words is not None and value is not None and value not in target.words:
        words = ", ".join(sorted(target.words))
        raise CannotRead(value, f"is no {target.name}; it is one of {words}")
    return value


def in_order(bounds: Bounds) -> list[str]:
    """The targets so that each comes after those it depends on."""
    return sorted(bounds, key=lambda name: len(_chain(name, bounds)))


def _check_kind(bound: Bound, reading: DocumentReader) -> None:
    target, rule = bound.target, bound.rule
    suitable = _SUITABLE.get(target.kind, (target.kind.value,))
    if rule.coercion is not None and rule.coercion not in suitable:
        reading.refuse(f"{rule.where}.as", f"{target.name} takes {' or '.join(suitable)}")
        return
    for where, value in _constants(rule):
        try:
            among(target, _read(rule, value))
        except CannotRead as bad:
            reading.refuse(where, f"{shown(bad.value)} {bad.reason}")


def _constants(rule: Rule) -> Iterator[tuple[str, object]]:
    """The values of the document that leave the rule as they are, but for its coercion."""
    if rule.lookup is not None:
        for key, value in rule.lookup.items():
            yield f"{rule.where}.lookup.{key}", value
    elif isinstance(rule.origin, Constant):
        yield f"{rule.where}.value", rule.origin.value
    elif isinstance(rule.origin, First):
        for part in rule.origin.parts:
            yield from _constants(part)
            if part.default is not None:
                yield f"{part.where}.default", part.default
    if rule.default is not None:
        yield f"{rule.where}.default", rule.default


def _check_default(rule: Rule, reading: DocumentReader) -> None:
    try:
        _read(rule, rule.default)
    except CannotRead as bad:
        reading.refuse(f"{rule.where}.default", f"{shown(bad.value)} {bad.reason}")


def _read(rule: Rule, value: object) -> object:
    if rule.coercion == "timestamp" and value is not None:
        raise CannotRead(value, "cannot stand here: no moment is the same for every call")
    read = reader(rule)
    return value if read is None or value is None else read(value)


def _check_reference(rule: Rule, target: Target, bounds: Bounds, reading: DocumentReader) -> None:
    name = rule.not_before
    where = f"{rule.where}.not_before"
    if name is None:
        return
    if name not in bounds or bounds[name].rule.coercion != "timestamp":
        reading.refuse(where, f'"{name}" is no time that this mapping fills')
    elif target.name in _chain(name, bounds):
        reading.refuse(where, f'"{name}" itself depends on {target.name}')


def _references(name: str, bounds: Bounds) -> set[str]:
    bound = bounds[name]
    named = {rule.not_before for rule in nested(bound.rule) if rule.not_before}
    if bound.target.kind is Kind.TIMESTAMP and name != START:
        named.add(START)
    return named & set(bounds)


def _chain(name: str, bounds: Bounds) -> set[str]:
    """The target and all that it depends on."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        each = waiting.pop()
        if each not in seen:
            seen.add(each)
            waiting.extend(_references(each, bounds))
    return seen
