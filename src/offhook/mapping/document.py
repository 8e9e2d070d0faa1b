"""Reads a mapping document into rules, and says everything that is wrong with it at once."""

from decimal import Decimal
from difflib import get_close_matches
from zoneinfo import ZoneInfo

import phonenumbers

from offhook.mapping.conditions import AllOf, Among, AnyOf, Between, Condition, comparable
from offhook.mapping.formats import BadFormat, names_offset, parser
from offhook.mapping.numbers import UNITS, plain_decimal
from offhook.mapping.paths import BadPath, Path, parse_path
from offhook.mapping.reading import CannotRead, kind_of, shown
from offhook.mapping.rules import (
    COERCIONS,
    OPTIONS,
    ORIGINS,
    Concat,
    Constant,
    Defaults,
    First,
    Origin,
    Rule,
)
from offhook.model.errors import FieldError

MAX_DEPTH = 8
_MAX_PARTS = 100
_SUITS = {
    "format": "timestamp",
    "timezone": "timestamp",
    "not_before": "timestamp",
    "unit": "duration",
    "region": "phone",
}
_ANYWHERE = Path("", ("",))


def read_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name; ``ValueError`` if there is none."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise ValueError(f'"{name}" is no IANA time zone such as Asia/Jerusalem') from None


def read_region(name: str) -> str:
    """A country whose phone numbers are known; ``ValueError`` if it is none."""
    if name not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(f'"{name}" is no country of two capitals such as US')
    return name


