"""The catalogue of event types: what each means, its other names, who may post it, who gets it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, NamedTuple

from offhook.model.errors import FieldError, Forbidden, Invalid

STARTED: Final = "call.started"
RINGING: Final = "call.ringing"
QUEUED: Final = "call.queued"
ANSWERED: Final = "call.answered"
CONNECTED: Final = "call.connected"
TRANSFERRED: Final = "call.transferred"
ABANDONED: Final = "call.abandoned"
VOICEMAIL: Final = "call.voicemail"
VOICEMAIL_DETECTED: Final = "call.voicemail_detected"
FAILED: Final = "call.failed"
MISSED: Final = "call.missed"
DISPOSITION_SET: Final = "call.disposition_set"
DISPOSITION_MODIFIED: Final = "call.disposition_modified"
RECORDING_RECEIVED: Final = "call.recording_received"
ENDED: Final = "call.ended"
UPDATED: Final = "call.updated"

RESOURCE_KINDS = (
    "account",
    "key",
    "buyer",
    "target",
    "campaign",
    "offer",
    "publisher",
    "number",
    "number_pool",
    "ivr_flow",
    "agent",
    "visitor",
    "connection",
    "client",
    "webhook",
    "automation",
)


@dataclass(frozen=True, slots=True)
class EventType:
    """A type of event: its canonical name, one line on when it happens, and its other names."""

    name: str
    description: str
    aliases: tuple[str, ...] = ()

    @property
    def postable(self) -> bool:
        """Whether a caller may post it; the rest is Offhook's to say."""
        return self.name.split(".", 1)[0] in _POSTABLE


_POSTABLE = frozenset(
    {"call", "contact", "contact_list", "message", "customer", "service", "analysis", "custom"}
)
_ONLY_WHEN_NAMED = ("webhook.", "delivery.", "automation.", "record.")
_CUSTOM = re.compile(r"custom\.[a-z0-9_]+(\.[a-z0-9_]+)*", re.ASCII)
_CUSTOM_PREFIX = re.compile(r"custom\.([a-z0-9_]+\.)*\*", re.ASCII)
_LONGEST_NAME = 100

_CALLS = (
    EventType(
        STARTED,
        "A call began: offered to us, or dialled by us.",
        ("call.initiated", "Call Started", "Call Initiated"),
    ),
    EventType(RINGING, "The far end rings.", ("Call Ringing",)),
    EventType(QUEUED, "The call waits in a queue.", ("Call Queued",)),
    EventType(
        ANSWERED,
        "Inbound: a person picked up. Outbound: the far end picked up; answered_by says what.",
        ("Call Answered",),
    ),
    EventType(
        CONNECTED,
        "Outbound: an agent was bridged to the party that answered.",
        ("Call Connected",),
    ),
    EventType(TRANSFERRED, "The call was handed to another leg.", ("Call Transferred",)),
    EventType(
        ABANDONED,
        "Inbound: the caller hung up before a person answered. "
        "Outbound: a person answered and no agent came within 2 s.",
        ("Call Abandoned",),
    ),
    EventType(
        VOICEMAIL,
        "The call went to voicemail.",
        ("Call Overflowed To Voicemail", "Call Voicemail"),
    ),
    EventType(
        VOICEMAIL_DETECTED,
        "Outbound: an answering machine picked up.",
        ("voicemail.detected", "Voicemail Detected"),
    ),
    EventType(FAILED, "The call never connected; failure says why.", ("Call Failed",)),
    EventType(
        MISSED,
        "An inbound call ended without a person answering; said once for each such call.",
        ("Call Missed",),
    ),
    EventType(
        DISPOSITION_SET,
        "A disposition was saved for the first time.",
        ("Call Disposition Saved", "Call Disposition Set"),
    ),
    EventType(
        DISPOSITION_MODIFIED,
        "The disposition was changed.",
        ("Call Disposition Modified",),
    ),
    EventType(
        RECORDING_RECEIVED,
        "All recordings of the call are available.",
        ("Call Recording Received",),
    ),
    EventType(
        ENDED,
        "The call is over; data is the full call detail record.",
        ("call.completed", "Call Ended", "Call Completed"),
    ),
    EventType(
        UPDATED,
        "Any other fact of the call changed, also after its end; changes says which.",
        ("call.modified", "Call Updated", "Call Modified"),
    ),
)
_OTHERS = (
    EventType("contact.created", "A contact was made.", ("Contact Created",)),
    EventType("contact.modified", "A contact was changed.", ("Contact Modified",)),
    EventType("contact_list.created", "A list became non-empty.", ("Contact List Created",)),
    EventType("contact_list.modified", "A list was changed.", ("Contact List Modified",)),
    EventType("message.received", "An inbound message arrived.", ("Message Received",)),
    EventType("message.sent", "An outbound message was sent.", ("Message Sent",)),
    EventType("message.delivered", "A message reached its recipient.", ("Message Delivered",)),
    EventType("message.failed", "A message could not be delivered.", ("Message Failed",)),
    EventType(
        "customer.qualified",
        "A customer met the qualification criteria.",
        ("Customer Qualified",),
    ),
    EventType("service.matched", "Services were matched to a customer.", ("Service Matched",)),
    EventType("analysis.completed", "A business analysis is complete.", ("Analysis Completed",)),
    EventType("number.suppressed", "A number was taken out of rotation."),
    EventType("buyer.cap_reached", "A buyer's cap is used up."),
    EventType("record.ingested", "A client's record was taken."),
    EventType("record.duplicate", "A client's record was tied to a call already known."),
    EventType("record.rejected", "A client's record was set aside, with the reason."),
    EventType("webhook.failing", "Deliveries to an endpoint began to fail."),
    EventType("webhook.recovered", "A failing endpoint accepts deliveries again."),
    EventType("webhook.disabled", "An endpoint was disabled, with the reason."),
    EventType("delivery.exhausted", "A delivery was given up after its last retry."),
    EventType("automation.fired", "An automation ran its actions."),
    EventType("automation.failed", "An action of an automation failed for good."),
)


