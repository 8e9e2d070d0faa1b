"""How late healthy endpoints are while others hang, against the same load without those that do.

Seventy endpoints get events, each those of its own type, at a rate that leaves the core half idle;
in one of two runs there are thirty more, which take each request and never answer. The clock begins
with the first event: what it takes to find out that an endpoint hangs is measured with the rest.
"""

import asyncio
from array import array
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.load import Load, Queue, connect, post
from benchmarks.places import Place
from benchmarks.servers import KEY, Server, serving
from benchmarks.sink import Sink
from benchmarks.table import Figure, percentile
from benchmarks.waiting import until

_ENDPOINTS: Final = 100
_HANGING: Final = 30
_TIMEOUT_S: Final = 30
_PER_S: Final = 500
_SECONDS: Final = 20.0
_TICK_S: Final = 0.001
_CONNECTIONS: Final = 32
_TARGET: Final = "1.5"


async def neighbours(folder: Path, rounds: int, place: Place | None = None) -> list[Figure]:
    """The 50th and the 99th percentile of healthy endpoints, with and without the hanging ones."""
    runs = []
    for number in range(rounds):
        alone = await _lateness_ms(folder / f"alone-{number}", hang=False, place=place)
        beside = await _lateness_ms(folder / f"beside-{number}", hang=True, place=place)
        runs.append((beside, alone))
    return [_figure(percent, runs) for percent in (50, 99)]


def _figure(percent: float, runs: "list[tuple[array[float], array[float]]]") -> Figure:
    pairs = sorted(
        ((percentile(beside, percent), percentile(alone, percent)) for beside, alone in runs),
        key=lambda pair: pair[0] / pair[1],
    )
    beside_ms, alone_ms = pairs[len(pairs) // 2]
    return Figure(
        f"{_ENDPOINTS} endpoints, {_HANGING} hang: the others' p{percent:g}",
        f"{beside_ms:.1f} ms",
        "",
        f"none hangs {alone_ms:.1f} ms",
        f"{beside_ms / alone_ms:.2f}",
        _TARGET,
    )


async def _lateness_ms(folder: Path, *, hang: bool, place: Place | None) -> "array[float]":
    healthy, dead = Sink(), Sink()
    healthy.timing, dead.holding = True, True
    well = f"http://127.0.0.1:{await healthy.listen()}/hook"
    ill = f"http://127.0.0.1:{await dead.listen()}/hook"
    async with serving(folder, place=place) as server:
        for number in range(0 if hang else _HANGING, _ENDPOINTS):
            url = ill if number < _HANGING else well
            types = [f"custom.n{number}"]
            await server.create_webhook(url, events=types, timeout_s=_TIMEOUT_S)
        await _pace(server)
        await _received(healthy, int(_PER_S * _SECONDS) * (_ENDPOINTS - _HANGING) // _ENDPOINTS)
    return healthy.latencies_ms


async def _pace(server: Server) -> None:
    loop = asyncio.get_running_loop()
    wanted = int(_PER_S * _SECONDS)
    queue, load = Queue(), Load(wanted)
    transports = await connect(server.port, queue, load, _CONNECTIONS)
    began, put = loop.time(), 0
    while put < wanted:
        due = min(wanted, int((loop.time() - began) * _PER_S))
        for number in range(put, due):
            queue.put(_request(number))
        put = due
        await asyncio.sleep(_TICK_S)
    await load.done.wait()
    for transport in transports:
        transport.abort()


def _request(number: int) -> bytes:
    body = {"type": f"custom.n{number % _ENDPOINTS}", "key": f"k{number}", "data": {"n": number}}
    return post("/v1/events", KEY, msgspec.json.encode(body))


async def _received(sink: Sink, expected: int) -> None:
    async def came() -> bool:
        return sink.received >= expected

    await until(came, within_s=60, look_every_s=0.05)