class DocumentReader:
    """Reads rules; ``errors`` gathers what is wrong, ``columns`` the top-level names looked at."""

    def __init__(self, defaults: Defaults) -> None:
        self.errors: list[FieldError] = []
        self.columns: set[str] = set()
        self._defaults = defaults

    def refuse(self, where: str, message: str) -> None:
        """Note an error and go on."""
        self.errors.append(FieldError(where, message))

    def rule(self, raw: object, where: str, natural: str | None = None, depth: int = 0) -> Rule:
        """A rule; ``natural`` is the coercion that goes without saying. A bad one is noted, and
        what could be read of it is returned."""
        if isinstance(raw, str):
            raw = {"path": raw}
        if not isinstance(raw, dict) or depth > MAX_DEPTH:
            self.refuse(where, f"must be a path or an object of at most {MAX_DEPTH} levels")
            return Rule(where, Constant(None))
        self._check_names(raw, where)
        coercion = self._one_of(raw, "as", where, COERCIONS) or natural
        self._check_suited(raw, where, coercion)
        return Rule(
            where,
            self._origin(raw, where, depth),
            when=self._when(raw["when"], f"{where}.when", depth) if "when" in raw else None,
            separator=self._text(raw, "separator", where) or "",
            null_if=self._values(raw.get("null_if", []), f"{where}.null_if"),
            lookup=self._lookup(raw, where),
            join=self._text(raw, "join", where),
            coercion=coercion,
            formats=self._formats(raw, where, coercion),
            timezone=self._timezone(raw, where),
            not_before=self._text(raw, "not_before", where),
            unit=self._one_of(raw, "unit", where, tuple(UNITS)) or "s",
            region=self._region(raw, where),
            default=raw.get("default"),
            has_default="default" in raw,
            required=self._flag(raw, "required", where),
        )

    def _check_names(self, raw: dict[str, object], where: str) -> None:
        for name in raw:
            if name not in OPTIONS:
                near = get_close_matches(str(name), OPTIONS, n=1)
                hint = f'; did you mean "{near[0]}"?' if near else ""
                self.refuse(f"{where}.{name}", f"is no option of a rule{hint}")
        if sum(name in raw for name in ORIGINS) != 1:
            self.refuse(where, f"must name exactly one of {', '.join(ORIGINS)}")

    def _check_suited(self, raw: dict[str, object], where: str, coercion: str | None) -> None:
        for option, suited in _SUITS.items():
            if option in raw and coercion != suited:
                self.refuse(f"{where}.{option}", f'only suits "as": "{suited}"')
        if "separator" in raw and "concat" not in raw and coercion != "list":
            self.refuse(f"{where}.separator", 'only suits "concat" and "as": "list"')
        if "required" in raw and "default" in raw:
            self.refuse(f"{where}.required", 'says nothing beside "default"')

    def _origin(self, raw: dict[str, object], where: str, depth: int) -> Origin:
        if "path" in raw:
            return self._path(raw["path"], f"{where}.path")
        if "concat" in raw:
            return Concat(self._parts(raw["concat"], f"{where}.concat", depth))
        if "first" in raw:
            return First(self._parts(raw["first"], f"{where}.first", depth))
        return Constant(raw.get("value"))

    def _path(self, raw: object, where: str) -> Path:
        if not isinstance(raw, str):
            self.refuse(where, f"must be text, is {kind_of(raw)}")
            return _ANYWHERE
        try:
            path = parse_path(raw)
        except BadPath as bad:
            self.refuse(where, str(bad))
            return _ANYWHERE
        self.columns.add(path.column)
        return path

    def _parts(self, raw: object, where: str, depth: int) -> tuple[Rule, ...]:
        if not isinstance(raw, list) or not 1 <= len(raw) <= _MAX_PARTS:
            self.refuse(where, f"must be a list of 1 to {_MAX_PARTS} rules")
            return ()
        return tuple(
            self.rule(part, f"{where}[{index}]", depth=depth + 1) for index, part in enumerate(raw)
        )

    def _when(self, raw: object, where: str, depth: int) -> Condition:
        if isinstance(raw, list):
            return AllOf(self._conditions(raw, where, depth))
        if isinstance(raw, dict) and set(raw) == {"any"}:
            return AnyOf(self._conditions(raw["any"], f"{where}.any", depth))
        if isinstance(raw, dict) and "path" in raw and depth <= MAX_DEPTH:
            return self._test(raw, where)
        self.refuse(where, 'must be {"path", "in" ...}, {"any": [...]} or a list of such')
        return AllOf(())

    def _conditions(self, raw: object, where: str, depth: int) -> tuple[Condition, ...]:
        if not isinstance(raw, list) or not 1 <= len(raw) <= _MAX_PARTS:
            self.refuse(where, f"must be a list of 1 to {_MAX_PARTS} conditions")
            return ()
        return tuple(
            self._when(each, f"{where}[{index}]", depth + 1) for index, each in enumerate(raw)
        )

    def _test(self, raw: dict[str, object], where: str) -> Condition:
        path = self._path(raw["path"], f"{where}.path")
        tests = set(raw) - {"path"}
        if tests in ({"in"}, {"not_in"}):
            name = next(iter(tests))
            values = self._values(raw[name], f"{where}.{name}")
            return Among(path, values, wanted=name == "in")
        if tests and tests <= {"min", "max"}:
            low, high = (self._bound(raw, name, where) for name in ("min", "max"))
            return Between(path, low, high)
        self.refuse(where, 'beside "path" needs "in", or "not_in", or "min" and "max"')
        return AllOf(())

    def _bound(self, raw: dict[str, object], name: str, where: str) -> Decimal | None:
        if name not in raw:
            return None
        try:
            return plain_decimal(raw[name])
        except CannotRead as bad:
            self.refuse(f"{where}.{name}", f"{shown(bad.value)} {bad.reason}")
            return None

    def _values(self, raw: object, where: str) -> frozenset[str | None]:
        if not isinstance(raw, list):
            self.refuse(where, f"must be a list of values, is {kind_of(raw)}")
            return frozenset()
        return frozenset(comparable(value) for value in raw)

    def _lookup(self, raw: dict[str, object], where: str) -> dict[str, object] | None:
        table = raw.get("lookup")
        if table is None:
            return None
        if not isinstance(table, dict) or not table:
            self.refuse(f"{where}.lookup", "must be an object of value to replacement")
            return None
        return {str(key).strip(): value for key, value in table.items()}

    def _formats(self, raw: dict[str, object], where: str, coercion: str | None) -> tuple[str, ...]:
        given = raw.get("format", "iso8601")
        forms = given if isinstance(given, list) else [given]
        if coercion != "timestamp":
            return ("iso8601",)
        for form in forms:
            self._check_format(form, where, has_zone=bool(raw.get("timezone")))
        return tuple(form for form in forms if isinstance(form, str))

    def _check_format(self, form: object, where: str, *, has_zone: bool) -> None:
        try:
            parser(form if isinstance(form, str) else "")
        except BadFormat as bad:
            self.refuse(f"{where}.format", str(bad))
            return
        if names_offset(str(form)) is False and not has_zone and not self._defaults.timezone:
            self.refuse(
                f"{where}.timezone", f'is needed: what is in "{form}" names no offset from UTC'
            )

    def _timezone(self, raw: dict[str, object], where: str) -> ZoneInfo | None:
        name = self._text(raw, "timezone", where)
        if name is None:
            return self._defaults.timezone
        try:
            return read_zone(name)
        except ValueError as bad:
            self.refuse(f"{where}.timezone", str(bad))
            return None

    def _region(self, raw: dict[str, object], where: str) -> str | None:
        region = self._text(raw, "region", where)
        if region is None:
            return self._defaults.region
        try:
            return read_region(region)
        except ValueError as bad:
            self.refuse(f"{where}.region", str(bad))
            return None

    def _text(self, raw: dict[str, object], name: str, where: str) -> str | None:
        value = raw.get(name)
        if value is None or isinstance(value, str):
            return value
        self.refuse(f"{where}.{name}", f"must be text, is {kind_of(value)}")
        return None

    def _flag(self, raw: dict[str, object], name: str, where: str) -> bool:
        value = raw.get(name, False)
        if not isinstance(value, bool):
            self.refuse(f"{where}.{name}", f"must be true or false, is {kind_of(value)}")
        return value is True

    def _one_of(
        self, raw: dict[str, object], name: str, where: str, choices: tuple[str, ...]
    ) -> str | None:
        value = raw.get(name)
        if value is None or (isinstance(value, str) and value in choices):
            return value
        near = get_close_matches(str(value), choices, n=1)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        self.refuse(f"{where}.{name}", f"{shown(value)} is not one of {', '.join(choices)}{hint}")
        return None
