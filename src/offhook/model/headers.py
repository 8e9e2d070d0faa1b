"""Headers that a user may add to a request that Offhook sends."""

import re
from typing import Final

from offhook.model.errors import FieldError

MASK: Final = "***"
"""What stands in place of a value that is not shown."""

MAX_HEADERS: Final = 10
_MAX_VALUE = 1_024
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}", re.ASCII).fullmatch
_VALUE = re.compile(r"[\x20-\x7e]*", re.ASCII).fullmatch
_RESERVED = frozenset(
    {
        "accept-encoding",
        "connection",
        "expect",
        "forwarded",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    }
)
_CREDENTIALS = frozenset({"authorization", "cookie"})
_RESERVED_PREFIXES = ("content-", "webhook-", "proxy-", "sec-")
_RESERVED_SUFFIXES = ("-signature", "-timestamp")


def header_errors(value: object, path: str, *, credentials: bool = False) -> list[FieldError]:
    """What is wrong with a set of headers; empty when they may be sent.

    At most ten, names of HTTP tokens, values of printable ASCII; none that frames the request,
    routes it or belongs to a signature, and none that carries credentials unless they are allowed:
    an event goes to every endpoint, an endpoint's own headers to it alone.
    """
    if not isinstance(value, dict):
        return [FieldError(path, "is not an object of header names and values")]
    if len(value) > MAX_HEADERS:
        return [FieldError(path, f"has {len(value)} headers; {MAX_HEADERS} are the most")]
    errors = []
    lowered = [name.lower() for name in value if isinstance(name, str)]
    for name, text in value.items():
        fault = _name_fault(name, lowered, credentials) or _value_fault(text)
        if fault:
            errors.append(FieldError(f"{path}.{str(name)[:64]}", fault))
    return errors


def _name_fault(name: object, lowered: list[str], credentials: bool) -> str | None:
    if not isinstance(name, str) or not _NAME(name):
        return "is no header name: letters, digits and - only, at most 64"
    low = name.lower()
    if low in _RESERVED or low.startswith(_RESERVED_PREFIXES) or low.endswith(_RESERVED_SUFFIXES):
        return "is set by Offhook or by HTTP itself; choose another name, such as X-Env"
    if low in _CREDENTIALS and not credentials:
        return "carries credentials; give it to the webhook that they are for"
    if lowered.count(low) > 1:
        return "is given twice; header names do not differ by case"
    return None


def _value_fault(value: object) -> str | None:
    if not isinstance(value, str):
        return "is not a string"
    if len(value) > _MAX_VALUE:
        return f"is longer than {_MAX_VALUE} characters"
    if not _VALUE(value):
        return "has characters other than printable ASCII; line breaks are not allowed"
    return None
