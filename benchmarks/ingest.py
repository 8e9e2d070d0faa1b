"""Ingest: single events against the same server without storing, and batches of 1,000."""

from pathlib import Path
from typing import Final

from benchmarks.calls import batch_requests, single_requests
from benchmarks.load import Load, drive
from benchmarks.servers import measured_output, serving
from benchmarks.table import Figure

_CONNECTIONS: Final = 64
_BATCH_CONNECTIONS: Final = 4
_BATCH: Final = 1_000
_SECONDS: Final = 4.0


async def single(folder: Path, items: list[bytes], profile: Path | None) -> tuple[Figure, float]:
    """Requests a second, each acknowledged after a durable commit; the rate is given beside."""
    requests = single_requests(items)
    stored = await _single(folder / "single", requests, "offhook.cli", profile)
    answered = await _single(folder / "answering", requests, "benchmarks.answering", None)
    figure = Figure(
        "single-event ingest, durable",
        f"{stored.per_s:,.0f}/s",
        f"answered unstored {answered.per_s:,.0f}/s",
        f"{stored.per_s / answered.per_s:.2f}",
        "0.60",
    )
    return figure, stored.per_s


async def batch(folder: Path, items: list[bytes], profile: Path | None) -> Figure:
    """Call facts a second over HTTP in batches of 1,000: validated, folded, rendered, durable."""
    requests = batch_requests(items, _BATCH)
    async with serving(folder / "batch", profile=profile) as server:
        load = await drive(server.port, requests, connections=_BATCH_CONNECTIONS, seconds=_SECONDS)
    _check(load)
    return _batch_figure("batch ingest of call events, over HTTP", load.per_s * _BATCH)


async def batch_in_process(folder: Path, items: list[bytes]) -> Figure:
    """The same facts without HTTP between: what reading, folding and writing alone come to."""
    file = folder / "facts.json"
    file.write_bytes(b"[" + b",".join(items) + b"]")
    data = str(folder / "in-process")
    command = ("benchmarks.in_process", data, str(file), str(_SECONDS))
    per_s = float(await measured_output(folder, command))
    return _batch_figure("batch ingest of call events, in process", per_s)


async def _single(folder: Path, requests: list[bytes], module: str, profile: Path | None) -> Load:
    async with serving(folder, module=module, profile=profile) as server:
        load = await drive(server.port, requests, connections=_CONNECTIONS, seconds=_SECONDS)
    _check(load)
    return load


def _batch_figure(name: str, per_s: float) -> Figure:
    return Figure(name, f"{per_s:,.0f}/s", "30,000/s", f"{per_s / 30_000:.2f}", "1.00")


def _check(load: Load) -> None:
    refused = {status: n for status, n in load.statuses.items() if status not in (200, 202)}
    if refused or not load.completed:
        raise RuntimeError(f"the load was not accepted: {load.statuses}")
