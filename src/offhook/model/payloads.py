"""What the data of events other than calls' holds: known fields typed, further ones allowed."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from offhook.model.catalogue import RESOURCE_KINDS
from offhook.model.errors import FieldError

Name = str | int
"""An identifier of another system."""


class ContactPayload(msgspec.Struct, kw_only=True):
    """A contact after the change."""

    contact_id: Name | None = None
    phone: str | None = None
    email: str | None = None
    name: str | None = None
    contact_list_ids: tuple[Name, ...] | None = None
    occurred_at: datetime | None = None


class ContactListPayload(msgspec.Struct, kw_only=True):
    """A contact list after the change."""

    contact_list_id: Name | None = None
    name: str | None = None
    contact_count: int | None = None
    occurred_at: datetime | None = None


class MessagePayload(msgspec.Struct, kw_only=True):
    """A message; ``failure`` says why it was not delivered."""

    message_id: Name | None = None
    direction: str | None = None
    channel: str | None = None
    from_: str | None = msgspec.field(default=None, name="from")
    to: str | None = None
    text: str | None = None
    media_urls: tuple[str, ...] | None = None
    contact_id: Name | None = None
    contact_list_ids: tuple[Name, ...] | None = None
    call_id: str | None = None
    failure: str | None = None
    occurred_at: datetime | None = None


class CustomerQualifiedPayload(msgspec.Struct, kw_only=True):
    """A customer who met the criteria, and which ones (``triggers``)."""

    customer_id: Name | None = None
    score: float | None = None
    qualification_type: str | None = None
    triggers: tuple[str, ...] | None = None
    occurred_at: datetime | None = None


class ServiceMatchedPayload(msgspec.Struct, kw_only=True):
    """The services that fit a customer."""

    customer_id: Name | None = None
    services: tuple[dict[str, Any], ...] | None = None
    occurred_at: datetime | None = None


class AnalysisCompletedPayload(msgspec.Struct, kw_only=True):
    """The result of an analysis."""

    analysis_id: Name | None = None
    customer_id: Name | None = None
    analysis_type: str | None = None
    result: dict[str, Any] | None = None
    occurred_at: datetime | None = None


class ResourcePayload(msgspec.Struct, kw_only=True):
    """A resource after the change, and the former values of what changed."""

    object: dict[str, Any]
    previous: dict[str, Any] | None = None


class RecordPayload(msgspec.Struct, kw_only=True):
    """What became of a client's record."""

    record_id: str
    client_id: str
    call_id: str | None = None
    duplicate_of: str | None = None
    reason: str | None = None


class WebhookHealthPayload(msgspec.Struct, kw_only=True):
    """How an endpoint fares."""

    webhook_id: str
    url: str
    reason: str | None = None
    failing_since: datetime | None = None
    failures: int | None = None


class DeliveryExhaustedPayload(msgspec.Struct, kw_only=True):
    """A delivery that was given up."""

    delivery_id: str
    webhook_id: str
    event_id: str
    event_type: str
    attempts: int
    last_status: int | None = None
    reason: str | None = None


class AutomationPayload(msgspec.Struct, kw_only=True):
    """What an automation did, and for which event."""

    automation_id: str
    event_id: str
    run_id: str | None = None
    action: str | None = None
    reason: str | None = None


class NumberSuppressedPayload(msgspec.Struct, kw_only=True):
    """A number taken out of rotation."""

    number: str
    reason: str
    until: datetime | None = None


class BuyerCapPayload(msgspec.Struct, kw_only=True):
    """A cap that is used up."""

    buyer_id: str
    cap: str
    limit: int
    resets_at: datetime | None = None


_OF_GROUP: dict[str, type[msgspec.Struct]] = {
    "contact": ContactPayload,
    "contact_list": ContactListPayload,
    "message": MessagePayload,
    "customer": CustomerQualifiedPayload,
    "service": ServiceMatchedPayload,
    "analysis": AnalysisCompletedPayload,
    "record": RecordPayload,
    "delivery": DeliveryExhaustedPayload,
}
_OF_TYPE: dict[str, type[msgspec.Struct]] = {
    "number.suppressed": NumberSuppressedPayload,
    "buyer.cap_reached": BuyerCapPayload,
    "automation.fired": AutomationPayload,
    "automation.failed": AutomationPayload,
    "webhook.failing": WebhookHealthPayload,
    "webhook.recovered": WebhookHealthPayload,
    "webhook.disabled": WebhookHealthPayload,
}
_KEY_FIELDS: Final = {
    "contact": ("contact_id", "id"),
    "contact_list": ("contact_list_id", "id"),
    "message": ("message_id", "id"),
    "customer": ("customer_id",),
    "service": ("customer_id",),
    "analysis": ("analysis_id", "customer_id"),
}
_AT = re.compile(r"(?P<message>.*?)(?: - at `(?:key in )?\$(?P<at>.*)`)?", re.DOTALL)


def payload_of(type_: str) -> type[msgspec.Struct] | None:
    """The payload of a type that is no call's; ``None`` where any object will do."""
    group = type_.split(".", 1)[0]
    known = _OF_TYPE.get(type_) or _OF_GROUP.get(group)
    return ResourcePayload if known is None and group in RESOURCE_KINDS else known


def payload_error(type_: str, data: Mapping[str, object], path: str) -> FieldError | None:
    """What is wrong with the known fields of a posted payload."""
    kind = payload_of(type_)
    if kind is None:
        return None
    try:
        msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        found = _AT.fullmatch(str(error))
        message, at = (found["message"], found["at"] or "") if found else (str(error), "")
        return FieldError(path + at, f"{message[:1].lower()}{message[1:]}".replace("`", ""))
    return None


def key_of(type_: str, data: Mapping[str, object]) -> str | None:
    """What an event is ordered by: the contact, list, message or customer that it speaks of."""
    for field in _KEY_FIELDS.get(type_.split(".", 1)[0], ()):
        value = data.get(field)
        if value and isinstance(value, str | int):
            return str(value)
    return None
