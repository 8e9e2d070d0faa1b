"""What pydantic found wrong, in our words: the field, the value and the remedy."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic_core import ErrorDetails

from offhook.model.errors import FieldError, Invalid

_QUIET = frozenset({"secret", "headers", "authorization", "token"})
_SHOWN = 100
_LITERALS = {None: "null", True: "true", False: "false"}
_OBJECTS = frozenset({"dict_type", "model_type", "model_attributes_type"})


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
        case "too_short" | "too_long":
            return _decapitalized(error["msg"]).replace(" after validation", "")
        case kind:
            known = kind in _OBJECTS
            reason = "input should be an object" if known else _decapitalized(error["msg"])
            return reason if _QUIET.intersection(place) else f"{reason}, not {_shown(error)}"


def _decapitalized(text: str) -> str:
    return text[:1].lower() + text[1:]


def _shown(error: ErrorDetails | Mapping[str, Any]) -> str:
    given = error["input"]
    text = _LITERALS[given] if given is None or isinstance(given, bool) else repr(given)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
