"""From what a source sent to a checked fact: every field typed, every fault named.

Only the fields that are present are looked at; all faults of an item are told at once.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from offhook.model import catalogue, coercion
from offhook.model.call import (
    AnsweredBy,
    Direction,
    Disposition,
    Failure,
    Location,
    MissedReason,
    Outcome,
    Visitor,
    Voicemail,
)
from offhook.model.coercion import Misfit, Reader, is_empty
from offhook.model.errors import FieldError, Invalid, TooLarge
from offhook.model.event import to_ms
from offhook.model.fact import CallFact, ContactProbe, FactKind
from offhook.model.ids import AccountId, CallId, call_id

MAX_DATA_BYTES: Final = 256 << 10

IMPLIED_DIRECTION: Final = {
    catalogue.MISSED: Direction.INBOUND,
    catalogue.VOICEMAIL: Direction.INBOUND,
    catalogue.CONNECTED: Direction.OUTBOUND,
    catalogue.VOICEMAIL_DETECTED: Direction.OUTBOUND,
}
"""Types that by their definition speak of calls of one direction alone."""

_TEST_SOURCE = "\x00test\x00"
_CALL_ID = re.compile(r"call_[0-9A-HJKMNP-TV-Z]{16}", re.ASCII).fullmatch
_SAID_BY_OFFHOOK = frozenset(
    {
        "status",
        "transition",
        "changes",
        "contact_number",
        "our_number",
        "legs",
        "repeat_caller",
        "duplicate_of",
    }
)


def _nested(
    kind: Callable[..., object], readers: Mapping[str, Reader], required: str | None = None
) -> Reader:
    def read(value: object) -> object:
        if not isinstance(value, dict):
            raise Misfit(f"{coercion.shown(value)} is not an object")
        values: dict[str, object] = {}
        for field, item in value.items():
            reader = readers.get(field)
            if reader is None:
                known = ", ".join(readers)
                raise Misfit(f"is no field here; known are {known}", f".{field}")
            if not is_empty(item):
                values[field] = coercion.read_below(reader, item, f".{field}")
        if values and required is not None and required not in values:
            raise Misfit("is missing", f".{required}")
        return kind(**values) if values else None

    return read


_disposition = _nested(
    Disposition, {"code": coercion.name, "note": coercion.long_text}, required="code"
)


def _read_disposition(value: object) -> object:
    """An object of code and note, or the code alone."""
    return Disposition(coercion.text(value)) if isinstance(value, str) else _disposition(value)


def _call_id(value: object) -> CallId:
    if not isinstance(value, str) or not _CALL_ID(value):
        raise Misfit(f"{coercion.shown(value)} is no call id; send source and external_id instead")
    return CallId(value)


def _attributes(value: object) -> dict[str, object]:
    stated = coercion.json_object(value)
    return {key: None if is_empty(item) else item for key, item in stated.items()}


_IDS = (
    "external_id",
    "source",
    "group",
    "client_id",
    "campaign_id",
    "buyer_id",
    "offer_id",
    "publisher_id",
    "agent_id",
    "contact_id",
)
_TEXTS = ("caller_raw", "caller_name", "queue", "route", "hangup_by", "hangup_cause")
_NUMBERS = ("caller_id", "dialed_number", "target_number")
_TIMES = ("occurred_at", "started_at", "answered_at", "agent_connected_at", "ended_at")
_MONEY = ("revenue", "payout", "cost")
_SECONDS = (
    "ring_s",
    "ivr_s",
    "wait_s",
    "hold_s",
    "talk_s",
    "wrap_s",
    "duration_s",
    "billable_s",
)

_READERS: dict[str, Reader] = {
    "call_id": _call_id,
    **dict.fromkeys(_IDS, coercion.name),
    **dict.fromkeys((*_TEXTS, *_NUMBERS), coercion.text),
    **dict.fromkeys(_TIMES, coercion.moment),
    **dict.fromkeys(_SECONDS, coercion.seconds),
    **dict.fromkeys(_MONEY, coercion.money),
    **dict.fromkeys(("converted", "qualified", "caller_withheld", "historical"), coercion.boolean),
    "direction": coercion.one_of(Direction),
    "outcome": coercion.one_of(Outcome),
    "missed_reason": coercion.one_of(MissedReason),
    "failure": coercion.one_of(Failure),
    "answered_by": coercion.one_of(AnsweredBy),
    "sip_code": coercion.sip_code,
    "currency": coercion.currency,
    "notes": coercion.long_text,
    "media": coercion.json_object,
    "disposition": _read_disposition,
    "contact_list_ids": coercion.listed(coercion.name, 200),
    "tags": coercion.listed(coercion.text, 100),
    "recording_urls": coercion.listed(coercion.text, 100),
    "voicemail": _nested(
        Voicemail,
        {"left": coercion.boolean, "url": coercion.text, "duration_s": coercion.seconds},
        required="left",
    ),
    "location": _nested(Location, dict.fromkeys(Location.__struct_fields__, coercion.text)),
    "visitor": _nested(Visitor, dict.fromkeys(Visitor.__struct_fields__, coercion.text)),
    "attributes": _attributes,
}

FIELDS_BY_FORM: Final = {"names": _IDS, "money": _MONEY, "times": _TIMES}
"""The fields that are posted in one more form than they leave in, by that form."""

STATED_FIELDS: Final = frozenset(_READERS)
"""What a source may state in ``data`` of a call event."""


class Faults:
    """What is wrong with one item, gathered so that all of it can be told at once."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []

    def add(self, path: str, message: str) -> None:
        """Note one fault."""
        self.errors.append(FieldError(path, message))

    def read(self, reader: Reader, value: object, path: str) -> Any:
        """The value as the reader has it; ``None`` where it is empty or, noted, does not fit."""
        if is_empty(value):
            return None
        try:
            return reader(value)
        except Misfit as misfit:
            self.add(path + misfit.at, misfit.message)
            return None

    def refuse(self) -> None:
        """Raise ``Invalid`` with all that was noted, if anything was."""
        if self.errors:
            first = self.errors[0]
            raise Invalid(f"{first.path}: {first.message}.", *self.errors)


