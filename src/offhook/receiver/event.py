"""The event as a receiver reads it: the envelope typed, the data taken as it comes."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec

from offhook.model.errors import Unreadable

MAX_ID_LENGTH = 256
Document = Mapping[str, object]


class Event(msgspec.Struct, frozen=True):
    """One event. ``id`` never changes over retries and replays; order is kept within ``key``.

    What the sender left out, or sent as something else, is ``None``; ``key`` is then the id, and
    ``data`` empty. ``data`` is read with ``value``, ``text`` and ``items``, which bear anything.
    ``query`` is that of the URL that was called, which few schemes sign.
    """

    id: str
    type: str
    key: str
    created: datetime | None = None
    version: str | None = None
    sequence: int | None = None
    test: bool = False
    data: Document = {}
    query: Mapping[str, str] = {}

    def value(self, path: str) -> object:
        """What stands at a dotted path of ``data``, such as ``location.zip``; ``None`` if nothing
        does, at whichever step it ends."""
        return value_at(self.data, path)

    def text(self, path: str) -> str | None:
        """The text at a path; ``None`` for an empty one and for anything that is no text."""
        found = self.value(path)
        return found if isinstance(found, str) and found else None

    def items(self, path: str) -> list[object]:
        """The list at a path: empty where there is none, or an empty text or object in its place,
        and a single value as a list of one."""
        found = self.value(path)
        if found is None or found in ("", {}):
            return []
        return found if isinstance(found, list) else [found]


_STORED: Final = msgspec.json.Decoder(Event)


def parse_event(body: bytes, signed_id: str | None = None) -> Event:
    """Read an event from a body; ``signed_id``, where the scheme signs one, beats the body's own.

    ``Unreadable`` if the body is no JSON object, or if there is no id to tell a repeat by.
    """
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"The body is not JSON: {error}. Send one event as an object.") from None
    if not isinstance(document, dict):
        raise Unreadable("The body is JSON, but no object. Send one event as an object.")
    event_id = signed_id or _text(document, "id")
    if event_id is None or not is_id(event_id):
        raise Unreadable(f"The event has no id of at most {MAX_ID_LENGTH} printable characters.")
    sequence, data = document.get("sequence"), document.get("data")
    return Event(
        id=event_id,
        type=_text(document, "type") or "",
        key=_text(document, "key") or event_id,
        created=_moment(document),
        version=_text(document, "version"),
        sequence=sequence if type(sequence) is int else None,
        test=document.get("test") is True,
        data=data if isinstance(data, dict) else {},
    )


def value_at(document: Document, path: str) -> object:
    """What stands at a dotted path; ``None`` if nothing does, at whichever step it ends."""
    found: object = document
    for name in path.split("."):
        if not isinstance(found, dict):
            return None
        found = found.get(name)
    return found


def is_id(text: str) -> bool:
    """Whether every store can tell an event by it."""
    return 0 < len(text) <= MAX_ID_LENGTH and text.isprintable()


def stored_body(event: Event) -> bytes:
    """The event as a queue keeps it, whichever way its sender wrote it."""
    return msgspec.json.encode(event)


def stored_event(body: bytes) -> Event:
    """The event that a queue kept."""
    return _STORED.decode(body)


def lane_of(event: Event) -> str:
    """The lane of the event's key, of bounded length, in characters that any store takes."""
    if is_id(event.key):
        return event.key
    return "sha256:" + hashlib.sha256(event.key.encode(errors="replace")).hexdigest()


def _text(document: Document, name: str) -> str | None:
    value = document.get(name)
    return value if isinstance(value, str) and value else None


def _moment(document: Document) -> datetime | None:
    try:
        return msgspec.convert(document.get("created"), datetime)
    except msgspec.ValidationError:
        return None
