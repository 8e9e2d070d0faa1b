"""A change of a webhook as its owner sends it, a JSON merge patch (RFC 7396), on what is
stored."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from offhook.api.validation import invalid
from offhook.delivery.document import Retry, Signing, WebhookDocument
from offhook.model.errors import FieldError, Invalid
from offhook.model.headers import MASK


def patched(fields: Mapping[str, Any], patch: Mapping[str, Any]) -> WebhookDocument:
    """The document of these ``fields`` after the change; ``Invalid`` where it may not be so.

    Options of a scheme or of a kind of retries that is given up go with it: whoever names another
    one need not know them.
    """
    check_unmasked(patch.get("headers"))
    _check_known(fields, patch)
    stored = dict(fields)
    for field, goes_over in (("signing", _to_another_scheme), ("retry", _to_other_retries)):
        change, before = patch.get(field), stored.get(field)
        if not isinstance(change, Mapping):
            continue
        if not isinstance(before, Mapping) or goes_over(before, change):
            stored[field] = {}
    try:
        return WebhookDocument.model_validate(_merge(stored, patch))
    except ValidationError as error:
        raise invalid(error.errors(), "body") from error


def _check_known(stored: Mapping[str, Any], patch: Mapping[str, Any]) -> None:
    """Refuse nulls that would remove nothing, for no such field is there or ever is; what was
    stored by another release may go."""
    parts: list[tuple[str, type[BaseModel], object, object]] = [
        ("body", WebhookDocument, stored, patch),
        ("body.signing", Signing, stored.get("signing"), patch.get("signing")),
        ("body.retry", Retry, stored.get("retry"), patch.get("retry")),
    ]
    errors = [
        FieldError(f"{path}.{name}", f"there is no field {name[:100]!r} here; check its spelling")
        for path, model, before, change in parts
        if isinstance(change, Mapping)
        for name, value in change.items()
        if value is None and name not in model.model_fields
        if not (isinstance(before, Mapping) and name in before)
    ]
    if errors:
        raise Invalid(f"{errors[0].path}: {errors[0].message}.", *errors)


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
