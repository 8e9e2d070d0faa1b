"""The catalogue of event types, as the API tells it: each with its schema and an example."""

from functools import cache
from typing import Any

import msgspec
from fastapi import APIRouter
from starlette.responses import Response

from offhook.api.auth import Gate, Scope
from offhook.api.pages import json_response
from offhook.api.routing import keyed_router
from offhook.api.shapes import pages_of
from offhook.model.call import CallData
from offhook.model.catalogue import CATALOGUE, EventType
from offhook.model.event import VERSION
from offhook.model.payloads import payload_of

Schema = dict[str, Any]


def event_types_router(*, gate: Gate) -> APIRouter:
    """``GET /v1/event-types``."""
    router = keyed_router(
        gate, read=Scope.READ, write=Scope.ADMIN, tag="events", prefix="/v1/event-types"
    )

    @router.get("", responses=pages_of("EventType"))
    async def list_all() -> Response:
        """Every type, all on one page: when it happens, its aliases, its schema and an example.
        ``postable`` tells whether ``POST /v1/events`` takes it; ``custom.<name>`` is an account's
        own and needs no entry."""
        return json_response(_catalogue())

    return router


def data_schema(name: str) -> Schema:
    """The JSON schema of a type's ``data``."""
    kind = CallData if name.startswith("call.") else payload_of(name)
    return {"type": "object"} if kind is None else msgspec.json.schema(kind)


def envelope_schema(type_schema: Schema, data: Schema) -> Schema:
    """The JSON schema of an event whose type and data are of these."""
    text = {"type": "string"}
    properties = {
        "id": text,
        "type": type_schema,
        "created": {**text, "format": "date-time"},
        "version": text,
        "key": text,
        "sequence": {"type": "integer", "minimum": 1},
        "test": {"type": "boolean"},
        "data": data,
    }
    return {"type": "object", "required": list(properties), "properties": properties}


@cache
def _catalogue() -> bytes:
    entries = [_entry(known) for known in CATALOGUE.values()]
    return msgspec.json.encode({"data": entries, "next_cursor": None})


def _entry(known: EventType) -> dict[str, object]:
    return {
        "type": known.name,
        "description": known.description,
        "aliases": known.aliases,
        "postable": known.postable,
        "version": VERSION,
        "schema": data_schema(known.name),
        "example": example_event(known.name),
    }


def example_event(name: str) -> dict[str, object]:
    """An event of this type as it would leave."""
    return {"type": name}
