"""A webhook's document as it is stored: read whole, or what can be told of it. One that a release
before or after this one wrote, that was damaged, or whose key is not here, may not be readable."""

from typing import Any

import msgspec
from pydantic import ValidationError

from offhook.delivery.document import WebhookDocument
from offhook.delivery.entries import StoredWebhook
from offhook.model.errors import Conflict, OffhookError

_LONGEST_REASON = 300
_BARE: dict[str, object] = {"url": "", "events": ["*"]}


class Unloadable(Conflict):
    """What was asked for needs the webhook's document, which cannot be loaded; ``reason`` says
    why."""

    code = "webhook_unreadable"

    def __init__(self, stored: StoredWebhook, reason: str) -> None:
        super().__init__(
            f"{stored.id} cannot be loaded as it is stored, and gets nothing until it can: "
            f"{reason}. PATCH the fields that are named, PUT all of it, or delete it; or have the "
            "release or the key back that it was written with."
        )
        self.reason = reason


def document_of(stored: StoredWebhook) -> WebhookDocument:
    """All that its owner said of it; ``Unloadable`` where that cannot be read any more."""
    check_opened(stored)
    try:
        return WebhookDocument.model_validate_json(stored.document)
    except (ValidationError, OffhookError) as error:
        raise Unloadable(stored, describe_fault(error)) from error


def fields_of(stored: StoredWebhook) -> dict[str, object]:
    """The fields of its document, right or wrong; ``Unloadable`` where there are none to read."""
    check_opened(stored)
    try:
        return msgspec.json.decode(stored.document, type=dict[str, object])
    except msgspec.MsgspecError as error:
        raise Unloadable(stored, describe_fault(error)) from error


def told_of(stored: StoredWebhook) -> tuple[WebhookDocument, str | None]:
    """Its document, and ``None``; or as much of it as can be told, the rest as if it had not been
    said (no URL, no events), and why it cannot be loaded."""
    try:
        return document_of(stored), None
    except Unloadable as error:
        return _salvaged(stored.document), error.reason


def check_opened(stored: StoredWebhook) -> None:
    """Refuse with ``Unloadable`` what needs secrets that cannot be opened."""
    if stored.sealed is not None:
        raise Unloadable(stored, stored.sealed.rstrip("."))


def describe_fault(error: Exception) -> str:
    """What is wrong with a document. Values are left out: its headers may be credentials."""
    if isinstance(error, OffhookError):
        fields = dict.fromkeys(each.path.removeprefix("body.") for each in error.errors)
        named = ", ".join(field for field in fields if field not in error.detail)
        return f"{named}{': ' if named else ''}{error.detail.rstrip('.')}"[:_LONGEST_REASON]
    if not isinstance(error, ValidationError):
        return f"{type(error).__name__}: {error}"[:_LONGEST_REASON]
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    told = (f"{'.'.join(map(str, it['loc']))}: {it['msg']}" for it in faults)
    return "; ".join(told)[:_LONGEST_REASON]


def _salvaged(document: bytes) -> WebhookDocument:
    try:
        fields = msgspec.json.decode(document, type=dict[str, object])
    except msgspec.MsgspecError:
        fields = {}
    told: dict[str, Any] = {"url": "", "events": []} | {
        name: value for field, written in fields.items() for name, value in _read(field, written)
    }
    return WebhookDocument.model_construct(**told)


def _read(field: str, written: object) -> list[tuple[str, object]]:
    """The field with its value, if it can be read by itself."""
    try:
        whole = WebhookDocument.model_validate({**_BARE, field: written})
    except (ValidationError, OffhookError):
        return []
    return [(field, getattr(whole, field))]
