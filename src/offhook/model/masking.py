"""An event for somebody who is not to know whose call it was.

The contact's number keeps its country code and its last two digits wherever it stands, however it
is written; what names or records the person goes; ``contact_hash`` tells the same contact again
without saying who it is.
"""

import hmac
import re
from collections.abc import Mapping
from functools import lru_cache, partial
from hashlib import sha256
from typing import Any, Final

import msgspec
import phonenumbers

from offhook.model.event import LogEvent
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
_GONE_OF_CONTACTS: Final = ("name", "email")
_NUMBER_FIELDS: Final = ("contact_number", "phone")
_PARTIES: Final = {"call": ("caller_id", "dialed_number"), "message": ("from", "to")}
_CONTACTS_END: Final = {"inbound": 0, "outbound": 1}

_TAIL: Final = 7
"""So many last digits tell a number, whatever prefix stands before them."""

_HAS_A_TAIL = re.compile(r"(?:\d\D*){7}")
_HASH_IN_NAMES: Final = 16
_RUN = re.compile(r"[+(]{0,2}\d(?:[\W_]{0,5}\d)+")
_ESCAPED_RUN = re.compile(r"[+(]{0,2}\d(?:(?:%[0-9A-Fa-f]{2}|[\W_]){0,5}\d)+")
_DIGIT = re.compile(r"\d")
_UNESCAPED_DIGIT = re.compile(r"%[0-9A-Fa-f]{2}|\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z", re.ASCII)
_WHOLE = re.compile(r"\+?[\d\s().\-/]{7,24}")


def contact_hash(number: str, key: bytes) -> str:
    """What stands for a contact's number: HMAC-SHA256 under the account's key, in hex."""
    plain = "+" * number.startswith("+") + _digits(number)
    return hmac.new(key, plain.encode(), sha256).hexdigest()


@lru_cache(maxsize=4_096)
def mask_number(number: str) -> str:
    """Country code and last two digits: ``+12145550123`` becomes ``+1********23``."""
    digits = _digits(number)
    code = _country_code(number)
    hidden = max(0, len(digits) - len(code) - 2)
    return ("+" + code if code else "") + "*" * hidden + digits[-2:]


def masked(event: LogEvent, key: bytes) -> LogEvent:
    """The event as an endpoint gets it that masks callers: what is known to be the contact's number
    is hidden in its data, key, id and headers. In the id and the key its hash takes its place, so
    that they still tell one event and one contact from another."""
    data: dict[str, Any] = msgspec.json.decode(event.data)
    numbers = _contact_numbers(event.type, data)
    shown = _hide(_without_person(event.type, data), numbers)
    shown["contact_hash"] = contact_hash(numbers[0], key) if numbers else None
    headers = None if event.headers is None else _hide(event.headers, numbers)
    return msgspec.structs.replace(
        event,
        id=EventId(_hidden_by_hash(event.id, numbers, key)),
        key=_hidden_by_hash(event.key, numbers, key),
        headers=headers,
        data=msgspec.json.encode(shown),
    )


def without_contact(text: str, event: LogEvent) -> str:
    """A text about an event, such as its receiver's answer, with the contact's number hidden."""
    numbers = _contact_numbers(event.type, msgspec.json.decode(event.data))
    return _hide_in_text(text, numbers)


def _contact_numbers(type_: str, data: Mapping[str, Any]) -> tuple[str, ...]:
    """The numbers of the contact, the present one first."""
    group = type_.split(".", 1)[0]
    stated: list[Any] = [data.get(field) for field in _NUMBER_FIELDS]
    parties = [data.get(field) for field in _PARTIES.get(group, ())]
    end = _CONTACTS_END.get(str(data.get("direction")))
    stated += parties if end is None else parties[end : end + 1]
    changes = data.get("changes")
    if isinstance(changes, dict):
        stated += changes.get("contact_number") or ()
    if group == "custom":
        stated += _whole_numbers(data)
    ours = data.get("our_number")
    found = (it for it in stated if isinstance(it, str) and it != ours and len(_digits(it)) > 2)
    return tuple(dict.fromkeys(found))


