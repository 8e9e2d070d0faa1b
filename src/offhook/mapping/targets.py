"""Targets: which fields of a call a mapping may fill, and what each of them holds."""

from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from offhook.model.call import AnsweredBy, Direction, Failure, MissedReason, Outcome


class Kind(StrEnum):
    """What a target holds; also what a rule without ``as`` is coerced to."""

    TEXT = "text"
    PHONE = "phone"
    TIMESTAMP = "timestamp"
    DURATION = "duration"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    CURRENCY = "currency"
    LIST = "list"
    ZIP = "zip"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Target:
    """A place in ``data``: ``parts`` is its path, ``words`` what it may say, if only a few."""

    name: str
    parts: tuple[str, ...]
    kind: Kind
    words: frozenset[str] | None = None


_TEXT = (
    "external_id group source caller_raw caller_name campaign_id buyer_id offer_id publisher_id"
    " agent_id contact_id queue route hangup_by hangup_cause notes currency"
    " disposition.code disposition.note voicemail.url location.city location.state"
    " location.country location.timezone location.basis visitor.session_id visitor.utm_source"
    " visitor.utm_medium visitor.utm_campaign visitor.utm_term visitor.utm_content visitor.gclid"
    " visitor.fbclid visitor.landing_page visitor.referrer"
)
_BY_KIND = {
    Kind.TEXT: _TEXT,
    Kind.PHONE: "caller_id dialed_number target_number",
    Kind.TIMESTAMP: "occurred_at started_at answered_at agent_connected_at ended_at",
    Kind.DURATION: "ring_s ivr_s wait_s hold_s talk_s wrap_s duration_s billable_s"
    " voicemail.duration_s",
    Kind.INTEGER: "sip_code",
    Kind.BOOLEAN: "caller_withheld converted qualified voicemail.left",
    Kind.CURRENCY: "revenue payout cost",
    Kind.LIST: "contact_list_ids tags recording_urls",
    Kind.ZIP: "location.zip",
    Kind.ANY: "media",
}
_WORDS: dict[str, type[StrEnum]] = {
    "direction": Direction,
    "outcome": Outcome,
    "missed_reason": MissedReason,
    "failure": Failure,
    "answered_by": AnsweredBy,
}
_OURS = {"call_id", "client_id", "status", "transition", "changes", "legs", "historical"}
_OURS |= {"contact_number", "our_number", "duplicate_of", "repeat_caller"}
_GROUPS = {"disposition", "voicemail", "location", "visitor", "attributes"}
NEEDS = {"disposition": "code", "voicemail": "left"}
"""Nested objects that mean nothing without one of their fields."""

TARGETS: dict[str, Target] = {
    name: Target(name, tuple(name.split(".")), kind)
    for kind, names in _BY_KIND.items()
    for name in names.split()
} | {
    name: Target(name, (name,), Kind.TEXT, frozenset(word.value for word in words))
    for name, words in _WORDS.items()
}


class BadTarget(ValueError):
    """No mapping may fill this; the message says why and what is near."""


def find_target(name: str) -> Target:
    """The target of a name. Raises ``BadTarget``."""
    if name in TARGETS:
        return TARGETS[name]
    head, _, rest = name.partition(".")
    if head == "attributes" and rest:
        return Target(name, (head, rest), Kind.ANY)
    raise BadTarget(_why(name, head))


def _why(name: str, head: str) -> str:
    if head == "leg":
        return f'"{name}": legs cannot be mapped yet; map the fields of the call itself'
    if name in _OURS:
        return f'"{name}" is for Offhook to say, not for a source'
    if name in _GROUPS:
        return f'"{name}" is an object; map its fields, such as "{name}.{_example(name)}"'
    near = get_close_matches(name, [*TARGETS, *_OURS], n=1, cutoff=0.6)
    hint = f'; did you mean "{near[0]}"?' if near else '; keep it under "attributes.<name>"'
    return f'"{name}" is no field of a call{hint}'


def _example(group: str) -> str:
    return next((t.parts[1] for t in TARGETS.values() if t.parts[0] == group), "name")
