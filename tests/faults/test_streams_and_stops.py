"""Open streams neither hold up a stop nor lose anything by it or by a kill; tokens stay out of the
log."""

import asyncio
from pathlib import Path
from time import monotonic

import aiohttp
from server_process import HOST, KEY, Client, Server
from streaming import check_complete, streaming

LONGEST_STOP_S = 30.0
"""Far less than what hangs would take, and room for a busy machine."""


async def test_a_stop_ends_the_streams_and_they_go_on_after_it(tmp_path: Path) -> None:
    async with Server(tmp_path) as server, Client(server) as client:
        await client.ready()
        async with streaming(20, server) as clients:
            posted = await client.post(*"abcab")
            await asyncio.gather(*(each.has(len(posted)) for each in clients))
            began = monotonic()
            assert await server.stop() == 0
            assert monotonic() - began < LONGEST_STOP_S
            await server.start()
            posted += await client.post(*"cba")
            await asyncio.gather(*(each.has(len(posted)) for each in clients))
            # In order, by the last chunk, not by a connection that breaks off.
            assert [each.ended for each in clients] == [1] * len(clients)
            for each in clients:
                check_complete(each, posted)
        assert server.complaints() == []


async def test_a_kill_loses_no_event_of_a_stream_and_repeats_none(tmp_path: Path) -> None:
    async with Server(tmp_path) as server, Client(server) as client:
        await client.ready()
        async with streaming(5, server) as clients:
            posted = []
            for _ in range(3):
                posted += await client.post(*"abcdabcd")
                await clients[0].has(len(posted) - 6)
                await server.kill()
                await server.start()
            posted += await client.post("a")
            await asyncio.gather(*(each.has(len(posted)) for each in clients))
            for each in clients:
                check_complete(each, posted)


async def test_a_client_that_takes_nothing_does_not_hold_up_the_stop(tmp_path: Path) -> None:
    async with Server(tmp_path) as server, Client(server) as client:
        await client.ready()
        _, writer = await asyncio.open_connection(
            HOST, int(server.url.rpartition(":")[2]), limit=1_024
        )
        head = f"GET /v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n\r\n"
        writer.write(head.encode())
        for _ in range(40):
            data = {"padding": "x" * 250_000}
            await client.ask("POST", "/v1/events", {"type": "custom.x", "data": data})
        began = monotonic()
        assert await server.stop() == 0
        assert monotonic() - began < LONGEST_STOP_S
        writer.close()


async def test_tokens_do_not_show_up_in_the_log(tmp_path: Path) -> None:
    async with Server(tmp_path) as server, Client(server) as client:
        _, made = await client.ask("POST", "/v1/stream/tokens", {})
        token = made["token"]
        for query in (token, f"{token}x", f"{token}&types=nonsense", f"{token}&nonsense=1"):
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"{server.url}/v1/stream?token={query}") as answer,
            ):
                assert answer.status in {200, 401, 422}
                if answer.status != 200:
                    assert token not in await answer.text()
        assert await server.stop() == 0
        assert "ofh_stream_" not in server.log.read_text()
