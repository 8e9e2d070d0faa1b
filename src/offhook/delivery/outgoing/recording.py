"""What is kept of an exchange besides its outcome, with everything secret masked. Pure."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from offhook.delivery.entries import Answer, Request, Timings
from offhook.delivery.subscriptions import Endpoint
from offhook.model.event import LogEvent
from offhook.model.headers import MASK

_SIGNATURE = "-signature"
_SECRET_ANSWERS = frozenset(
    {"set-cookie", "set-cookie2", "cookie", "authorization", "proxy-authorization"}
)
_MAX_HEADERS_LENGTH = 16_384
_SHORTEST_SECRET = 8
"""What is shorter cannot be told from chance in a response."""


class AttemptDetail(msgspec.Struct, frozen=True, omit_defaults=True):
    """What ``AttemptRecord.detail`` holds as JSON: the request's headers, how long each step took,
    and, where the response is kept, its headers."""

    request: dict[str, str] = {}
    timings: Timings = Timings()
    response: dict[str, str] | None = None


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(AttemptDetail)
_NOTHING = AttemptDetail()


def read_detail(detail: bytes | None) -> AttemptDetail:
    """What is stored of an exchange; nothing where nothing is."""
    return _NOTHING if detail is None else _DECODER.decode(detail)


def recorded(answer: Answer, request: Request, endpoint: Endpoint, event: LogEvent) -> Answer:
    """The answer with its record, and with what the receiver sent back of our secrets masked."""
    shown = shown_headers(request.headers, endpoint, event)
    timings = answer.timings or Timings()
    accepted = answer.status is not None and 200 <= answer.status < 300
    if accepted and not request.keep_response:
        record = _ENCODER.encode(AttemptDetail(shown, timings))
        return msgspec.structs.replace(answer, record=record)
    secrets = sorted(_secrets(request.headers, shown, endpoint), key=len, reverse=True)
    response = _response_headers(answer.headers, secrets) if answer.status is not None else None
    return msgspec.structs.replace(
        answer,
        body=_without(answer.body, [secret.encode() for secret in secrets], MASK.encode()),
        detail=None if answer.detail is None else _without_text(answer.detail, secrets),
        record=_ENCODER.encode(AttemptDetail(shown, timings, response)),
    )


def shown_headers(
    headers: Mapping[str, str], endpoint: Endpoint, event: LogEvent, *, signatures: bool = False
) -> dict[str, str]:
    """A request's headers. Masked are values that the owner set, signatures unless they are asked
    for, and what the event brought where the endpoint masks callers: it may name one."""
    brought = event.headers if endpoint.mask_key is not None and event.headers else {}
    masked = {name.lower() for name in (*endpoint.headers, *brought)}
    hidden = "\0" if signatures else _SIGNATURE
    return {
        name: MASK if name.lower() in masked or name.lower().endswith(hidden) else value
        for name, value in headers.items()
    }


def _secrets(
    headers: Mapping[str, str], shown: Mapping[str, str], endpoint: Endpoint
) -> Iterator[str]:
    """What must not come back in a response: a receiver may echo its request."""
    for name, value in headers.items():
        if shown[name] == MASK:
            for part in (value, *value.replace(",", " ").split()):
                if len(part) >= _SHORTEST_SECRET:
                    yield part
    for secret in endpoint.secrets:
        yield secret.text


def _response_headers(headers: Iterable[tuple[str, str]], secrets: Iterable[str]) -> dict[str, str]:
    """By lower-case name, several of one name joined; no more than the bound."""
    found: dict[str, str] = {}
    left = _MAX_HEADERS_LENGTH
    for written, value in headers:
        left -= len(written) + len(value)
        if left < 0:
            break
        name = written.lower()
        shown = MASK if name in _SECRET_ANSWERS else _without_text(value, secrets)
        found[name] = f"{found[name]}, {shown}" if name in found else shown
    return found


def _without_text(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text


def _without(body: bytes, secrets: Iterable[bytes], mask: bytes) -> bytes:
    for secret in secrets:
        body = body.replace(secret, mask)
    return body
