"""What other senders send, put into an event: bodies of any form, with an id that they may lack."""

import hashlib
from urllib.parse import parse_qs, urlsplit

import msgspec

from offhook.signing import SignedRequest, Verified

_FORM = "application/x-www-form-urlencoded"
_TYPES = ("type", "event", "event_type")


def wrapped(request: SignedRequest, verified: Verified) -> bytes:
    """The request as an event (JSON): its content is ``data``.

    The id is the one that the sender signed or named in its content, else a digest of what it sent,
    so that a repeat of the same request is the same event.
    """
    content = request.body if verified.content is None else verified.content
    data = _read(request, content)
    sent = content or request.url.encode(errors="replace")
    event_id = verified.event_id or _text(data, ("id",)) or hashlib.sha256(sent).hexdigest()
    return msgspec.json.encode({"id": event_id, "type": _text(data, _TYPES) or "", "data": data})


def _read(request: SignedRequest, content: bytes) -> dict[str, object]:
    kind = request.header("content-type").partition(";")[0].strip().lower()
    if kind == _FORM or not content:
        text = content.decode(errors="replace") if content else urlsplit(request.url).query
        return {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}
    try:
        document = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {"content": content.decode(errors="replace")}
    return document if isinstance(document, dict) else {"content": document}


def _text(data: dict[str, object], names: tuple[str, ...]) -> str | None:
    found = (data.get(name) for name in names)
    return next((text for text in found if isinstance(text, str) and text), None)
