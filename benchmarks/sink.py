"""A receiver that costs little: answers 200, counts, keeps a few bodies, takes the time."""

import asyncio
import time
from array import array
from datetime import datetime
from typing import Final, cast

import httptools

_ANSWER: Final = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
_CREATED: Final = b'"created":"'
_STAMP_LENGTH: Final = len("2026-11-20T10:00:00.123Z")


class Sink:
    """Counts requests. While ``holding``, answers wait; ``release`` gives them all.

    The first ``keep`` bodies are kept in ``bodies``. With ``timing``, ``latencies_ms`` takes for
    each request the time since its event was committed, which is known to the millisecond.
    """

    def __init__(self, keep: int = 0) -> None:
        self.received = 0
        self.holding = False
        self.timing = False
        self.bodies: list[bytes] = []
        self.latencies_ms = array("d")
        self._keep = keep
        self._held: list[asyncio.Transport] = []

    def take(self, body: bytes, transport: asyncio.Transport) -> None:
        """One whole request."""
        self.received += 1
        if self.timing:
            self.latencies_ms.append(time.time() * 1000 - _created_ms(body))
        if len(self.bodies) < self._keep:
            self.bodies.append(body)
        if self.holding:
            self._held.append(transport)
        else:
            transport.write(_ANSWER)

    def release(self) -> None:
        """Answer all that wait, and from now on at once."""
        self.holding = False
        for transport in self._held:
            transport.write(_ANSWER)
        self._held.clear()

    async def listen(self) -> int:
        """Listen on a free port, which is returned."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0, backlog=1024)
        port: int = server.sockets[0].getsockname()[1]
        return port


class _Connection(asyncio.Protocol):
    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._body: list[bytes] = []
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        body = b"".join(self._body)
        self._body.clear()
        self._sink.take(body, self._transport)


def _created_ms(body: bytes) -> float:
    start = body.index(_CREATED) + len(_CREATED)
    stamp = body[start : start + _STAMP_LENGTH].decode()
    return datetime.fromisoformat(stamp).timestamp() * 1000
