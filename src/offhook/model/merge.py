"""Merging a statement into what is known of a call: field by field, and never backwards."""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from offhook.model.call import CallData, Disposition, Status, Voicemail
from offhook.model.errors import FieldError, Invalid

MAX_ATTRIBUTES = 200
_STATUS_ORDER = {status: place for place, status in enumerate(Status)}


class Edit:
    """A call's data under change: what is set, what that changes, and which fields are derived.

    ``data`` is a copy that belongs to this edit; ``changes`` holds ``(old, new)`` by field.
    """

    __slots__ = ("changes", "data", "derived")

    def __init__(self, data: CallData, derived: tuple[str, ...]) -> None:
        self.data = data
        self.derived = derived
        self.changes: dict[str, tuple[Any, Any]] = {}

    def set(self, field: str, value: object) -> None:
        """Set a field; noted as a change if it is one."""
        old = getattr(self.data, field)
        if old != value:
            first = self.changes.get(field)
            if first is None:
                self.changes[field] = (old, value)
            elif first[0] == value:
                del self.changes[field]
            else:
                self.changes[field] = (first[0], value)
            setattr(self.data, field, value)

    def state(self, field: str, value: object) -> None:
        """Set a field to what the source says of it."""
        if field in self.derived:
            self.derived = tuple(name for name in self.derived if name != field)
        self.set(field, value)

    def derive(self, field: str, value: object) -> None:
        """Set a field to what follows from others, unless the source stated it."""
        if field in self.derived:
            if value is None:
                self.derived = tuple(name for name in self.derived if name != field)
            self.set(field, value)
        elif value is not None and getattr(self.data, field) is None:
            self.derived += (field,)
            self.set(field, value)

    def retract(self, field: str) -> None:
        """Empty a field that turned out not to hold."""
        if getattr(self.data, field) is not None:
            self.state(field, None)

    def advance(self, status: Status) -> None:
        """Move the status on; one that was passed already changes nothing."""
        if _STATUS_ORDER[status] > _STATUS_ORDER[self.data.status]:
            self.set("status", status)


def is_past(data: CallData, status: Status) -> bool:
    """Whether the call has got beyond a status."""
    return _STATUS_ORDER[data.status] > _STATUS_ORDER[status]


def merge(edit: Edit, fields: Mapping[str, Any]) -> None:
    """Take over what a fact states: a later statement wins, unless it is empty.

    ``outcome`` is left alone: what it comes to is decided from all that was said. Raises
    ``Invalid`` when the call would have more than 200 attributes.
    """
    data, changes = edit.data, edit.changes
    for field, value in fields.items():
        if value is None:
            continue
        special = _MERGERS.get(field)
        if special is not None:
            special(edit, field, value)
        elif field in edit.derived:
            edit.state(field, value)
        elif field != "outcome":
            # A field is stated once in a fact, so this is its first change.
            old = getattr(data, field)
            if old != value:
                changes[field] = (old, value)
                setattr(data, field, value)


def _keep_first(edit: Edit, field: str, value: object) -> None:
    if getattr(edit.data, field) is None:
        edit.set(field, value)


def _merge_money(edit: Edit, field: str, value: str) -> None:
    old: str | None = getattr(edit.data, field)
    if old is None or (old != value and Decimal(old) != Decimal(value)):
        edit.state(field, value)


def _merge_caller(edit: Edit, field: str, value: str) -> None:
    edit.state(field, value)
    edit.set("caller_withheld", False)


def _merge_withheld(edit: Edit, field: str, value: bool) -> None:
    if edit.data.caller_id is None:
        edit.set(field, value)


def _merge_parts(edit: Edit, field: str, value: msgspec.Struct) -> None:
    old = getattr(edit.data, field)
    if old is None or old == value:
        edit.set(field, value)
        return
    stated = {
        part: said for part in value.__struct_fields__ if (said := getattr(value, part)) is not None
    }
    edit.set(field, msgspec.structs.replace(old, **stated))


def _merge_disposition(edit: Edit, field: str, value: Disposition) -> None:
    old = edit.data.disposition
    if old is not None and old.code == value.code and value.note is None:
        return
    edit.set(field, value)


def _merge_voicemail(edit: Edit, field: str, value: Voicemail) -> None:
    old = edit.data.voicemail
    if old is not None and old.left and not value.left:
        value = msgspec.structs.replace(value, left=True)
    _merge_parts(edit, field, value)


def _merge_attributes(edit: Edit, field: str, value: dict[str, Any]) -> None:
    old = edit.data.attributes
    stated = {key: item for key, item in value.items() if item is not None or key not in old}
    merged = {**old, **stated}
    if len(merged) > MAX_ATTRIBUTES:
        raise Invalid(
            f"The call would have {len(merged)} attributes; {MAX_ATTRIBUTES} are the most.",
            FieldError("body.data.attributes", f"{MAX_ATTRIBUTES} are the most for one call"),
            code="too_many_attributes",
        )
    edit.set(field, merged)


_MERGERS: dict[str, Callable[[Edit, str, Any], None]] = {
    "external_id": _keep_first,
    "source": _keep_first,
    "caller_id": _merge_caller,
    "caller_withheld": _merge_withheld,
    "revenue": _merge_money,
    "payout": _merge_money,
    "cost": _merge_money,
    "disposition": _merge_disposition,
    "location": _merge_parts,
    "visitor": _merge_parts,
    "voicemail": _merge_voicemail,
    "attributes": _merge_attributes,
}


def span_s(start: datetime | None, end: datetime | None) -> float | None:
    """Seconds from start to end; ``None`` if either is unknown or the end comes first."""
    if start is None or end is None or end < start:
        return None
    return (end - start).total_seconds()
