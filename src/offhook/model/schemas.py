"""JSON Schemas (2020-12) of every event type: what leaves, and what may be posted."""

from copy import deepcopy
from functools import cache
from typing import Any, Final

import msgspec

from offhook.model.call import CallData
from offhook.model.event import VERSION
from offhook.model.payloads import payload_of
from offhook.model.reading import FIELDS_BY_FORM, STATED_FIELDS

Schema = dict[str, Any]
"""A JSON Schema document. Those returned here are shared: copy one before changing it."""

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_POSTED_FORMS: dict[str, Schema] = {
    "names": {"type": ["string", "integer", "null"]},
    "money": {"type": ["string", "number", "null"]},
    "times": {"type": ["string", "null"], "format": "date-time"},
}
_CONTACT_HASH: Final = {
    "type": ["string", "null"],
    "description": "Stands for the contact's number; there for endpoints that mask callers alone.",
}
_MOMENTS = ("_at", "until", "failing_since")


@cache
def data_schema(type_: str) -> Schema:
    """What ``data`` of an event of this canonical type holds. In a call's, every field is always
    present; in others, further fields may be."""
    if type_.startswith("call."):
        return _call_schema()
    payload = payload_of(type_)
    return {"type": "object"} if payload is None else _bundled(payload)


@cache
def event_schema(type_: str) -> Schema:
    """The whole event of this canonical type, as it leaves."""
    data = dict(data_schema(type_))
    definitions = data.pop("$defs", {})
    data["properties"] = {**data.get("properties", {}), "contact_hash": _CONTACT_HASH}
    text, moment = {"type": "string"}, {"type": "string", "format": "date-time"}
    properties = {
        "id": text,
        "type": text,
        "created": moment,
        "version": {"const": VERSION},
        "key": text,
        "sequence": {"type": "integer", "minimum": 1},
        "test": {"type": "boolean"},
        "data": data,
    }
    return {
        "$schema": DIALECT,
        "title": type_,
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        "$defs": definitions,
    }


@cache
def posted_schema(type_: str) -> Schema:
    """What ``data`` of a posted event of this canonical type may hold."""
    return _stated_schema() if type_.startswith("call.") else data_schema(type_)


@cache
def _call_schema() -> Schema:
    schema = _bundled(CallData)
    for part in (schema, *schema["$defs"].values()):
        if "properties" in part:
            part["required"] = list(part["properties"])
            part["additionalProperties"] = False
            for field in part["properties"].values():
                field.pop("default", None)
    return schema


@cache
def _stated_schema() -> Schema:
    bundled = _bundled(CallData)
    properties = {
        field: _nullable(schema)
        for field, schema in bundled["properties"].items()
        if field in STATED_FIELDS
    }
    properties["group"] = {}
    properties["disposition"] = {"anyOf": [{"type": "string"}, properties["disposition"]]}
    for form, schema in _POSTED_FORMS.items():
        properties |= dict.fromkeys(FIELDS_BY_FORM[form], schema)
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "anyOf": [{"required": ["call_id"]}, {"required": ["source", "external_id"]}],
        "$defs": bundled["$defs"],
    }


def _nullable(schema: Schema) -> Schema:
    stated = {key: value for key, value in schema.items() if key != "default"}
    return stated if "anyOf" in stated else {"anyOf": [stated, {"type": "null"}]}


def _bundled(kind: type[msgspec.Struct]) -> Schema:
    """The schema of one struct, with what it refers to under ``$defs``."""
    (reference,), components = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    definitions = deepcopy(components)
    for definition in definitions.values():
        for field, schema in definition.get("properties", {}).items():
            if field.endswith(_MOMENTS):
                _mark_moment(schema)
    own: Schema = definitions.pop(reference["$ref"].rsplit("/", 1)[1])
    return {**own, "$defs": definitions}


def _mark_moment(schema: Schema) -> None:
    for choice in schema.get("anyOf", [schema]):
        if choice.get("type") == "string":
            choice["format"] = "date-time"