def _resource_types() -> Iterable[EventType]:
    for kind in RESOURCE_KINDS:
        spoken = kind.replace("_", " ")
        for what in ("created", "modified", "deleted"):
            yield EventType(f"{kind}.{what}", f"Resource of kind {spoken}: {what}.")


CATALOGUE: dict[str, EventType] = {
    entry.name: entry for entry in (*_CALLS, *_OTHERS, *_resource_types())
}
"""Every type but the accounts' own ``custom.<name>``, by canonical name."""

_CANONICAL = {
    spelling.casefold(): entry.name
    for entry in CATALOGUE.values()
    for spelling in (entry.name, *entry.aliases)
}
_PREFIXES = frozenset(name.split(".", 1)[0] + ".*" for name in CATALOGUE) | {"custom.*"}


def canonical(name: str) -> str | None:
    """The canonical type that a name or alias stands for, in any case; ``None`` if it is none.

    ``custom.<name>`` stands for itself: lower-case words of letters, digits and ``_``, joined by
    dots.
    """
    known = _CANONICAL.get(name)
    if known is not None:
        return known
    known = _CANONICAL.get(name.strip().casefold())
    if known is None and len(name) <= _LONGEST_NAME and _CUSTOM.fullmatch(name):
        return name
    return known


def postable(name: object, path: str = "body.type") -> str:
    """The canonical type of what a caller posts.

    ``Invalid`` (``unknown_event_type``) names the nearest type; ``Forbidden`` (``reserved_type``)
    is for types that only Offhook says.
    """
    known = canonical(name) if isinstance(name, str) else None
    if known is None:
        raise _unknown(name, path, "type")
    if known.split(".", 1)[0] not in _POSTABLE:
        raise Forbidden(
            f"{known} is said by Offhook alone; post your own as custom.<name>.",
            FieldError(path, f"{known} cannot be posted"),
            code="reserved_type",
        )
    return known


def read_pattern(text: object, path: str = "body.events") -> str:
    """The canonical form of a subscription: a type, an alias, ``prefix.*`` or ``*``.

    ``Invalid`` (``unknown_event_type``) where nothing could ever match it.
    """
    if not isinstance(text, str):
        raise _unknown(text, path, "pattern")
    pattern = text.strip()
    if pattern == "*":
        return pattern
    if pattern.endswith("*"):
        lowered = pattern.casefold()
        if lowered in _PREFIXES or (
            len(lowered) <= _LONGEST_NAME and _CUSTOM_PREFIX.fullmatch(lowered)
        ):
            return lowered
        raise _unknown(text, path, "pattern")
    known = canonical(pattern)
    if known is None:
        raise _unknown(text, path, "type")
    return known


def matches(pattern: str, type_: str) -> bool:
    """Whether a canonical pattern brings events of a canonical type.

    ``*`` leaves out ``webhook.*``, ``delivery.*``, ``automation.*`` and ``record.*``; whoever wants
    those names them.
    """
    if pattern == "*":
        return not type_.startswith(_ONLY_WHEN_NAMED)
    if pattern.endswith(".*"):
        return type_.startswith(pattern[:-1])
    return pattern == type_


class TypeFilter(NamedTuple):
    """What a list keeps by type: the ``named`` one, or those with the ``beginning``; else all."""

    named: str | None
    beginning: str | None


def split_pattern(pattern: str | None) -> TypeFilter:
    """What a canonical pattern keeps of a list: there ``*`` is everything."""
    if pattern is None or pattern == "*":
        return TypeFilter(None, None)
    if pattern.endswith(".*"):
        return TypeFilter(None, pattern[:-1])
    return TypeFilter(pattern, None)


def spelling(subscribed: Iterable[str], type_: str) -> str:
    """How a subscriber spelled a type: the first of its subscriptions that names it exactly, as it
    was written; the canonical name where only a wildcard brings it."""
    for written in subscribed:
        if not written.endswith("*") and canonical(written) == type_:
            return written.strip()
    return type_


def _unknown(name: object, path: str, what: str) -> Invalid:
    if not isinstance(name, str):
        return Invalid(
            f"An event {what} is a string such as call.missed.",
            FieldError(path, f"is {type(name).__name__}, not a string"),
            code="unknown_event_type",
        )
    shown = name if len(name) <= _LONGEST_NAME else name[:_LONGEST_NAME] + "..."
    return Invalid(
        f"{shown!r} is no event {what}. {_remedy(name, what)}",
        FieldError(path, f"{shown!r} is unknown"),
        code="unknown_event_type",
    )


def _remedy(name: str, what: str) -> str:
    if name.casefold().startswith("custom."):
        return "After custom. come lower-case letters, digits and _, in words joined by dots."
    candidates = [*_CANONICAL, *(_PREFIXES if what == "pattern" else ())]
    near = get_close_matches(name[:_LONGEST_NAME].casefold(), candidates, n=1)
    if near:
        return f"Did you mean {_CANONICAL.get(near[0], near[0])}?"
    return "GET /v1/event-types lists all; your own begin with custom."
