"""The known event that a self-test fires: what is posted, who gets it, and what proves it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from offhook.model.catalogue import postable
from offhook.model.errors import Invalid
from offhook.signing import STANDARD, SignedRequest, explain
from offhook.tools.sample import sample_items

TYPE: Final = "custom.offhook.selftest"

_RUN: Final = "offhook_selftest"
_UNTIL: Final = "offhook_selftest_until_s"
_RETRIES_S: Final = (0.5, 1, 2, 4)


@dataclass(frozen=True, slots=True)
class Probe:
    """``items`` are posted in turn; the last brings the event. ``marker`` is in this ``field`` of
    its data, and in nobody else's."""

    type: str
    marker: str
    field: str
    items: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Request:
    """A request that came."""

    headers: Mapping[str, str]
    body: bytes


class Registered(msgspec.Struct, frozen=True):
    """A webhook as it was answered, as much of it as is needed."""

    id: str
    secret: str = ""
    metadata: dict[str, str] = {}


class _Delivered(msgspec.Struct, frozen=True):
    id: str
    type: str
    test: bool
    data: dict[str, Any]


def make_probe(type_: str, *, marker: str, now: datetime) -> Probe:
    """The event to fire: one of a call of its own, or a ``custom.*`` one. ``Invalid`` for other
    types, whose data has no room for a marker."""
    name = postable(type_, "--type")
    if name.startswith("call."):
        items = sample_items(name, {"attributes": {"marker": marker}}, marker=marker, now=now)
        return Probe(name, marker, "external_id", items)
    if not name.startswith("custom."):
        raise Invalid(f"--type {name}: choose a type of call.* or custom.*.")
    item = {"type": name, "key": marker, "data": {"marker": marker}}
    return Probe(name, marker, "marker", [item])


def temporary_webhook(
    probe: Probe, url: str, *, now: datetime, within: timedelta
) -> Mapping[str, object]:
    """The webhook that gets the probe and nothing else. It says from when on anybody may take it
    for one that was left behind."""
    until_s = (now + within).timestamp()
    return {
        "url": url,
        "events": [probe.type],
        "filter": f'data.{probe.field} == "{probe.marker}"',
        "test": True,
        "description": "Made by offhook selftest for a moment.",
        "metadata": {_RUN: probe.marker, _UNTIL: f"{until_s:.0f}"},
        "retry": {"delays_s": _RETRIES_S},
        "timeout_s": 5,
    }


def is_of(webhook: Registered, marker: str) -> bool:
    """Whether the run with this marker made the webhook."""
    return webhook.metadata.get(_RUN) == marker


def is_left_behind(webhook: Registered, now: datetime) -> bool:
    """Whether a run made it that died before it could take it away."""
    until = webhook.metadata.get(_UNTIL, "")
    return _RUN in webhook.metadata and until.isdecimal() and int(until) < now.timestamp()


def brings(request: Request, event_id: str) -> bool:
    """Whether a request says that it brings the event, whose id only the server knows besides."""
    return SignedRequest(request.headers, b"").header("webhook-id") == event_id


def fault(request: Request, probe: Probe, event_id: str, secret: str, now: datetime) -> str | None:
    """What is wrong with the request that was to bring the event; ``None`` if nothing is."""
    found = explain(
        STANDARD,
        (secret,),
        SignedRequest(request.headers, request.body),
        now_s=int(now.timestamp()),
    )
    if not found.valid:
        return found.explanation
    try:
        event = msgspec.json.decode(request.body, type=_Delivered)
    except msgspec.DecodeError as error:
        return f"its body is no event: {error}"
    named = SignedRequest(request.headers, b"").header("webhook-id")
    if not named == event.id == event_id:
        return f"it is of {named}, its body of {event.id}; posted was {event_id}"
    if (event.type, event.test) != (probe.type, True):
        return f"it brings {event.type} with test {event.test}, not a test of {probe.type}"
    if event.data.get(probe.field) != probe.marker:
        return f"data.{probe.field} is {event.data.get(probe.field)!r}, not {probe.marker!r}"
    return None
