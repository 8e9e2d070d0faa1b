"""Deliveries: how many a second against a bare client, and how late at half load."""

import asyncio
from array import array
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.calls import batch_requests, single_requests
from benchmarks.cost import Cost, Meter
from benchmarks.load import Load, Queue, connect, drive
from benchmarks.places import Place
from benchmarks.servers import Server, measured_output, serving
from benchmarks.sink import Sink
from benchmarks.table import Figure, Rate, median_round, percentile

CONCURRENCY: Final = 64
_BODIES: Final = 5_000
_BATCH: Final = 500
_SECONDS: Final = 3.0
_CALM_S: Final = 0.5
_LATENCY_S: Final = 6.0
_TICK_S: Final = 0.001


async def throughput(
    folder: Path, items: list[bytes], rounds: int, profile: Path | None
) -> tuple[Figure, float]:
    """Deliveries a second of a backlog to one ordered endpoint; the rate is given beside."""
    taken = []
    for number in range(rounds):
        sink = Sink(keep=_BODIES)
        url = f"http://127.0.0.1:{await sink.listen()}/hook"
        async with serving(folder / f"delivery-{number}", profile=profile) as server:
            cost = await drained(server, sink, url, items)
        taken.append((cost.rate, await _bare(folder, url, sink.bodies)))
    delivered, bare, ratio = median_round(taken)
    figure = Figure(
        "webhook deliveries, durable, ordered, recorded",
        str(delivered),
        delivered.core,
        f"bare aiohttp {bare}",
        ratio,
        "0.50",
    )
    return figure, delivered.per_s


async def latency(folder: Path, items: list[bytes], per_s: float) -> list[Figure]:
    """From an event's commit to its request's arrival, with single facts posted at ``per_s``."""
    latencies_ms = await lateness_ms(folder / "latency", items, per_s)
    load = f"at {per_s:,.0f} facts/s"
    return [
        Figure(
            f"event committed to request received, p{percent}",
            f"{percentile(latencies_ms, percent):.1f} ms",
            "",
            load,
            "",
            f"{target_ms} ms",
        )
        for percent, target_ms in ((50, 5), (99, 25))
    ]


async def lateness_ms(
    folder: Path, items: list[bytes], per_s: float, place: Place | None = None
) -> "array[float]":
    """How late each request was.

    The facts should take turns over many calls: an event of a call waits for the one before, and
    in fast-forward that one is still on its way.
    """
    sink = Sink()
    url = f"http://127.0.0.1:{await sink.listen()}/hook"
    async with serving(folder, place=place) as server:
        await server.create_webhook(url, max_in_flight=CONCURRENCY)
        sink.timing = True
        await _pace(server, items, per_s)
        await _calm(sink)
    return sink.latencies_ms


async def drained(server: Server, sink: Sink, url: str, items: list[bytes]) -> Cost:
    """What each delivery costs of a backlog to one endpoint, which is held back until it is all in
    the log."""
    loop = asyncio.get_running_loop()
    await server.create_webhook(url, max_in_flight=CONCURRENCY, timeout_s=30)
    sink.holding = True
    await drive(server.port, batch_requests(items, _BATCH), connections=2, seconds=30)
    held, meter = sink.received, Meter([server])
    began = loop.time()
    sink.release()
    elapsed_s = await _calm(sink) - began
    return meter.read(sink.received - held, elapsed_s)


async def _calm(sink: Sink) -> float:
    """Wait until nothing more comes; returns when the last one was seen to have come."""
    loop = asyncio.get_running_loop()
    received, since = sink.received, loop.time()
    while loop.time() - since < _CALM_S:
        await asyncio.sleep(0.01)
        if sink.received != received:
            received, since = sink.received, loop.time()
    return since


async def _pace(server: Server, items: list[bytes], per_s: float) -> None:
    loop = asyncio.get_running_loop()
    requests = single_requests(items)
    wanted = min(len(requests), int(per_s * _LATENCY_S))
    queue, load = Queue(), Load(wanted)
    transports = await connect(server.port, queue, load, CONCURRENCY)
    began, put = loop.time(), 0
    while put < wanted:
        due = min(wanted, int((loop.time() - began) * per_s))
        for request in requests[put:due]:
            queue.put(request)
        put = due
        await asyncio.sleep(_TICK_S)
    await load.done.wait()
    for transport in transports:
        transport.abort()


async def _bare(folder: Path, url: str, bodies: list[bytes]) -> Rate:
    file = folder / "bodies.json"
    file.write_bytes(msgspec.json.encode([body.decode() for body in bodies]))
    command = ("benchmarks.bare_client", url, str(file), str(_SECONDS), str(CONCURRENCY))
    per_s, busy = map(float, (await measured_output(folder, command)).split())
    return Rate(per_s, busy)
