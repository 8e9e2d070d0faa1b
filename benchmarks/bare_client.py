"""The yardstick for deliveries: aiohttp posting the same bodies, and nothing else.

``python -m benchmarks.bare_client URL FILE SECONDS CONCURRENCY``; the file holds a JSON list of
bodies. Prints requests per second, and the processor time used in each second.
"""

import asyncio
import itertools
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import msgspec
import uvloop


async def _worker(
    session: aiohttp.ClientSession, url: str, bodies: Iterator[bytes], until_s: float
) -> int:
    sent = 0
    while time.monotonic() < until_s:
        async with session.post(url, data=next(bodies)) as answer:
            await answer.read()
        sent += 1
    return sent


async def _measure(
    url: str, bodies: list[bytes], seconds: float, concurrency: int
) -> tuple[float, float]:
    turn = itertools.cycle(bodies)
    connector = aiohttp.TCPConnector(limit=0)
    headers = {"content-type": "application/json"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        began, used_s = time.monotonic(), time.process_time()
        workers = (_worker(session, url, turn, began + seconds) for _ in range(concurrency))
        sent = sum(await asyncio.gather(*workers))
        elapsed_s = time.monotonic() - began
        return sent / elapsed_s, (time.process_time() - used_s) / elapsed_s


def main() -> None:
    """Read the arguments, measure, print."""
    url, file, seconds, concurrency = sys.argv[1:]
    bodies = [
        text.encode() for text in msgspec.json.decode(Path(file).read_bytes(), type=list[str])
    ]
    print(*uvloop.run(_measure(url, bodies, float(seconds), int(concurrency))))


if __name__ == "__main__":
    main()
