"""The catalogue of event types, as the API tells it: each with its schema and an example."""

from datetime import UTC, datetime
from functools import cache

import msgspec
from fastapi import APIRouter
from starlette.responses import Response

from offhook.api.auth import Gate, Scope
from offhook.api.pages import json_response
from offhook.api.routing import keyed_router
from offhook.api.shapes import pages_of
from offhook.model.catalogue import CATALOGUE, EventType
from offhook.model.event import VERSION, LogEvent, render, to_ms
from offhook.model.examples import example_data
from offhook.model.ids import DEFAULT_ACCOUNT, event_id
from offhook.model.payloads import key_of
from offhook.model.schemas import Schema, event_schema

_EXAMPLE_CREATED = datetime(2026, 11, 20, 10, 0, 42, 123_000, UTC)


def event_types_router(*, gate: Gate) -> APIRouter:
    """``GET /v1/event-types``."""
    router = keyed_router(
        gate, read=Scope.READ, write=Scope.ADMIN, tag="events", prefix="/v1/event-types"
    )

    @router.get("", responses=pages_of("EventType"))
    async def list_event_types() -> Response:
        """Every type, all on one page: when it happens, its aliases, its schema and an example.
        ``postable`` tells whether ``POST /v1/events`` takes it; ``custom.<name>`` is an account's
        own and needs no entry."""
        return json_response(_catalogue())

    return router


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
        "schema": event_schema(known.name),
        "example": example_event(known.name),
    }


def example_event(name: str) -> Schema:
    """An event of this type, rendered as every event is."""
    data = example_data(name)
    key = data.get("call_id") or key_of(name, data)
    made_ms = to_ms(_EXAMPLE_CREATED)
    id_ = event_id(made_ms, partition=0, position=1, partitions=1)
    event = LogEvent(
        partition=0,
        position=1,
        id=id_,
        account=DEFAULT_ACCOUNT,
        type=name,
        key=key or id_,
        sequence=1,
        created_ms=made_ms,
        test=True,
        historical=False,
        headers=None,
        data=msgspec.json.encode(data),
    )
    rendered: Schema = msgspec.json.decode(render(event))
    return rendered
