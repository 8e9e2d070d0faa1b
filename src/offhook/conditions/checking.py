"""Whether a condition can be true of events of a type, by the types of their fields. Pure.

The language compares anything with anything, so that a text against a number is simply never equal.
Here each field that the catalogue knows has its own type, and such a comparison is found.
"""

import re
from datetime import datetime
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Any, Final, get_args, get_type_hints

from cel_expr_python.cel import NewEnv, Type

from offhook.conditions.condition import Condition
from offhook.conditions.facts import CONTAINER, ENVELOPE, KNOWN_FIELDS, MONEY
from offhook.conditions.wording import complaints
from offhook.model.call import CallData
from offhook.model.payloads import payload_of

_NUMBERS: Final = frozenset({"number", "int", "uint"})
_HAS = re.compile(r"\bhas\(\s*data\s*\.\s*\w+\s*\)")
_KINDS: Final = (
    (bool, "google.protobuf.BoolValue"),
    (int | float, "google.protobuf.DoubleValue"),
    (str | datetime, "google.protobuf.StringValue"),
)


def never_true(condition: Condition, type_: str) -> str | None:
    """Why some part of a condition is true of no event of a canonical type; ``None`` where nothing
    speaks against it, as of types whose data is the account's own."""
    call = type_.startswith("call.")
    payload = CallData if call else payload_of(type_)
    if payload is None:
        return None
    unknown = sorted(condition.fields - KNOWN_FIELDS) if call else []
    if unknown:
        return _no_field(unknown[0])
    return _mismatch(condition, get_type_hints(payload))


def _no_field(name: str) -> str:
    near = get_close_matches(name, KNOWN_FIELDS, n=1)
    meant = f"; did you mean {near[0]}?" if near else "; your own stand in data.attributes"
    return f"calls have no field {name[:100]!r}{meant}"


def _mismatch(condition: Condition, hints: dict[str, Any]) -> str | None:
    variables = {f"data.{name}": _type(name, hints.get(name)) for name in condition.fields}
    envelope = {f"{CONTAINER}.{name}": kind for name, kind in ENVELOPE.items()}
    environment = NewEnv(variables={**variables, **envelope}, container=CONTAINER)
    try:
        environment.compile(_HAS.sub(lambda it: "true".ljust(len(it[0])), condition.text))
    except (RuntimeError, ValueError) as error:
        # Numbers of different kinds do compare once they are values.
        found = [
            it for it in complaints(str(error)) if it.types and not _NUMBERS.issuperset(it.types)
        ]
        if found:
            return f"at line {found[0].line}, column {found[0].column}: {found[0].problem}"
    return None


def _type(name: str, hint: object) -> Type:
    if name in MONEY:
        return Type("google.protobuf.DoubleValue")
    if hint == tuple[str, ...]:
        return Type.List(Type.STRING)
    stated = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    options = [it for it in stated if it is not NoneType]
    if len(options) == 1 and isinstance(options[0], type):
        for kind, named in _KINDS:
            if issubclass(options[0], kind):
                return Type(named)
    return Type.DYN
