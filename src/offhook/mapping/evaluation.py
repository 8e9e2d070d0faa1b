"""Rules compiled to functions: a record in, a value out, or ``CannotRead``."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from offhook.mapping.conditions import Holds, comparable, holds
from offhook.mapping.moments import Frame, timestamp
from offhook.mapping.numbers import boolean, currency, duration, integer, number
from offhook.mapping.paths import Path, getter
from offhook.mapping.phones import phone
from offhook.mapping.reading import CannotRead, Reader, Record, as_text, is_null, kind_of
from offhook.mapping.rules import Concat, Constant, First, Rule, source_of
from offhook.mapping.zips import zip_code

Evaluate = Callable[[Record, Frame], object]


@dataclass(frozen=True, slots=True)
class Place:
    """The target that a rule fills; ``floor`` names one that its time, in doubt, is not before."""

    target: str
    floor: str | None = None


def evaluator(rule: Rule, place: Place) -> Evaluate:
    """The function of a rule."""
    find = _reworded(_origin(rule, place), rule)
    if rule.coercion is not None:
        find = _coerced(find, rule, place)
    if rule.required or rule.default is not None:
        find = _filled(find, rule)
    if isinstance(rule.origin, Constant):
        find = _fixed(find({}, Frame()))
    return find if rule.when is None else _conditional(find, holds(rule.when))


def _fixed(value: object) -> Evaluate:
    return lambda _record, _frame: value


def _origin(rule: Rule, place: Place) -> Evaluate:
    match rule.origin:
        case Path() as path:
            return _at(path)
        case Constant(value):
            return _fixed(value)
        case Concat(parts):
            return _concat([evaluator(part, place) for part in parts], rule.separator)
        case First(parts):
            return _first([evaluator(part, place) for part in parts])
        case _:
            assert_never(rule.origin)


def _at(path: Path) -> Evaluate:
    get = getter(path)

    def find(record: Record, _frame: Frame) -> object:
        value = get(record)
        if type(value) is not str:
            return None if is_null(value) else value
        text = value.strip()
        return text if text and text != "NULL" else None

    return find


def _concat(parts: list[Evaluate], separator: str) -> Evaluate:
    def find(record: Record, frame: Frame) -> object:
        found: list[object] = []
        texts: list[str] = []
        for part in parts:
            value = part(record, frame)
            if type(value) is str:
                texts.append(value)
            if value is not None:
                found.append(value)
        if len(texts) == len(found):
            return separator.join(texts) or None
        return _put_together(found, separator)

    return find


def _put_together(values: list[object], separator: str) -> object:
    if not any(isinstance(value, list) for value in values):
        return separator.join([as_text(value) for value in values])
    flat: list[object] = []
    for value in values:
        flat.extend(value if isinstance(value, list) else [value])
    return flat


def _first(parts: list[Evaluate]) -> Evaluate:
    def find(record: Record, frame: Frame) -> object:
        for part in parts:
            value = part(record, frame)
            if value is not None:
                return value
        return None

    return find


def _reworded(find: Evaluate, rule: Rule) -> Evaluate:
    """``null_if``, ``lookup`` and ``join``, where the rule has them."""
    if rule.null_if:
        find = _nulled(find, rule.null_if)
    if rule.lookup is not None:
        find = _looked_up(find, rule.lookup, lenient=rule.has_default)
    if rule.join is not None:
        find = _joined(find, rule.join)
    return find


def _nulled(find: Evaluate, nothing: frozenset[str | None]) -> Evaluate:
    def nulled(record: Record, frame: Frame) -> object:
        value = find(record, frame)
        return None if comparable(value) in nothing else value

    return nulled


def _looked_up(find: Evaluate, table: dict[str, object], *, lenient: bool) -> Evaluate:
    def replacement(value: object) -> object:
        key = comparable(value)
        if key in table:
            return table[key]
        if lenient or key is None:
            return None
        raise CannotRead(value, 'is not in "lookup", and the rule has no "default"')

    def looked_up(record: Record, frame: Frame) -> object:
        value = find(record, frame)
        if isinstance(value, list):
            return [replacement(each) for each in value]
        return replacement(value)

    return looked_up


def _joined(find: Evaluate, separator: str) -> Evaluate:
    def joined(record: Record, frame: Frame) -> object:
        value = find(record, frame)
        if not isinstance(value, list):
            return value
        return separator.join([as_text(each) for each in value if not is_null(each)]) or None

    return joined


def _coerced(find: Evaluate, rule: Rule, place: Place) -> Evaluate:
    read = reader(rule)
    if read is None:
        return _timed(find, timestamp(rule, place.target, place.floor))
    if rule.coercion == "list":
        return _listed(find, read)

    def coerced(record: Record, frame: Frame) -> object:
        value = find(record, frame)
        if value is None:
            return None
        if type(value) is list or type(value) is dict:
            raise CannotRead(value, f"is {kind_of(value)}; take one value, or use join")
        return read(value)

    return coerced


def _timed(find: Evaluate, coerce: Callable[[object, Frame], object]) -> Evaluate:
    def timed(record: Record, frame: Frame) -> object:
        value = find(record, frame)
        return None if value is None else coerce(value, frame)

    return timed


def _listed(find: Evaluate, read: Reader) -> Evaluate:
    def listed(record: Record, frame: Frame) -> object:
        value = find(record, frame)
        return None if value is None else read(value)

    return listed


def _filled(find: Evaluate, rule: Rule) -> Evaluate:
    read, required, source = reader(rule), rule.required, source_of(rule)
    default = rule.default if read is None or rule.default is None else read(rule.default)

    def filled(record: Record, frame: Frame) -> object:
        value = find(record, frame)
        if value is not None:
            return value
        if required:
            raise CannotRead(None, "is required, and the record has none", source)
        return default

    return filled


def _conditional(find: Evaluate, test: Holds) -> Evaluate:
    return lambda record, frame: find(record, frame) if test(record) else None


def reader(rule: Rule) -> Reader | None:
    """What reads a rule's single values; ``None`` where it needs more than the value."""
    match rule.coercion:
        case "text":
            return as_text
        case "integer":
            return integer
        case "number":
            return number
        case "boolean":
            return boolean
        case "currency":
            return currency
        case "duration":
            return duration(rule.unit)
        case "phone":
            return phone(rule.region)
        case "zip":
            return zip_code
        case "list":
            return _list(rule.separator)
        case _:
            return None


def _list(separator: str) -> Reader:
    def read(value: object) -> list[str] | None:
        if isinstance(value, str) and separator:
            value = value.split(separator)
        elements = value if isinstance(value, list) else [value]
        return [as_text(each) for each in elements if not is_null(each)] or None

    return read