def _whole_numbers(value: object) -> list[str]:
    """Every text in an account's own data that is a telephone number and nothing else."""
    if isinstance(value, str):
        return [value] if _WHOLE.fullmatch(value) and len(_digits(value)) >= _TAIL else []
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [found for item in below for found in _whole_numbers(item)]


def _without_person(type_: str, data: dict[str, Any]) -> dict[str, Any]:
    """Without what names or records the person."""
    if type_.startswith("contact."):
        return data | {field: None for field in _GONE_OF_CONTACTS if field in data}
    if not type_.startswith("call."):
        return data
    shown = {name: _without_detail(name, value) for name, value in (data | _GONE).items()}
    changes = data.get("changes")
    if isinstance(changes, dict):
        shown["changes"] = {
            name: [_without_detail(name, step) for step in steps]
            for name, steps in changes.items()
            if name not in _GONE
        }
    return shown


def _without_detail(name: str, value: object) -> object:
    detail = _GONE_BELOW.get(name)
    return value | {detail: None} if detail is not None and isinstance(value, dict) else value


def _hide(value: Any, numbers: tuple[str, ...]) -> Any:
    """The value with every number hidden, in names and in whatever is below, too."""
    if isinstance(value, str):
        return _hide_in_text(value, numbers)
    if isinstance(value, dict):
        return {_hide_in_text(name, numbers): _hide(it, numbers) for name, it in value.items()}
    if isinstance(value, list | tuple):
        return [_hide(item, numbers) for item in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        hidden = _hide_in_text(repr(value), numbers)
        return value if hidden == repr(value) else hidden
    return value


def _hide_in_text(text: str, numbers: tuple[str, ...]) -> str:
    if text in numbers:
        return mask_number(text)
    if not _HAS_A_TAIL.search(text) or _MOMENT.fullmatch(text):
        return text
    for number in numbers:
        text = _replaced(text, number, mask_number(number))
    return text


def _hidden_by_hash(name: str, numbers: tuple[str, ...], key: bytes) -> str:
    for number in numbers:
        if name == number:
            return contact_hash(number, key)[:_HASH_IN_NAMES]
        name = _replaced(name, number, contact_hash(number, key)[:_HASH_IN_NAMES])
    return name


def _replaced(text: str, number: str, by: str) -> str:
    """The text with each spelling of a number replaced."""
    digits = _digits(number)
    if len(digits) < _TAIL:
        return text
    for run, digit in ((_RUN, _DIGIT), (_ESCAPED_RUN, _UNESCAPED_DIGIT)):
        hide = partial(_in_run, digit=digit, digits=digits, by=by)
        text = run.sub(hide, text)
    return text


def _in_run(run: re.Match[str], *, digit: re.Pattern[str], digits: str, by: str) -> str:
    """A run of digits and of what separates them, with those of the number replaced: its last seven
    and what stands before them as far as it is the number's."""
    text, shown, done = run[0], "", 0
    if len(text) < _TAIL:
        return text
    places = [it.start() for it in digit.finditer(text) if not it[0].startswith("%")]
    found = "".join(str(int(text[place])) for place in places)
    tail = found.find(digits[-_TAIL:])
    while tail >= 0:
        before = text[done : places[_start(found, digits, tail)]]
        shown += before.rstrip("+(") + by
        done = places[tail + _TAIL - 1] + 1
        tail = found.find(digits[-_TAIL:], tail + _TAIL)
    return shown + text[done:]


def _start(found: str, digits: str, tail: int) -> int:
    """Where the number begins whose last seven digits begin at ``tail``."""
    before = len(digits) - _TAIL
    while tail > 0 and before > 0 and found[tail - 1] == digits[before - 1]:
        tail, before = tail - 1, before - 1
    return tail


@lru_cache(maxsize=4_096)
def _digits(number: str) -> str:
    return "".join(str(int(it)) for it in number if it.isdecimal())


@lru_cache(maxsize=4_096)
def _country_code(number: str) -> str:
    if not number.startswith("+"):
        return ""
    try:
        return str(phonenumbers.parse(number).country_code or "")
    except phonenumbers.NumberParseException:
        return ""
