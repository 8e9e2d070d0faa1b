"""What pydantic found wrong, in our words: the field, the value and the remedy."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic_core import ErrorDetails

from offhook.model.errors import FieldError, Invalid

_QUIET = frozenset({"secret", "headers", "authorization", "token"})
_SHOWN = 100


def invalid(errors: Iterable[ErrorDetails | Mapping[str, Any]], *within: str) -> Invalid:
    """The refusal that lists them all; ``within`` goes before each path."""
    listed = [_field_error(error, within) for error in errors]
    first = listed[0]
    more = f" {len(listed) - 1} more in errors." if len(listed) > 1 else ""
    return Invalid(f"{first.path}: {first.message}.{more}", *listed)


def _field_error(error: ErrorDetails | Mapping[str, Any], within: Sequence[str]) -> FieldError:
    place = (*within, *error["loc"])
    return FieldError(".".join(str(step) for step in place), _message(error, place))


def _message(error: ErrorDetails | Mapping[str, Any], place: Sequence[object]) -> str:
    match error["type"]:
        case "extra_forbidden":
            return f"there is no field {str(place[-1])[:_SHOWN]!r} here; check its spelling"
        case "missing":
            return "is required; give it"
        case "value_error":
            return str(error.get("ctx", {}).get("error", error["msg"]))
        case _:
            reason = error["msg"][:1].lower() + error["msg"][1:]
            return reason if _QUIET.intersection(place) else f"{reason}, not {_shown(error)}"


def _shown(error: ErrorDetails | Mapping[str, Any]) -> str:
    text = repr(error["input"])
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
