"""Request bodies: read within their bound, refused when they are no JSON that can be kept."""

import json
import re
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from offhook.model.errors import FieldError, Invalid, OffhookError, TooLarge, Unreadable

REQUEST_BYTES = 1 << 20
BATCH_BYTES = 16 << 20
MAX_DEPTH = 32
MAX_ITEMS = 1_000

_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_MARK = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\Z)|[\[{\]}]', re.DOTALL)


async def read_body(scope: Scope, receive: Receive, bound: int) -> bytes:
    """The whole body; ``TooLarge`` as soon as it is known to pass ``bound`` bytes."""
    if _announced(scope) > bound:
        raise _too_large(bound)
    part, more = await _receive_part(receive)
    parts, size = [part], len(part)
    while more and size <= bound:
        part, more = await _receive_part(receive)
        parts.append(part)
        size += len(part)
    if size > bound:
        raise _too_large(bound)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def check_json(raw: bytes, path: str = "body") -> None:
    """Refuse what no store could keep or would be costly to parse: bytes that are not UTF-8,
    nesting beyond 32, and the character U+0000. Does not tell whether it is JSON."""
    if not raw.isascii():
        _check_utf8(raw, path)
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and is_deeper(raw, MAX_DEPTH):
        raise TooLarge(
            f"{path} is nested deeper than {MAX_DEPTH} levels; flatten it.",
            FieldError(path, f"nested deeper than {MAX_DEPTH} levels"),
        )
    if b"\\u0000" in raw and _NUL.search(raw):
        raise Unreadable(
            f"{path} contains the character U+0000, which cannot be stored; remove it.",
            FieldError(path, "contains the character U+0000"),
        )


def check_item_count(count: int) -> None:
    """Refuse a batch of nothing, and one of too much."""
    if not 1 <= count <= MAX_ITEMS:
        raise Invalid(
            f"The batch holds {count} items; send 1 to {MAX_ITEMS} at a time.",
            FieldError("body.items", f"holds {count} items, not 1 to {MAX_ITEMS}"),
            code="batch_size",
        )


def is_deeper(raw: bytes, bound: int) -> bool:
    """Whether the arrays and objects of a JSON text go deeper than ``bound`` levels."""
    depth = 0
    for mark in _MARK.finditer(raw):
        kind = raw[mark.start()]
        if kind in b"[{":
            depth += 1
            if depth > bound:
                return True
        elif kind in b"]}":
            depth -= 1
    return False


def parse_json(raw: bytes) -> Any:
    """The value of a JSON text; ``Unreadable`` tells the position of the first fault."""
    check_json(raw)
    if not raw.strip():
        raise Unreadable("The body is empty; send a JSON object.", FieldError("body", "is empty"))
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise not_json(raw, error) from error


def not_json(raw: bytes, error: Exception, path: str = "body") -> OffhookError:
    """The refusal of a text that does not parse, with the place of its first fault."""
    reason = _first_fault(raw) or str(error).removeprefix("JSON is malformed: ")
    return Unreadable(
        f"{path} is not JSON: {reason}. Check quotes, commas and brackets there.",
        FieldError(path, f"is not JSON: {reason}"),
    )


def _first_fault(raw: bytes) -> str | None:
    # The standard library's parser is slower, but tells line and column of every fault.
    try:
        json.loads(raw)
    except json.JSONDecodeError as error:
        reason = error.msg[:1].lower() + error.msg[1:]
        return f"{reason} at line {error.lineno}, column {error.colno}"
    except (ValueError, RecursionError):
        return None
    return None


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


async def _receive_part(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message.get("body", b""), message.get("more_body", False)


def _check_utf8(raw: bytes, path: str) -> None:
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        raise Unreadable(
            f"{path} is not UTF-8: byte {error.start} is no character; send UTF-8.",
            FieldError(path, f"is not UTF-8 at byte {error.start}"),
        ) from error


def _too_large(bound: int) -> TooLarge:
    return TooLarge(
        f"The body is larger than {bound >> 20} MiB, the most that this path takes; "
        "send less at a time.",
        FieldError("body", f"is larger than {bound} bytes"),
    )


def check_object_size(raw: bytes, path: str) -> None:
    """Refuse an item of a batch that is larger than a request of its own may be."""
    if len(raw) > REQUEST_BYTES:
        raise TooLarge(
            f"{path} is larger than {REQUEST_BYTES >> 20} MiB; make it smaller.",
            FieldError(path, f"is larger than {REQUEST_BYTES} bytes"),
        )
