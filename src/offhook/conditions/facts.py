"""What a condition sees of an event: decoded once, however many conditions look. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from cel_expr_python.cel import Activation, NewEnv, Type

from offhook.conditions.work import Size
from offhook.model.call import CallData
from offhook.model.catalogue import CATALOGUE
from offhook.model.event import LogEvent, rfc3339_ms
from offhook.model.payloads import payload_of
from offhook.model.reading import FIELDS_BY_FORM

MAX_TEXT: Final = 4_096
MAX_ITEMS: Final = 200
MAX_NODES: Final = 500
_BYTES_OF_A_CHARACTER: Final = 4

CONTAINER: Final = "event"
"""Where the names of the envelope stand: CEL has a function ``type`` of its own, and a name within
the container goes before it."""

ENVELOPE: Final = {
    "id": Type.STRING,
    "type": Type.STRING,
    "created": Type.STRING,
    "key": Type.STRING,
    "sequence": Type.INT,
    "test": Type.BOOL,
    "historical": Type.BOOL,
}
"""What a condition may name beside ``data``, with its type."""

MONEY: Final = frozenset(FIELDS_BY_FORM["money"])
"""The fields that hold money: exact decimal texts in an event, numbers in a condition."""

_PAYLOADS = {payload_of(name) for name in CATALOGUE} - {None}
KNOWN_FIELDS: Final = frozenset(
    field.encode_name
    for payload in (CallData, *_PAYLOADS)
    if payload is not None
    for field in msgspec.structs.fields(payload)
)
"""Every field that the data of some type of the catalogue has: null where an event has none."""

_ENVIRONMENT = NewEnv()
_DATA = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True)
class Facts:
    """An event, ready to be looked at: the ``sizes`` of the fields that it has of those asked for.
    ``left_out`` are fields too large to be looked at: a text or name of more than 4,096 characters,
    or more than 200 items in one list or object, or 500 in all."""

    activation: Activation
    sizes: Mapping[str, Size]
    left_out: frozenset[str]


def facts_of(event: LogEvent, fields: frozenset[str]) -> Facts:
    """What conditions that look at these fields of ``data`` see of an event."""
    data = _DATA.decode(event.data)
    measured = {name: _size(data[name]) for name in fields if name in data}
    sizes = {name: size for name, size in measured.items() if size is not None}
    left_out = measured.keys() - sizes.keys()
    values = {
        "data": {
            name: _shown(name, data.get(name))
            for name in fields
            if (name in data or name in KNOWN_FIELDS) and name not in left_out
        },
        "event.id": event.id,
        "event.type": event.type,
        "event.created": rfc3339_ms(event.created_ms),
        "event.key": event.key,
        "event.sequence": event.sequence,
        "event.test": event.test,
        "event.historical": event.historical,
    }
    return Facts(_ENVIRONMENT.Activation(values), sizes, frozenset(left_out))


def _shown(field: str, value: object) -> object:
    """Money as a number, also in what ``changes`` says of it; anything else as it is."""
    if field in MONEY:
        return _number(value)
    if field == "changes" and isinstance(value, dict) and not MONEY.isdisjoint(value):
        return {name: _numbers(step) if name in MONEY else step for name, step in value.items()}
    return value


def _numbers(step: object) -> object:
    return [_number(value) for value in step] if isinstance(step, list) else step


def _number(money: object) -> object:
    if not isinstance(money, str):
        return money
    try:
        return float(money)
    except ValueError:
        return money


def _size(value: object) -> Size | None:
    """How large a value is; ``None`` where it, or one in it, is too large to be looked at."""
    texts = longest = values = items = 0
    left = [value]
    while left:
        found = left.pop()
        values += 1
        if isinstance(found, str):
            if len(found) > MAX_TEXT:
                return None
            bytes_ = len(found) if found.isascii() else _BYTES_OF_A_CHARACTER * len(found)
            texts, longest = texts + bytes_, max(longest, bytes_)
        elif isinstance(found, list | dict):
            values -= len(found) if isinstance(found, dict) else 0
            items = max(items, len(found))
            left += [*found, *found.values()] if isinstance(found, dict) else found
        if items > MAX_ITEMS or values + len(left) > MAX_NODES:
            return None
    return Size(texts, longest, values, items)
