"""The wire does to real connections what networks do to them."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from offhook.testing.faulty_wire import FaultyWire

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Echo:
    """A server that gives back what it gets, and notes how its connections ended."""

    def __init__(self) -> None:
        self.url = ""
        self.endings = asyncio.Queue[str]()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(65_536):
                writer.write(chunk)
                await writer.drain()
            writer.write(b"bye")
            self.endings.put_nowait("end of stream")
        except ConnectionResetError:
            self.endings.put_nowait("reset")
        finally:
            writer.close()


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    made = Echo()
    async with await asyncio.start_server(made.serve, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        made.url = f"tcp://{host}:{port}/"
        yield made


@pytest.fixture
async def wire(echo: Echo) -> AsyncIterator[FaultyWire]:
    async with FaultyWire(echo.url) as wire:
        yield wire


async def connect(wire: FaultyWire) -> Streams:
    return await asyncio.open_connection("127.0.0.1", wire.port)


async def echoed(streams: Streams, data: bytes) -> bytes:
    reader, writer = streams
    writer.write(data)
    return await asyncio.wait_for(reader.readexactly(len(data)), 20)


async def test_bytes_and_ends_pass_unchanged(wire: FaultyWire, echo: Echo) -> None:
    reader, writer = streams = await connect(wire)
    big = bytes(range(256)) * 8192
    assert await echoed(streams, big) == big
    writer.write_eof()
    assert await reader.read() == b"bye"
    assert await echo.endings.get() == "end of stream"
    writer.close()


async def test_a_cut_resets_both_ends_and_refuses_until_mended(
    wire: FaultyWire, echo: Echo
) -> None:
    streams = await connect(wire)
    assert await echoed(streams, b"before") == b"before"
    await wire.cut()
    with pytest.raises(ConnectionResetError):
        await streams[0].read()
    streams[1].close()
    assert await echo.endings.get() == "reset"
    with pytest.raises(ConnectionRefusedError):
        await connect(wire)
    await wire.mend()
    again = await connect(wire)
    assert await echoed(again, b"after") == b"after"
    again[1].close()


async def test_a_frozen_wire_accepts_and_is_silent_and_loses_nothing(wire: FaultyWire) -> None:
    old = await connect(wire)
    assert await echoed(old, b"before") == b"before"
    await wire.freeze()
    new = await connect(wire)
    answers = [asyncio.create_task(echoed(each, b"held back")) for each in (old, new)]
    done, _ = await asyncio.wait(answers, timeout=0.2)
    assert not done
    assert wire.connections == 2
    await wire.mend()
    assert await asyncio.gather(*answers) == [b"held back"] * 2
    for each in (old, new):
        each[1].close()


async def test_a_frozen_wire_can_be_cut(wire: FaultyWire) -> None:
    streams = await connect(wire)
    assert await echoed(streams, b"before") == b"before"
    await wire.freeze()
    streams[1].write(b"never seen")
    await wire.cut()
    with pytest.raises(ConnectionResetError):
        await streams[0].read()
    streams[1].close()
    assert wire.connections == 0


async def test_a_target_that_is_away_looks_like_a_reset(wire: FaultyWire, echo: Echo) -> None:
    async with FaultyWire(f"tcp://127.0.0.1:{wire.port}") as outer:
        await wire.cut()
        streams = await connect(outer)
        with pytest.raises(ConnectionResetError):
            await streams[0].read()
        streams[1].close()


async def test_a_delay_holds_each_byte_but_not_the_ones_after_it(wire: FaultyWire) -> None:
    now_s = asyncio.get_running_loop().time
    streams = await connect(wire)
    assert await echoed(streams, b"at once") == b"at once"
    wire.delay_s = 0.2
    begin_s = now_s()
    for _ in range(200):
        streams[1].write(b"x")
        for _ in range(5):
            await asyncio.sleep(0)
    assert await asyncio.wait_for(streams[0].readexactly(200), 60) == b"x" * 200
    # There and back takes two delays; one after another they would take 80 s.
    assert 0.4 <= now_s() - begin_s < 20
    streams[1].close()


async def test_the_url_leads_to_the_same_database_through_the_wire(postgres18_url: str) -> None:
    async with FaultyWire(postgres18_url) as wire:
        there, direct = [await asyncpg.connect(url) for url in (wire.url, postgres18_url)]
        schema = "SELECT current_schema()"
        assert await there.fetchval(schema) == await direct.fetchval(schema) != "public"
        await wire.cut()
        with pytest.raises((asyncpg.PostgresConnectionError, ConnectionError)):
            await there.fetchval(schema)
        assert await direct.fetchval("SELECT 1") == 1
        await direct.close()


def test_a_url_without_a_port_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a host and a port, not 'redis://localhost'"):
        FaultyWire("redis://localhost")
