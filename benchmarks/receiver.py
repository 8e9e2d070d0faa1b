"""The receiver kit: how soon requests are answered while its handlers are slow or fail."""

import asyncio
import time
from array import array
from collections import deque
from pathlib import Path
from typing import Final, cast

import httptools

from benchmarks.cost import Meter
from benchmarks.receiving import SECRET
from benchmarks.servers import serving
from benchmarks.table import Figure, percentile
from offhook.receiver.testing import example_event, signed_request

_PER_S: Final = 500
_SECONDS: Final = 10
_CONNECTIONS: Final = 64
_TICK_S: Final = 0.002
_TARGET_MS: Final = 200


class _Pace:
    """Requests, the moment at which each was due, and how long after that it was answered."""

    def __init__(self, wanted: int) -> None:
        self.waiting: deque[tuple[float, bytes]] = deque()
        self.idle: deque[_Connection] = deque()
        self.latencies_ms = array("d")
        self.refused = 0
        self.done = asyncio.Event()
        self._wanted = wanted

    def put(self, due_s: float, request: bytes) -> None:
        """Send it on an idle connection, or as soon as one is."""
        self.waiting.append((due_s, request))
        if self.idle:
            self.idle.popleft().next()

    def answered(self, due_s: float, status: int) -> None:
        """One more is answered."""
        self.latencies_ms.append((time.perf_counter() - due_s) * 1000)
        self.refused += status != 200
        if len(self.latencies_ms) == self._wanted:
            self.done.set()


class _Connection(asyncio.Protocol):
    def __init__(self, pace: _Pace) -> None:
        self._pace = pace
        self._due_s = 0.0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpResponseParser(self)
        self.next()

    def next(self) -> None:
        if self._pace.waiting:
            self._due_s, request = self._pace.waiting.popleft()
            self._transport.write(request)
        else:
            self._pace.idle.append(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._pace.answered(self._due_s, self._parser.get_status_code())
        self.next()


async def answering(folder: Path) -> list[Figure]:
    """From the moment a request is due to its answer, at a fixed rate, each event a new one."""
    requests = [_request(number) for number in range(_PER_S * _SECONDS)]
    async with serving(folder / "receiver", module="benchmarks.receiving") as server:
        meter = Meter([server])
        pace = await _driven(server.port, requests)
        cost = meter.read(len(requests))
    if pace.refused:
        raise RuntimeError(f"{pace.refused} requests were refused")
    return [
        Figure(
            f"receiver: request answered, handlers slow and failing, p{percent}",
            f"{percentile(pace.latencies_ms, percent):.1f} ms",
            cost.rate.core,
            f"at {_PER_S} requests/s",
            "",
            f"{_TARGET_MS} ms" if percent == 99 else "",
        )
        for percent in (50, 99)
    ]


def _request(number: int) -> bytes:
    event = example_event("call.ended", sequence=number)
    signed = signed_request(event, SECRET)
    fields = {"host": "localhost", "content-length": str(len(signed.body)), **signed.headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST /webhook HTTP/1.1\r\n{head}\r\n".encode() + signed.body


async def _driven(port: int, requests: list[bytes]) -> _Pace:
    """Send each request when it is due, whether or not the ones before it are answered."""
    loop, pace = asyncio.get_running_loop(), _Pace(len(requests))
    for _ in range(_CONNECTIONS):
        await loop.create_connection(lambda: _Connection(pace), "127.0.0.1", port)
    began_s = time.perf_counter()
    put = 0
    while put < len(requests):
        due = min(len(requests), int((time.perf_counter() - began_s) * _PER_S) + 1)
        for number in range(put, due):
            pace.put(began_s + number / _PER_S, requests[number])
        put = due
        await asyncio.sleep(_TICK_S)
    await pace.done.wait()
    return pace
