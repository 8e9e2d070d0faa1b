"""``compile_mapping``: a document to a function from records to call fields."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

import msgspec

from offhook.mapping.checks import START, Bound, Bounds, among, check, in_order
from offhook.mapping.document import DocumentReader, read_region, read_zone
from offhook.mapping.evaluation import Evaluate, Place, evaluator
from offhook.mapping.moments import Frame, rfc3339
from offhook.mapping.phones import internal
from offhook.mapping.reading import CannotRead, Record
from offhook.mapping.rules import Defaults, source_of
from offhook.mapping.targets import NEEDS, BadTarget, Kind, Target, find_target
from offhook.mapping.zones import Adjustment
from offhook.model.coercion import says_withheld
from offhook.model.errors import Invalid

MAX_TARGETS = 300


@dataclass(frozen=True, slots=True)
class Unread:
    """A value that could not be taken: for which target, from which path, and why."""

    target: str
    source: str
    value: object
    reason: str


@dataclass(frozen=True, slots=True)
class Adjusted:
    """A local time that named no single moment by itself, and was settled by the rule for it."""

    target: str
    adjustment: Adjustment


class Mapped(msgspec.Struct, frozen=True):
    """What became of a record.

    ``fields`` holds what the record states and nothing else, in the shape of a call event's
    ``data`` as JSON: times RFC 3339 in UTC, money as exact strings, nested objects nested.
    """

    fields: dict[str, object]
    errors: tuple[Unread, ...] = ()
    adjusted: tuple[Adjusted, ...] = ()


Put = Callable[[dict[str, object], object], None]


@dataclass(frozen=True, slots=True)
class _Step:
    name: str
    source: str
    evaluate: Evaluate
    put: Put | None
    """``None``: the value goes under the target's own name."""


class FieldMapping:
    """A compiled mapping. ``targets`` are the fields that it may fill, ``columns`` the top-level
    names that it looks at."""

    def __init__(self, steps: tuple[_Step, ...], columns: frozenset[str]) -> None:
        self._steps = steps
        self.columns = columns
        self.targets = frozenset(step.name for step in steps)
        heads = {name.partition(".")[0] for name in self.targets}
        self._needs = [(head, need) for head, need in NEEDS.items() if head in heads]

    def apply(self, record: Record) -> Mapped:
        """Map one record. Never raises for what is in it: what cannot be read is in ``errors``."""
        frame = Frame()
        fields: dict[str, object] = {}
        errors: list[Unread] = []
        for step in self._steps:
            try:
                value = step.evaluate(record, frame)
            except CannotRead as bad:
                errors.append(Unread(step.name, bad.source or step.source, bad.value, bad.reason))
                continue
            if type(value) is datetime:
                frame.moments[step.name] = value
                value = rfc3339(value)
            if value is None:
                continue
            if step.put is None:
                fields[step.name] = value
            else:
                step.put(fields, value)
        errors += self._incomplete(fields)
        return Mapped(fields, tuple(errors), tuple(Adjusted(*each) for each in frame.adjustments))

    def _incomplete(self, fields: dict[str, object]) -> Iterator[Unread]:
        for head, need in self._needs:
            group = fields.get(head)
            if isinstance(group, dict) and need not in group:
                del fields[head]
                yield Unread(f"{head}.{need}", "", None, f"is null although {head} is not")


def compile_mapping(
    document: object, *, timezone: str | None = None, region: str | None = None
) -> FieldMapping:
    """Compile a mapping document. ``timezone`` and ``region`` serve the rules that name none.

    Raises ``Invalid`` with every error, by its path in the document: ``mapping.started_at.format``.
    """
    reading = DocumentReader(_defaults(timezone, region))
    bounds = _bind(document, reading)
    if not reading.errors:
        check(bounds, reading)
    if reading.errors:
        told = "; ".join(f"{error.path}: {error.message}" for error in reading.errors)
        raise Invalid(f"The mapping cannot be used. {told}", *reading.errors)
    steps = tuple(_step(bounds[name], has_start=START in bounds) for name in in_order(bounds))
    return FieldMapping(steps, frozenset(reading.columns))


def _defaults(timezone: str | None, region: str | None) -> Defaults:
    try:
        return Defaults(
            None if timezone is None else read_zone(timezone),
            None if region is None else read_region(region),
        )
    except ValueError as bad:
        raise Invalid(f"The time zone or region given for the mapping: {bad}.") from None


def _bind(document: object, reading: DocumentReader) -> Bounds:
    bounds: Bounds = {}
    if not isinstance(document, dict) or not 1 <= len(document) <= MAX_TARGETS:
        reading.refuse("mapping", f"must be an object of 1 to {MAX_TARGETS} targets")
        return bounds
    for name, raw in document.items():
        try:
            target = find_target(str(name))
        except BadTarget as bad:
            reading.refuse(f"mapping.{name}", str(bad))
            continue
        natural = None if target.kind is Kind.ANY else target.kind.value
        bounds[target.name] = Bound(target, reading.rule(raw, f"mapping.{name}", natural))
    return bounds


def _step(bound: Bound, *, has_start: bool) -> _Step:
    target = bound.target
    floor = START if has_start and target.name != START else None
    evaluate = evaluator(bound.rule, Place(target.name, floor))
    if target.words is not None:
        evaluate = _worded(evaluate, target)
    if target.kind is Kind.PHONE and bound.rule.coercion == "phone":
        evaluate = _party(evaluate)
    return _Step(target.name, source_of(bound.rule), evaluate, _put(target.parts))


def _worded(find: Evaluate, target: Target) -> Evaluate:
    words = target.words or frozenset()

    def worded(record: Record, frame: Frame) -> object:
        value = find(record, frame)
        return value if value is None or value in words else among(target, value)

    return worded


def _party(find: Evaluate) -> Evaluate:
    """A withheld number, an extension or a SIP address passes as it is: it names a party, and what
    takes the fields keeps it as ``*_raw``."""

    def party(record: Record, frame: Frame) -> object:
        try:
            return find(record, frame)
        except CannotRead as bad:
            if isinstance(bad.value, str) and (says_withheld(bad.value) or internal(bad.value)):
                return bad.value
            raise

    return party


def _put(parts: tuple[str, ...]) -> Put | None:
    if len(parts) == 1:
        return None
    outer, inner = parts

    def put(fields: dict[str, object], value: object) -> None:
        group = fields.setdefault(outer, {})
        if isinstance(group, dict):
            group[inner] = value

    return put
