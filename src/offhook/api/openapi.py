"""The OpenAPI 3.1 document: what FastAPI derives, with what it cannot see put in."""

import msgspec
from fastapi import FastAPI

from offhook.api.event_types import example_event
from offhook.api.problems import CODES, MEDIA_TYPE, Problem
from offhook.api.shapes import answers, ref
from offhook.api.stream.openapi import get_stream
from offhook.api.stream.routes import StreamToken
from offhook.model.catalogue import CATALOGUE
from offhook.model.event import EventRef
from offhook.model.schemas import Schema, data_schema, event_schema

DESCRIPTION = """Calls in, events out: one durable, ordered log of everything that happens on the
phone, delivered as signed webhooks and read as a feed."""

_RATE_HEADERS = {
    "RateLimit-Limit": "How many requests the key may make in any second; absent if any number.",
    "RateLimit-Remaining": "How many more are granted at this moment.",
    "RateLimit-Reset": "Whole seconds until the limit is there in full.",
}


def document(app: FastAPI) -> Schema:
    """The whole document: paths, schemas, the key, refusals, and every webhook that is sent."""
    derived = app.openapi()
    components: Schema = derived.setdefault("components", {})
    schemas: Schema = components.setdefault("schemas", {})
    components["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer"},
        "stream_token": {"type": "apiKey", "in": "query", "name": "token"},
    }
    components["responses"] = {"Refusal": _refusal()}
    components["headers"] = {name: _count(meaning) for name, meaning in _RATE_HEADERS.items()}
    derived["webhooks"] = {
        name: {"post": _webhook(name, _data_of(name, schemas))} for name in CATALOGUE
    }
    schemas.update(_schemas(schemas["CallData"]))
    paths: Schema = derived["paths"]
    paths.setdefault("/v1/events", {})["post"] = _post_event()
    paths["/v1/events/batch"] = {"post": _post_batch()}
    paths["/v1/stream"] = {"get": get_stream()}
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for path, operations in paths.items():
        for operation in operations.values():
            _finish(operation, keyed=path.startswith("/v1/"))
    return derived


def _data_of(name: str, schemas: Schema) -> Schema:
    """The schema of a type's data, by reference; what it refers to is added to ``schemas``."""
    packed = msgspec.json.encode(data_schema(name))
    schema: Schema = msgspec.json.decode(packed.replace(b"#/$defs/", b"#/components/schemas/"))
    schemas.update(schema.pop("$defs", {}))
    if "title" not in schema:
        return schema
    schemas[schema["title"]] = schema
    return ref(schema["title"])


def _schemas(call_data: Schema) -> Schema:
    """The schemas of bodies that no pydantic model describes."""
    _, found = msgspec.json.schema_components(
        [EventRef, Problem, StreamToken], ref_template="#/components/schemas/{name}"
    )
    posted = found.pop("EventRef")
    own = {"id": {"type": "string"}, "test": {"type": "boolean"}}
    return {
        **found,
        "Call": {
            **call_data,
            "title": "Call",
            "description": "A call as it stands now: the data of its events, with its id.",
            "properties": {**own, **call_data["properties"]},
            "required": [*own, *call_data["required"]],
        },
        "Event": _envelope({"type": "string"}, {"type": "object"}),
        "EventType": _event_type(),
        "NewEvent": _new_event(),
        "Accepted": {
            **posted,
            "title": "Accepted",
            "description": "The event that carries what was posted; `changed` is false where it "
            "said nothing new.",
            "properties": {**posted["properties"], "changed": {"type": "boolean"}},
        },
    }


def _envelope(type_schema: Schema, data: Schema) -> Schema:
    schema = event_schema("custom.any")
    properties = {**schema["properties"], "type": type_schema, "data": data}
    return {
        "title": "Event",
        "type": "object",
        "required": schema["required"],
        "properties": properties,
    }


def _event_type() -> Schema:
    text = {"type": "string"}
    return _object(
        {
            "type": text,
            "description": text,
            "aliases": {"type": "array", "items": text},
            "postable": {"type": "boolean"},
            "version": text,
            "schema": {"type": "object"},
            "example": ref("Event"),
        }
    )


def _new_event() -> Schema:
    return {
        "title": "NewEvent",
        "type": "object",
        "required": ["type", "data"],
        "additionalProperties": False,
        "properties": {
            "type": {"type": "string", "description": "A type of the catalogue, or an alias."},
            "data": {"type": "object", "description": "Whichever fields are known."},
            "key": {"type": "string", "description": "What order is kept by; not for calls."},
            "occurred_at": {"type": "string", "format": "date-time"},
            "id": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
            "headers": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    }


def _post_event() -> Schema:
    return {
        "tags": ["events"],
        "summary": "Post Event",
        "operationId": "post_event",
        "description": "Take one event. 202: it is in the log, durably. 200: it said nothing new "
        "(`changed` is false), or its id was taken before by the same body.",
        "requestBody": _body(ref("NewEvent")),
        "responses": {
            str(code): body
            for code, body in (answers("Accepted", 202) | answers("Accepted", 200)).items()
        },
    }


def _post_batch() -> Schema:
    items = {"type": "array", "minItems": 1, "maxItems": 1000}
    answered = {
        "type": "object",
        "required": ["status"],
        "properties": {
            "status": {"type": "integer"},
            **_accepted_fields(),
            "error": ref("Problem"),
        },
    }
    return {
        "tags": ["events"],
        "summary": "Post Event Batch",
        "operationId": "post_event_batch",
        "description": "Take up to 1,000 events; each is answered for itself, in order.",
        "requestBody": _body(_object({"items": {**items, "items": ref("NewEvent")}})),
        "responses": {
            "200": {
                "description": "How each item fared.",
                **_content(_object({"items": {"type": "array", "items": answered}})),
            }
        },
    }


def _accepted_fields() -> Schema:
    text = {"type": "string"}
    return {"id": text, "type": text, "key": text, "sequence": {"type": "integer"}}


def _webhook(name: str, data: Schema) -> Schema:
    schema = _envelope({"const": name}, data)
    content = {"application/json": {"schema": schema, "example": example_event(name)}}
    return {
        "summary": name,
        "description": CATALOGUE[name].description,
        "operationId": f"webhook_{name}",
        "requestBody": {"required": True, "content": content},
        "responses": {"2XX": {"description": "Accepted; anything else is tried again."}},
    }


def _refusal() -> Schema:
    codes = "\n".join(f"- `{code}`: {meaning}" for code, meaning in CODES.items())
    return {
        "description": f"A refusal. Codes:\n\n{codes}",
        "content": {MEDIA_TYPE: {"schema": ref("Problem")}},
    }


def _finish(operation: Schema, *, keyed: bool) -> None:
    responses: Schema = operation["responses"]
    responses.pop("422", None)
    responses["default"] = {"$ref": "#/components/responses/Refusal"}
    if keyed:
        operation.setdefault("security", [{"key": []}])
        told = {name: {"$ref": f"#/components/headers/{name}"} for name in _RATE_HEADERS}
        for status, response in responses.items():
            if status != "default":
                response["headers"] = {**response.get("headers", {}), **told}


def _count(description: str) -> Schema:
    return {"description": description, "schema": {"type": "integer", "minimum": 0}}


def _object(properties: Schema) -> Schema:
    return {"type": "object", "required": list(properties), "properties": properties}


def _body(schema: Schema) -> Schema:
    return {"required": True, **_content(schema)}


def _content(schema: Schema) -> Schema:
    return {"content": {"application/json": {"schema": schema}}}
