"""Example events of every type of the catalogue, with what a test wants to be otherwise."""

import secrets
from collections.abc import Mapping
from enum import Enum
from typing import Final

from offhook.model.catalogue import CATALOGUE, canonical
from offhook.model.errors import FieldError, Invalid
from offhook.model.event import VERSION
from offhook.model.examples import example_data

Document = dict[str, object]


class _Missing(Enum):
    MISSING = "missing"


MISSING: Final = _Missing.MISSING
"""In place of a value: the field is left out."""


def example_event(
    type_: str, data: Mapping[str, object] | None = None, **envelope: object
) -> Document:
    """An event as Offhook sends it, with realistic data; its id is new each time.

    ``data`` replaces fields by their dotted path (``{"location.zip": None}``), ``envelope`` those
    around it (``key="call_1"``); ``MISSING`` leaves one out. ``Invalid`` if the catalogue has no
    such type.
    """
    name = canonical(type_)
    if name is None:
        message = (
            f"is {type_[:60]!r}, which is no event type; {len(CATALOGUE)} are in the catalogue"
        )
        raise Invalid(f"type {message}.", FieldError("type", message))
    filled: Document = example_data(name)
    for path, value in (data or {}).items():
        _put(filled, path.split("."), value)
    event: Document = {
        "id": f"evt_{secrets.token_hex(10)}",
        "type": type_,
        "created": "2026-11-20T10:00:00.000Z",
        "version": VERSION,
        "key": filled.get("call_id") or f"key_{secrets.token_hex(8)}",
        "sequence": 1,
        "test": False,
        "data": filled,
    }
    for path, value in envelope.items():
        _put(event, [path], value)
    return event


def _put(document: Document, path: list[str], value: object) -> None:
    *parents, last = path
    for name in parents:
        inner = document.get(name)
        if not isinstance(inner, dict):
            inner = document[name] = {}
        document = inner
    if value is MISSING:
        document.pop(last, None)
    else:
        document[last] = value