def call_fact(
    data: Mapping[str, object],
    *,
    account: AccountId,
    kind: FactKind = FactKind.EVENT,
    type_: str | None = None,
    occurred_at: datetime | None = None,
    headers: dict[str, str] | None = None,
    test: bool = False,
    path: str = "body.data",
    faults: Faults | None = None,
) -> CallFact:
    """The fact that ``data`` states about one call; ``type_`` is canonical, ``None`` for a record.

    ``data`` holds fields of ``CallData`` by name, and ``call_id`` or ``source`` with
    ``external_id`` (and ``group``). Raises ``Invalid`` with every fault, those noted before among
    them.
    """
    faults = faults or Faults()
    fields = _read_fields(data, path, faults)
    _require(type_, fields, path, faults)
    identity = _identify(fields, account, test, path, faults)
    faults.refuse()
    stated_at = fields.pop("occurred_at", None)
    historical = fields.pop("historical", None)
    _place_numbers(fields)
    return CallFact(identity, kind, type_, fields, occurred_at or stated_at, historical, headers)


def contact_probe(fact: CallFact) -> ContactProbe | None:
    """What tells whether the contact called before, where the fact says who the contact is."""
    fields = fact.fields
    direction = fields.get("direction") or IMPLIED_DIRECTION.get(fact.type or "")
    if direction is None:
        return None
    number = fields.get("caller_id" if direction is Direction.INBOUND else "dialed_number")
    if number is None:
        return None
    started = fields.get("started_at") or fact.occurred_at
    return ContactProbe(number, None if started is None else to_ms(started))


def check_size(data: object, size: int, path: str) -> None:
    """Refuse data of more than 256 KiB as JSON; ``size`` is known to be no less than its own."""
    if size > MAX_DATA_BYTES and len(msgspec.json.encode(data)) > MAX_DATA_BYTES:
        raise TooLarge(
            f"{path} is larger than 256 KiB; keep long texts elsewhere and send their address.",
            FieldError(path, f"is larger than {MAX_DATA_BYTES} bytes"),
        )


def _read_fields(data: Mapping[str, object], path: str, faults: Faults) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for field, value in data.items():
        reader = _READERS.get(field)
        if reader is None:
            _refuse_field(field, value, path, faults)
        elif (value and value != "NULL") or not is_empty(value):
            try:
                fields[field] = reader(value)
            except Misfit as misfit:
                faults.add(f"{path}.{field}{misfit.at}", misfit.message)
        else:
            fields[field] = None
    return fields


def _refuse_field(field: object, value: object, path: str, faults: Faults) -> None:
    at = f"{path}.{str(field)[:64]}"
    if field not in _SAID_BY_OFFHOOK:
        faults.add(at, "is no field of a call; put it under attributes")
    elif not is_empty(value):
        faults.add(at, "is set by Offhook; leave it out")


def _require(type_: str | None, fields: dict[str, Any], path: str, faults: Faults) -> None:
    saves = type_ in (catalogue.DISPOSITION_SET, catalogue.DISPOSITION_MODIFIED)
    if saves and fields.get("disposition") is None and not faults.errors:
        faults.add(f"{path}.disposition", f"is missing; {type_} says what was saved")


def _identify(
    fields: dict[str, Any], account: AccountId, test: bool, path: str, faults: Faults
) -> CallId:
    """The call's id; one that names no call where that is a fault, which is noted."""
    named: CallId | None = fields.pop("call_id", None)
    group = fields.pop("group", None)
    source, external = fields.get("source"), fields.get("external_id")
    if source is None or external is None:
        if named is None and not faults.errors:
            missing = "external_id" if source else "source"
            faults.add(f"{path}.{missing}", "is missing; send source and external_id, or call_id")
        return named or CallId("")
    # A test key's calls have ids of their own: trying an integration out never touches live calls.
    origin = _TEST_SOURCE + source if test else source
    formed = call_id(account, origin, group or external)
    if named is not None and named != formed:
        faults.add(f"{path}.call_id", "is another call than source, external_id and group name")
    return formed


def _place_numbers(fields: dict[str, Any]) -> None:
    """What is no E.164 number stays as it was written, beside the field that it was meant for."""
    caller = fields.get("caller_id")
    if caller is not None and (number := coercion.e164(caller)) != caller:
        _place_caller(fields, caller, number)
    if fields.get("caller_withheld"):
        fields.pop("caller_id", None)
    for field in ("dialed_number", "target_number"):
        written = fields.get(field)
        if written is not None and (number := coercion.e164(written)) != written:
            fields[field] = number
            if number is None:
                attributes = fields.get("attributes") or {}
                fields["attributes"] = {**attributes, f"{field}_raw": written}


def _place_caller(fields: dict[str, Any], written: str, number: str | None) -> None:
    fields["caller_id"] = number
    if number is None:
        fields["caller_raw"] = fields.get("caller_raw") or written
        if coercion.says_withheld(written):
            fields["caller_withheld"] = True
