"""Ingest: single events against the same server without storing, and batches of 1,000."""

from pathlib import Path
from typing import Final

from benchmarks.calls import batch_requests, single_requests
from benchmarks.cost import Cost, Meter
from benchmarks.load import drive
from benchmarks.servers import Server, measured_output, serving
from benchmarks.table import Figure, Rate, median_round

_CONNECTIONS: Final = 64
_BATCH_CONNECTIONS: Final = 4
_BATCH: Final = 1_000
"""Events in a request of a batch."""
_SECONDS: Final = 3.0
_ANSWERING: Final = "benchmarks.answering"
_TARGET_PER_S: Final = 30_000


async def single(
    folder: Path, items: list[bytes], rounds: int, profile: Path | None
) -> tuple[Figure, float]:
    """Requests a second, each acknowledged after a durable commit; the rate is given beside."""
    requests = single_requests(items)
    taken = []
    for number in range(rounds):
        stored = await _single(folder / f"stored-{number}", requests, "offhook", profile)
        answered = await _single(folder / f"answered-{number}", requests, _ANSWERING, None)
        taken.append((stored, answered))
    stored, answered, ratio = median_round(taken)
    figure = Figure(
        "single-event ingest, durable",
        str(stored),
        stored.core,
        f"answered unstored {answered}",
        ratio,
        "0.60",
    )
    return figure, stored.per_s


async def batch(folder: Path, items: list[bytes], profile: Path | None) -> Figure:
    """Call facts a second over HTTP in batches of 1,000: validated, folded, rendered, durable."""
    requests = batch_requests(items, _BATCH)
    async with serving(folder / "batch", profile=profile) as server:
        cost = await batches(server, requests)
    return _batch_figure("batch ingest of call events, over HTTP", cost.rate)


async def batch_in_process(folder: Path, items: list[bytes]) -> Figure:
    """The same facts without HTTP between: what reading, folding and writing alone come to."""
    file = folder / "facts.json"
    file.write_bytes(b"[" + b",".join(items) + b"]")
    data = str(folder / "in-process")
    command = ("benchmarks.in_process", data, str(file), str(_SECONDS))
    per_s, busy = map(float, (await measured_output(folder, command)).split())
    return _batch_figure("batch ingest of call events, in process", Rate(per_s, busy))


async def _single(folder: Path, requests: list[bytes], module: str, profile: Path | None) -> Rate:
    async with serving(folder, module=module, profile=profile) as server:
        return (await singles(server, requests)).rate


async def singles(server: Server, requests: list[bytes]) -> Cost:
    """What each event costs that has a request of its own."""
    return await _driven(server, requests, _CONNECTIONS, events=1)


async def batches(server: Server, requests: list[bytes]) -> Cost:
    """What each event costs in requests of 1,000."""
    return await _driven(server, requests, _BATCH_CONNECTIONS, events=_BATCH)


async def _driven(server: Server, requests: list[bytes], connections: int, events: int) -> Cost:
    meter = Meter([server])
    load = await drive(server.port, requests, connections=connections, seconds=_SECONDS)
    refused = {status: n for status, n in load.statuses.items() if status not in (200, 202)}
    if refused or not load.completed:
        raise RuntimeError(f"the load was not accepted: {load.statuses}")
    return meter.read(load.completed * events, load.elapsed_s)


def _batch_figure(name: str, rate: Rate) -> Figure:
    ratio = f"{rate.per_s / _TARGET_PER_S:.2f}"
    return Figure(name, str(rate), rate.core, f"{_TARGET_PER_S:,}/s", ratio, "1.00")
