"""Rules as values: what a mapping document says, read and checked, before anything is compiled."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from offhook.mapping.conditions import Condition
from offhook.mapping.paths import Path

COERCIONS = (
    "text",
    "integer",
    "number",
    "boolean",
    "currency",
    "duration",
    "timestamp",
    "phone",
    "zip",
    "list",
)
ORIGINS = ("path", "value", "concat", "first")
OPTIONS = (
    *ORIGINS,
    "separator",
    "null_if",
    "when",
    "lookup",
    "join",
    "as",
    "format",
    "timezone",
    "not_before",
    "unit",
    "region",
    "default",
    "required",
)
TESTS = ("in", "not_in", "min", "max", "any")


@dataclass(frozen=True, slots=True)
class Constant:
    """``value``: the same for every record."""

    value: object


@dataclass(frozen=True, slots=True)
class Concat:
    """``concat``: parts put together, as text or, where one is a list, as a list."""

    parts: tuple["Rule", ...]


@dataclass(frozen=True, slots=True)
class First:
    """``first``: the first part that is not null."""

    parts: tuple["Rule", ...]


Origin = Path | Constant | Concat | First


@dataclass(frozen=True, slots=True)
class Rule:
    """How one value comes about. The options apply in the order of the fields."""

    where: str
    """Where in the document the rule stands, for messages."""
    origin: Origin
    when: Condition | None = None
    separator: str = ""
    null_if: frozenset[str | None] = frozenset()
    lookup: dict[str, object] | None = None
    join: str | None = None
    coercion: str | None = None
    formats: tuple[str, ...] = ("iso8601",)
    timezone: ZoneInfo | None = None
    not_before: str | None = None
    unit: str = "s"
    region: str | None = None
    default: object = None
    has_default: bool = False
    required: bool = False


def source_of(rule: Rule) -> str:
    """Where a rule's value comes from, as an error message names it: ``date + vru_entry``."""
    return " + ".join(dict.fromkeys(_paths(rule)))


def _paths(rule: Rule) -> list[str]:
    match rule.origin:
        case Path(text):
            return [text]
        case Constant():
            return []
        case Concat(parts) | First(parts):
            return [path for part in parts for path in _paths(part)]


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a client says for all its rules."""

    timezone: ZoneInfo | None = None
    region: str | None = None
