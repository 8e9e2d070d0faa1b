"""A load generator that costs little: raw connections, requests encoded beforehand."""

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Iterable
from typing import cast

import httptools


class Load:
    """What came of it; ``done`` is set once ``wanted`` requests are answered."""

    def __init__(self, wanted: int) -> None:
        self.completed = 0
        self.elapsed_s = 0.0
        self.statuses: Counter[int] = Counter()
        self.done = asyncio.Event()
        self._wanted = wanted

    @property
    def per_s(self) -> float:
        """Requests answered in a second."""
        return self.completed / self.elapsed_s

    def count(self, status: int) -> None:
        """One more is answered."""
        self.completed += 1
        self.statuses[status] += 1
        if self.completed == self._wanted:
            self.done.set()


class Queue:
    """Requests waiting for a connection; connections that find none wait to be called."""

    def __init__(self, requests: Iterable[bytes] = ()) -> None:
        self._requests = deque(requests)
        self._idle: deque[_Connection] = deque()

    def put(self, request: bytes) -> None:
        """Send it on an idle connection, or as soon as one is."""
        if self._idle:
            self._idle.popleft().send(request)
        else:
            self._requests.append(request)

    def next_for(self, connection: "_Connection") -> None:
        """Give the connection its next request, now or when there is one."""
        if self._requests:
            connection.send(self._requests.popleft())
        else:
            self._idle.append(connection)


class _Connection(asyncio.Protocol):
    def __init__(self, queue: Queue, load: Load) -> None:
        self._queue = queue
        self._load = load
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpResponseParser(self)
        self._queue.next_for(self)

    def send(self, request: bytes) -> None:
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._load.count(self._parser.get_status_code())
        self._queue.next_for(self)


def post(path: str, key: str, body: bytes) -> bytes:
    """A whole POST request as it goes over the wire."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def connect(port: int, queue: Queue, load: Load, connections: int) -> list[asyncio.Transport]:
    """Open the connections; each keeps one request in flight while the queue has any."""
    loop = asyncio.get_running_loop()
    opened = []
    for _ in range(connections):
        transport, _ = await loop.create_connection(
            lambda: _Connection(queue, load), "127.0.0.1", port
        )
        opened.append(transport)
    return opened


async def drive(port: int, requests: Iterable[bytes], *, connections: int, seconds: float) -> Load:
    """Post the requests as fast as they are answered, for so long or until all are answered."""
    wanted = list(requests)
    loop, load = asyncio.get_running_loop(), Load(len(wanted))
    began = loop.time()
    transports = await connect(port, Queue(wanted), load, connections)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(load.done.wait(), seconds)
    load.elapsed_s = loop.time() - began
    for transport in transports:
        transport.abort()
    return load
