"""A change of a webhook as its owner sends it, a JSON merge patch (RFC 7396), on what is
stored."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from offhook.api.validation import invalid
from offhook.delivery.webhook import WebhookDocument
from offhook.model.errors import FieldError, Invalid
from offhook.model.headers import MASK


def patched(document: bytes, patch: Mapping[str, Any]) -> WebhookDocument:
    """The document after the change; ``Invalid`` where it may not be so.

    Options of a scheme or of a kind of retries that is given up go with it: whoever names another
    one need not know them.
    """
    check_unmasked(patch.get("headers"))
    stored = json.loads(document)
    for field, goes_over in (("signing", _to_another_scheme), ("retry", _to_other_retries)):
        if isinstance(change := patch.get(field), Mapping) and goes_over(
            stored.get(field) or {}, change
        ):
            stored[field] = {}
    try:
        return WebhookDocument.model_validate(_merge(stored, patch))
    except ValidationError as error:
        raise invalid(error.errors(), "body") from error


def check_unmasked(headers: object) -> None:
    """Refuse values that only stand in place of those that were not shown, sent back."""
    if not isinstance(headers, Mapping):
        return
    message = f"is {MASK!r}, which stands for a value that is not shown; give the value"
    errors = [
        FieldError(f"body.headers.{str(name)[:64]}", message)
        for name, value in headers.items()
        if value == MASK
    ]
    if errors:
        remedy = "a key with the scope webhooks:write is shown it, and a PATCH may leave it out"
        raise Invalid(f"{errors[0].path} {message}: {remedy}.", *errors)


def _to_another_scheme(before: Mapping[str, Any], change: Mapping[str, Any]) -> bool:
    return "scheme" in change and change["scheme"] != before.get("scheme")


def _to_other_retries(before: Mapping[str, Any], change: Mapping[str, Any]) -> bool:
    return any(
        change.get(kind) is not None and before.get(kind) is None
        for kind in ("profile", "delays_s")
    )


def _merge(target: object, patch: object) -> object:
    """Objects merge field by field, null removes, anything else replaces."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for field, value in patch.items():
        if value is None:
            merged.pop(field, None)
        else:
            merged[field] = _merge(merged.get(field), value)
    return merged
