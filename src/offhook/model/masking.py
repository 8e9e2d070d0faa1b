"""An event for somebody who is not to know whose call it was.

The contact's number keeps its country code and its last two digits wherever it stands, however it
is written; what names or records the person goes; ``contact_hash`` tells the same contact again
without saying who it is.
"""

import hmac
import re
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

import msgspec
import phonenumbers

from offhook.model.event import LogEvent
from offhook.model.hiding import TAIL, Hider, digits_of
from offhook.model.ids import EventId

_GONE: Final[dict[str, Any]] = {
    "caller_name": None,
    "caller_raw": None,
    "notes": None,
    "recording_urls": (),
    "attributes": {},
}
"""What a masked call says nothing of, and what stands there instead."""

_GONE_BELOW: Final = {"voicemail": "url", "disposition": "note"}
_GONE_OF_CONTACTS: Final[dict[str, Any]] = {**_GONE, "name": None, "email": None}
_NUMBER_FIELDS: Final = ("contact_number", "phone")
_PARTIES: Final = {"call": ("caller_id", "dialed_number"), "message": ("from", "to")}
_CONTACTS_END: Final = {"inbound": 0, "outbound": 1}

_HASH_IN_NAMES: Final = 16
_WHOLE = re.compile(r"\+?[\d\s().\-/]{7,24}")


def contact_hash(number: str, key: bytes) -> str:
    """What stands for a contact's number: HMAC-SHA256 under the account's key, in hex."""
    plain = "+" * number.startswith("+") + digits_of(number)
    return hmac.new(key, plain.encode(), sha256).hexdigest()


@lru_cache(maxsize=4_096)
def mask_number(number: str) -> str:
    """Country code and last two digits: ``+12145550123`` becomes ``+1********23``."""
    digits = digits_of(number)
    code = _country_code(number)
    hidden = max(0, len(digits) - len(code) - 2)
    return ("+" + code if code else "") + "*" * hidden + digits[-2:]


def masked(event: LogEvent, key: bytes) -> LogEvent:
    """The event as an endpoint gets it that masks callers: what is known to be the contact's number
    is hidden in its data, key, id and headers. In the id and the key its hash takes its place, so
    that they still tell one event and one contact from another."""
    data: dict[str, Any] = msgspec.json.decode(event.data)
    numbers = _contact_numbers(event.type, data)
    hider = Hider(numbers, mask_number)
    hasher = Hider(numbers, lambda number: contact_hash(number, key)[:_HASH_IN_NAMES])
    shown = hider.value(_without_person(event.type, data))
    shown["contact_hash"] = contact_hash(numbers[0], key) if numbers else None
    return msgspec.structs.replace(
        event,
        id=EventId(hasher.name(event.id)),
        key=hasher.name(event.key),
        headers=None if event.headers is None else hider.value(event.headers),
        data=msgspec.json.encode(shown),
    )


def contact_hider(event: LogEvent) -> Hider:
    """What hides the contact's number in texts about an event, such as its receiver's answer."""
    return Hider(_contact_numbers(event.type, msgspec.json.decode(event.data)), mask_number)


def _contact_numbers(type_: str, data: Mapping[str, Any]) -> tuple[str, ...]:
    """The numbers of the contact, also those of ``changes``; the present one first."""
    group = type_.split(".", 1)[0]
    changes = data.get("changes")
    former = changes if isinstance(changes, dict) else {}
    parties = _PARTIES.get(group, ())
    end = None if "direction" in former else _CONTACTS_END.get(str(data.get("direction")))
    fields = (*_NUMBER_FIELDS, *(parties if end is None else parties[end : end + 1]))
    stated = [data.get(field) for field in fields]
    stated += [number for field in fields for number in _steps(former.get(field))]
    if group == "custom":
        stated += _whole_numbers(data)
    ours = data.get("our_number")
    found = (it for it in stated if isinstance(it, str) and it != ours and len(digits_of(it)) > 2)
    return tuple(dict.fromkeys(found))


def _steps(change: object) -> list[Any]:
    """What a field was and is, in what is said of its change."""
    steps = change if isinstance(change, list) else [change]
    return [str(it) if isinstance(it, int) else it for it in steps]


def _whole_numbers(value: object) -> list[str]:
    """Every text in an account's own data that is a telephone number and nothing else."""
    if isinstance(value, str):
        return [value] if _WHOLE.fullmatch(value) and len(digits_of(value)) >= TAIL else []
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [found for item in below for found in _whole_numbers(item)]


def _without_person(type_: str, data: dict[str, Any]) -> dict[str, Any]:
    """Without what names or records the person, now and in what changed."""
    if type_.startswith("call."):
        shown = data | _GONE
    elif type_.startswith("contact."):
        shown = data | {name: it for name, it in _GONE_OF_CONTACTS.items() if name in data}
    else:
        return data
    shown = {name: _without_detail(name, value) for name, value in shown.items()}
    if "changes" in data:
        shown["changes"] = _changes_without_person(data["changes"])
    return shown


def _changes_without_person(changes: object) -> dict[str, Any] | None:
    """In another form than field by field it cannot be told of whom they speak."""
    if not isinstance(changes, dict):
        return None
    return {
        name: [_without_detail(name, it) for it in change]
        if isinstance(change, list)
        else _without_detail(name, change)
        for name, change in changes.items()
        if name not in _GONE_OF_CONTACTS
    }


def _without_detail(name: str, value: object) -> object:
    detail = _GONE_BELOW.get(name)
    return value | {detail: None} if detail is not None and isinstance(value, dict) else value


@lru_cache(maxsize=4_096)
def _country_code(number: str) -> str:
    if not number.startswith("+"):
        return ""
    try:
        return str(phonenumbers.parse(number).country_code or "")
    except phonenumbers.NumberParseException:
        return ""
