"""Streams over several processes and one PostgreSQL: what is committed through any of them comes
through all of them, and a client goes on from one to the other."""

import asyncio
from pathlib import Path
from statistics import median
from time import monotonic

from fleet import Fleet
from server_process import Client
from streaming import check_complete, streaming
from trial import Tell


async def test_a_commit_through_one_process_is_soon_seen_through_another(
    tmp_path: Path, tell: Tell
) -> None:
    async with Fleet(tmp_path, apis=2, engines=0) as fleet, Client(fleet.apis[0]) as client:
        for api in fleet.apis:
            async with Client(api) as each:
                await each.ready()
        async with streaming(1, fleet.apis[1]) as [listening]:
            posted: list[str] = []
            took_ms: list[float] = []
            for n in range(100):
                posted += await client.post(f"k{n % 20}")
                committed_s = monotonic()
                await listening.has(len(posted))
                took_ms.append((listening.came_s[-1] - committed_s) * 1000)
            check_complete(listening, posted)
    tell(f"from a commit in one process to a stream of another: {median(took_ms):.0f} ms (median)")


async def test_a_client_goes_on_at_another_process_when_its_own_dies(tmp_path: Path) -> None:
    async with Fleet(tmp_path, apis=2, engines=0) as fleet, Client(*fleet.apis) as client:
        for api in fleet.apis:
            async with Client(api) as each:
                await each.ready()
        async with streaming(4, *fleet.apis) as clients:
            posted = await client.post(*"abcabc")
            for dying in fleet.apis * 2:
                await dying.kill()
                posted += await client.post(*"abcdef")
                await dying.start()
                posted += await client.post(*"fedcba")
                await asyncio.gather(*(each.has(len(posted)) for each in clients))
            for each in clients:
                check_complete(each, posted)
