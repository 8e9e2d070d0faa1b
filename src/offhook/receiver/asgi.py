"""As much of ASGI as the receiver speaks: its messages, a bounded body, an answer."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Protocol, Required, TypedDict

from offhook.receiver.answers import Answer
from offhook.signing import SignedRequest


class Scope(TypedDict, total=False):
    """What a connection is."""

    type: Required[str]
    method: str
    scheme: str
    path: str
    raw_path: bytes | None
    root_path: str
    query_string: bytes
    headers: Iterable[tuple[bytes, bytes]]


class Incoming(TypedDict, total=False):
    """A message from the server."""

    type: Required[str]
    body: bytes
    more_body: bool


Receive = Callable[[], Awaitable[Incoming]]
Send = Callable[[Mapping[str, object]], Awaitable[None]]


class Taker(Protocol):
    """Who takes requests."""

    max_body_bytes: int

    def refusal(self, method: str, headers: Mapping[str, str]) -> Answer | None:
        """The answer to a request that is refused before its body is read."""
        ...

    def elsewhere(self) -> Answer:
        """The answer to a request that went to another path."""
        ...

    async def receive(self, request: SignedRequest) -> Answer:
        """The answer to a whole request."""
        ...


class Disconnected(Exception):
    """The sender went away before its body was whole."""


async def serve(taker: Taker, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request, wherever it went."""
    headers = headers_of(scope)
    answer = taker.refusal(scope["method"], headers)
    if answer is None:
        with suppress(Disconnected):
            # One byte more than the bound is enough to see that it is passed.
            body = await read_body(receive, taker.max_body_bytes + 1)
            request = SignedRequest(headers, body, _url_of(scope, headers), scope["method"])
            answer = await taker.receive(request)
    if answer is not None:
        await _send(send, answer)


async def serve_at(path: str, taker: Taker, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request that went to this path, and 404 any other."""
    if scope["path"].removeprefix(scope.get("root_path", "")) == path:
        await serve(taker, scope, receive, send)
    else:
        await _send(send, taker.elsewhere())


def headers_of(scope: Scope) -> dict[str, str]:
    """The request's headers, under lower-case names."""
    return {
        name.decode("latin-1").lower(): value.decode("latin-1")
        for name, value in scope.get("headers", ())
    }


async def read_body(receive: Receive, limit: int) -> bytes:
    """The body, read no further than about ``limit`` bytes; ``Disconnected`` if it ends early."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Disconnected
        body += message.get("body", b"")
        if len(body) >= limit or not message.get("more_body", False):
            return bytes(body)


def _url_of(scope: Scope, headers: Mapping[str, str]) -> str:
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    query = scope.get("query_string", b"").decode("latin-1")
    url = f"{scope.get('scheme', 'http')}://{headers.get('host', '')}{path}"
    return f"{url}?{query}" if query else url


async def _send(send: Send, answer: Answer) -> None:
    fields = {**answer.headers, "content-length": str(len(answer.body))}
    if answer.status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        fields["connection"] = "close"  # what is left of the body is not worth reading
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    await send({"type": "http.response.body", "body": answer.body})
