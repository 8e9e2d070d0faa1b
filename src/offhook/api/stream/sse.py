"""The wire format of Server-Sent Events, as the HTML standard has it. Pure."""

from offhook.model.event import LogEvent, render

MEDIA_TYPE = b"text/event-stream"
RETRY_MS = 2_000

_COMMENT = b": still here\n"


def opening(cursor: str) -> bytes:
    """What a stream begins with: how long to wait before connecting again, and where it stands."""
    return b"retry: %d\n" % RETRY_MS + _place(cursor) + b"\n"


def comment(cursor: str | None = None) -> bytes:
    """A sign of life, with the place where the stream stands if that is to be told. Without data
    that is no event, but the client remembers it as the id to go on from."""
    return _COMMENT + (b"" if cursor is None else _place(cursor)) + b"\n"


def body(event: LogEvent) -> bytes:
    """An event as all clients get it; each puts its own ``id`` before it. JSON as it is rendered
    has no line break, so it is one line of data."""
    return b"event: " + event.type.encode() + b"\ndata: " + render(event) + b"\n\n"


def frame(cursor: str, event_body: bytes) -> bytes:
    """An event with the place after it."""
    return _place(cursor) + event_body


def _place(cursor: str) -> bytes:
    return b"id: " + cursor.encode() + b"\n"
