"""A small HTTP/1.1 server: whole requests in, one reply each, nothing else in the way.

It speaks to senders that it knows: no TLS, no routing, no limits. A framework would cost more than
the server that the demo shows.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, cast

import httptools

_REASONS: Final = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Received:
    """A whole request; header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What to send back, ``after_s`` seconds from now; ``None`` for the status closes the
    connection without a word."""

    status: int | None
    body: bytes = b""
    after_s: float = 0.0


Handler = Callable[[Received], Reply]


class Connection(asyncio.Protocol):
    """One connection, kept alive; a request is answered before the next one is sent."""

    def __init__(self, handle: Handler) -> None:
        self._handle = handle
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._reset()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Part of ``asyncio.Protocol``."""
        # Of a stream, whichever loop made it: uvloop's are no subclass of asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Part of ``asyncio.Protocol``."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError:
            raise
        except httptools.HttpParserError:
            self._transport.close()

    def on_url(self, url: bytes) -> None:
        """Part of httptools' callbacks."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Part of httptools' callbacks."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        """Part of httptools' callbacks."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Part of httptools' callbacks."""
        method = self._parser.get_method().decode()
        received = Received(method, self._url.decode(), self._headers, b"".join(self._body))
        self._reset()
        reply = self._handle(received)
        if reply.after_s:
            asyncio.get_running_loop().call_later(reply.after_s, self._send, reply)
        else:
            self._send(reply)

    def _reset(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []

    def _send(self, reply: Reply) -> None:
        if reply.status is None:
            self._transport.abort()
        elif not self._transport.is_closing():
            self._transport.write(_encode(reply.status, reply.body))


def _encode(status: int, body: bytes) -> bytes:
    reason = _REASONS.get(status, "")
    head = f"HTTP/1.1 {status} {reason}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body
