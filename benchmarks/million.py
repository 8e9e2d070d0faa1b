"""An endpoint a million deliveries behind and one with a million given up, beside one that is well.

The log is filled by hand while no server runs. Then one is started, the million given up are
replayed, and events are posted all the while to the third endpoint: how late is it, how much memory
does the process use at most, and is all of both millions delivered?
"""

import asyncio
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import apsw
import msgspec

from benchmarks.load import Load, Queue, connect, post
from benchmarks.places import folder_place
from benchmarks.servers import KEY, Server, serving
from benchmarks.sink import Sink
from benchmarks.table import Figure, percentile
from benchmarks.waiting import until

_MILLION: Final = 1_000_000
_KEYS: Final = 100_000
_PER_S: Final = 100
_PATIENCE_S: Final = 1_500.0
_REPLAYED_PER_S: Final = 10_000

_FILL: Final = """
    WITH RECURSIVE number (value) AS (
        SELECT :first UNION ALL SELECT value + 1 FROM number WHERE value < :last
    )
    INSERT INTO event
        (position, id, account, type, key, sequence, created_ms, test, historical, data)
    SELECT
        value, 'evt_made' || value, 'acc_default', 'custom.' || :kind, 'k' || (value % :keys),
        1 + value / :keys, unixepoch() * 1000 - 3600000, 0, 0, CAST('{"n":' || value || '}' AS BLOB)
    FROM number
"""
_FAILED: Final = """
    INSERT INTO pending
        (webhook, partition, position, account, event_id, event_type, key,
         state, number, since_ms, reason)
    SELECT
        :webhook, 0, position, account, id, type, key,
        'failed', 9, created_ms, 'status 503 past the deadline'
    FROM event WHERE position BETWEEN :first AND :last
"""
_HELD: Final = "INSERT INTO held (partition, webhook, from_position) VALUES (0, :webhook, :first)"
_PASSED: Final = """
    INSERT INTO lease (consumer, partition, epoch, until_ms, cursor, takeovers)
    VALUES ('deliver', 0, 1, 0, :last, 0)
    ON CONFLICT (consumer, partition) DO UPDATE SET cursor = excluded.cursor, takeovers = 0
"""


async def million(folder: Path) -> list[Figure]:
    """How late the third endpoint is, what the server needs, and how fast both millions go."""
    behind, failed, live = Sink(), Sink(), Sink()
    place = folder_place(folder)
    async with serving(folder / "making", place=place) as server:
        webhooks = [
            await _webhook(server, kind, sink)
            for kind, sink in (("behind", behind), ("failed", failed), ("live", live))
        ]
    _fill(folder / "data" / "offhook.db", *webhooks[:2])
    async with serving(folder / "draining", place=place) as server:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        await _replay(server, webhooks[1])
        live.timing = True
        pacing = asyncio.create_task(_pace(server))

        async def drained() -> bool:
            return min(behind.received, failed.received) >= _MILLION or pacing.done()

        await until(drained, within_s=_PATIENCE_S, look_every_s=0.5)
        took_s, memory = loop.time() - began_s, _most_memory_mb(server.pid)
        pacing.cancel()
        await asyncio.gather(pacing, return_exceptions=True)
    return _figures(behind, failed, live.latencies_ms, took_s, memory)


def _figures(
    behind: Sink, failed: Sink, latencies_ms: "array[float]", took_s: float, memory_mb: float
) -> list[Figure]:
    beside = "a million behind, a million given up"
    moved = behind.received + failed.received
    return [
        Figure("memory at most", f"{memory_mb:.0f} MB", "", beside, "", "300 MB"),
        Figure(
            "drained and replayed", f"{moved:,}", "", f"{moved / took_s:,.0f}/s", "", "2,000,000"
        ),
        *(
            Figure(
                f"a third endpoint beside them, p{percent}",
                f"{percentile(latencies_ms, percent):.1f} ms",
                "",
                f"{_PER_S}/s",
            )
            for percent in (50, 99)
        ),
    ]


async def _webhook(server: Server, kind: str, sink: Sink) -> str:
    url = f"http://127.0.0.1:{await sink.listen()}/{kind}"
    document = {"url": url, "events": [f"custom.{kind}"], "max_in_flight": 32}
    return str((await _asked(server, "/v1/webhooks", document))["id"])


async def _replay(server: Server, webhook: str) -> None:
    wanted = {"only": "failed", "rate_per_s": _REPLAYED_PER_S}
    await _asked(server, f"/v1/webhooks/{webhook}/replay", wanted)


async def _asked(server: Server, path: str, document: dict[str, object]) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {KEY}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{server.url}{path}", json=document) as answer,
    ):
        if answer.status >= 300:
            raise RuntimeError(f"{path}: {answer.status} {await answer.text()}")
        found: dict[str, Any] = await answer.json()
        return found


def _fill(database: Path, behind: str, failed: str) -> None:
    first, last = _MILLION + 1, 2 * _MILLION
    with _opened(database) as connection:
        for kind, start, end in (("behind", 1, _MILLION), ("failed", first, last)):
            named = {"kind": kind, "keys": _KEYS, "first": start, "last": end}
            connection.execute(_FILL, named)
        named = {"webhook": failed, "first": first, "last": last}
        connection.execute(_FAILED, named)
        connection.execute(_HELD, {"webhook": behind, "first": 1})
        connection.execute(_PASSED, {"last": last})


@contextmanager
def _opened(database: Path) -> Iterator[apsw.Connection]:
    connection = apsw.Connection(str(database))
    try:
        with connection:
            yield connection
    finally:
        connection.close()


async def _pace(server: Server) -> None:
    loop = asyncio.get_running_loop()
    wanted = int(_PATIENCE_S * _PER_S)
    queue, load = Queue(), Load(wanted)
    transports = await connect(server.port, queue, load, 4)
    began_s, put = loop.time(), 0
    try:
        while put < wanted:
            for number in range(put, int((loop.time() - began_s) * _PER_S)):
                body = {"type": "custom.live", "key": f"l{number}", "data": {"n": number}}
                queue.put(post("/v1/events", KEY, msgspec.json.encode(body)))
                put = number + 1
            await asyncio.sleep(0.002)
    finally:
        for transport in transports:
            transport.abort()


def _most_memory_mb(pid: int) -> float:
    """The most that a process ever had in memory; 0 where that is unknown."""
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(it.split()[1]) / 1024 for it in lines if it.startswith("VmHWM")), 0.0)
