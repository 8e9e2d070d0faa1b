"""The stream in the OpenAPI document."""

from typing import Any

Operation = dict[str, Any]

_TEXT = {"type": "string"}
_DESCRIPTION = """Events as Server-Sent Events, as they are committed, in order per key. `id` is a
cursor, `event` the type, `data` the event. Sent back as `Last-Event-ID`, or as `cursor` to
`GET /v1/events`, the `id` goes on with nothing missed and nothing twice. Without one the stream
begins at the log's end. Every 15 s comes a comment, with the `id` reached where other
events passed."""

_PARAMETERS: dict[str, tuple[dict[str, Any], str]] = {
    "types": (
        {"type": "array", "items": _TEXT},
        "Types, aliases and `prefix.*`, separated by commas; without it all types, or the token's.",
    ),
    "key": (_TEXT, "Only events of this key, such as the id of a call."),
    "last_event_id": (_TEXT, "The `id` to go on from, for those who cannot set the header."),
    "cursor": (_TEXT, "The same; `next_cursor` of `GET /v1/events` is one too."),
}


def get_stream() -> Operation:
    """The operation of ``GET /v1/stream``."""
    query = [
        {"name": name, "in": "query", "description": text, "schema": schema, "explode": False}
        for name, (schema, text) in _PARAMETERS.items()
    ]
    header = {"name": "Last-Event-ID", "in": "header", "schema": _TEXT}
    return {
        "tags": ["events"],
        "summary": "Stream Events",
        "operationId": "stream_events",
        "description": _DESCRIPTION,
        "security": [{"key": []}, {"stream_token": []}],
        "parameters": [*query, {**header, "description": "The `id` to go on from."}],
        "responses": {
            "200": {
                "description": "Events, for as long as the client stays.",
                "content": {"text/event-stream": {"schema": _TEXT}},
            }
        },
    }
