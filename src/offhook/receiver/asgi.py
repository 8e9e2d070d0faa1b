"""As much of ASGI as the receiver speaks: its messages, a bounded body, a JSON answer."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Required, TypedDict

import msgspec

from offhook.model.errors import TooLarge

MAX_BODY_BYTES = 1_048_576


class Scope(TypedDict, total=False):
    """What a connection is."""

    type: Required[str]
    method: str
    path: str
    root_path: str
    headers: Iterable[tuple[bytes, bytes]]


class Incoming(TypedDict, total=False):
    """A message from the server."""

    type: Required[str]
    body: bytes
    more_body: bool


Receive = Callable[[], Awaitable[Incoming]]
Send = Callable[[Mapping[str, object]], Awaitable[None]]


class Disconnected(Exception):
    """The sender went away before its body was whole."""


def headers_of(scope: Scope) -> dict[str, str]:
    """The request's headers, under lower-case names."""
    return {
        name.decode("latin-1").lower(): value.decode("latin-1")
        for name, value in scope.get("headers", ())
    }


async def read_body(headers: Mapping[str, str], receive: Receive) -> bytes:
    """The whole body; ``TooLarge`` as soon as it is known to pass the bound."""
    announced = headers.get("content-length", "")
    if announced.isdecimal() and len(announced) < 20 and int(announced) > MAX_BODY_BYTES:
        raise _too_large()
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Disconnected
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise _too_large()
        if not message.get("more_body", False):
            return bytes(body)


async def answer(
    send: Send, status: HTTPStatus, document: object, headers: Mapping[str, str] | None = None
) -> None:
    """Send a JSON document."""
    body = msgspec.json.encode(document)
    fields = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        **(headers or {}),
    }
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})


async def answer_problem(
    send: Send,
    status: HTTPStatus,
    code: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Send a problem document (RFC 9457)."""
    document = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "errors": [],
    }
    await answer(
        send, status, document, {"content-type": "application/problem+json", **(headers or {})}
    )


def _too_large() -> TooLarge:
    return TooLarge(f"The body is larger than {MAX_BODY_BYTES} bytes.")
