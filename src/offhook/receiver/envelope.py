"""What other senders send, put into an event: bodies of any form, with an id that they may lack."""

import hashlib
from collections.abc import Mapping
from urllib.parse import parse_qs

import msgspec

from offhook.receiver.event import Event, is_id
from offhook.receiver.naming import Naming, named
from offhook.signing import SignedRequest, Verified
from offhook.signing.presets import Sender
from offhook.signing.presets.values import SharedToken

_FORM = "application/x-www-form-urlencoded"


def wrapped(request: SignedRequest, verified: Verified, sender: Sender, naming: Naming) -> Event:
    """The request as an event: its content is ``data``.

    The id is the one that the sender signed, or named where ``naming`` says, else a digest of the
    path, the query and the content, so that a repeat of the same request is the same event, and
    the same content to another URL is none. The key is the id where ``naming`` leads to none.
    """
    content = request.body if verified.content is None else verified.content
    query = query_of(request, sender)
    data = _read(request, content) if content else dict[str, object](query)
    event_id = verified.event_id or named(naming.id, data, query) or ""
    if not is_id(event_id):
        event_id = _digest(request, query, content)
    key = named(naming.key, data, query) or event_id
    return Event(event_id, named(naming.type, data, query) or "", key, query=query, data=data)


def query_of(request: SignedRequest, sender: Sender | None = None) -> dict[str, str]:
    """The fields of the URL's query, without the secret that the sender shows there."""
    fields = _fields(request.url.partition("?")[2])
    if isinstance(sender, SharedToken) and sender.query is not None:
        fields.pop(sender.query, None)
    return fields


def _digest(request: SignedRequest, query: Mapping[str, str], content: bytes) -> str:
    # Scheme and host are left out: the same URL may be reached by several.
    path = request.url.partition("?")[0].partition("://")[2].partition("/")[2]
    url = msgspec.json.encode([path, sorted(query.items())])
    return hashlib.sha256(url + content).hexdigest()


def _read(request: SignedRequest, content: bytes) -> dict[str, object]:
    kind = request.header("content-type").partition(";")[0].strip().lower()
    if kind == _FORM:
        return dict(_fields(content.decode(errors="replace")))
    try:
        document = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {"content": content.decode(errors="replace")}
    return document if isinstance(document, dict) else {"content": document}


def _fields(form: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(form, keep_blank_values=True).items()}
