"""Where the requests of each sender name the event, its type and what it is about. Pure."""

from collections.abc import Mapping
from typing import Final

import msgspec

from offhook.receiver.event import value_at
from offhook.signing.presets import Sender
from offhook.signing.presets.values import (
    Aircall,
    CallCall,
    CallMatrix,
    CallRail,
    Chatwoot,
    Dialpad,
    Didww,
    SignalWire,
    Telnyx,
    Twilio,
    UnlimCall,
    Vonage,
)

Paths = tuple[str, ...]


class Naming(msgspec.Struct, frozen=True):
    """Where an event's id, type and key stand in a request of another sender.

    Each is a path or several, of which the first that leads to text or a whole number counts:
    ``data.id`` is a field of the body, ``?event`` one of the URL's query. ``None`` leaves to the
    sender's preset where it stands.
    """

    id: str | Paths | None = None
    type: str | Paths | None = None
    key: str | Paths | None = None

    def over(self, preset: "Naming") -> "Naming":
        """This, and of the preset what this leaves open."""
        return Naming(
            preset.id if self.id is None else self.id,
            preset.type if self.type is None else self.type,
            preset.key if self.key is None else self.key,
        )


# A name in the URL was put there by who set the URL up for one kind of event: it comes first. What
# a body calls its id is most often that of the call: the same in all its events.
_TYPE: Final = ("?event", "?event_type", "?type", "type", "event", "event_type")
_GENERIC: Final = Naming((), _TYPE, ("call_id", "id"))
_TWILIO_KEY: Final = ("CallSid", "MessageSid", "SmsSid")

_NAMINGS: Final[Mapping[type[Sender], Naming]] = {
    Aircall: Naming((), ("event",), ("data.id",)),
    CallCall: Naming(("id",), ("type",), ("data.customer_id",)),
    CallMatrix: Naming(("event_id",), _TYPE, ("call_id",)),
    CallRail: _GENERIC,
    Chatwoot: Naming((), ("event",), ("conversation.id", "id")),
    Dialpad: Naming((), ("state", *_TYPE), ("master_call_id", "call_id", "id")),
    Didww: Naming(("id",), ("type",), ("global_tag",)),
    SignalWire: Naming(
        (), ("event_type", "?event", "CallStatus"), ("params.call_id", *_TWILIO_KEY)
    ),
    Telnyx: Naming(
        ("data.id", "id"),
        ("data.event_type", "event_type", "?event", "CallStatus"),
        (
            "data.payload.call_session_id",
            "payload.call_session_id",
            "CallSessionId",
            *_TWILIO_KEY,
            "data.payload.id",
        ),
    ),
    Twilio: Naming((), ("?event", "CallStatus"), _TWILIO_KEY),
    UnlimCall: Naming(("event_id",), _TYPE, ("call_id", "id")),
    Vonage: Naming((), ("status", *_TYPE), ("conversation_uuid", "call_uuid", "uuid")),
}


def naming_of(sender: Sender) -> Naming:
    """Where the requests of this sender name things, as far as it publishes that. One without an
    event id of its own is left to the digest of what it sent."""
    return _NAMINGS.get(type(sender), _GENERIC)


def named(
    paths: str | Paths | None, body: Mapping[str, object], query: Mapping[str, str]
) -> str | None:
    """What the first of the paths that leads to text or a whole number leads to."""
    wanted = (paths,) if isinstance(paths, str) else paths or ()
    found = (_found(path, body, query) for path in wanted)
    return next((text for text in map(_text, found) if text), None)


def _found(path: str, body: Mapping[str, object], query: Mapping[str, str]) -> object:
    return query.get(path[1:]) if path.startswith("?") else value_at(body, path)


def _text(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else None
