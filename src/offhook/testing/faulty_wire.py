"""A TCP connection that can be cut, frozen, delayed and mended at any moment."""

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Final, Self
from urllib.parse import urlsplit

from offhook.testing.servers.ports import LOOPBACK, free_port

_CHUNK_BYTES: Final = 65_536
_CHUNKS_UNDER_WAY: Final = 64
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)

_Due = tuple[float, bytes]


class FaultyWire:
    """A proxy on loopback before the server that ``target_url`` names (with its port).

    ``url`` is the same URL through the wire. ``delay_s`` is how long each byte takes in each
    direction; it may be changed at any time. An async context manager; leaving it cuts the wire.
    """

    def __init__(self, target_url: str, *, delay_s: float = 0.0) -> None:
        target = urlsplit(target_url)
        if target.hostname is None or target.port is None:
            raise ValueError(f"a wire needs a URL with a host and a port, not {target_url!r}")
        self._target = (target.hostname, target.port)
        self.delay_s = delay_s
        self.port = free_port()
        userinfo, at, _ = target.netloc.rpartition("@")
        self.url = target._replace(netloc=f"{userinfo}{at}{LOOPBACK}:{self.port}").geturl()
        self._listening: asyncio.Server | None = None
        self._flowing = asyncio.Event()
        self._carried: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.mend()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.cut()

    @property
    def connections(self) -> int:
        """How many connections the wire carries now, frozen ones too."""
        return len(self._carried)

    async def cut(self) -> None:
        """Reset all connections (RST to both ends) and refuse new ones, until ``mend()``."""
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        for each in self._carried:
            each.cancel()
        if self._carried:
            await asyncio.wait(self._carried)

    async def freeze(self) -> None:
        """Accept everything and pass nothing on, so that both ends wait, until ``mend()``."""
        self._flowing.clear()
        await self._listen()

    async def mend(self) -> None:
        """Pass on what was held back, and everything from now on."""
        self._flowing.set()
        await self._listen()

    async def _listen(self) -> None:
        if self._listening is None:
            self._listening = await asyncio.start_server(self._accept, LOOPBACK, self.port)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._listening is None:
            # It came in just before the cut.
            _reset(writer)
            return
        carrying = asyncio.create_task(self._carry(reader, writer))
        self._carried.add(carrying)
        carrying.add_done_callback(self._carried.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        ended_in_order = False
        try:
            await self._flowing.wait()
            far_reader, far_writer = await asyncio.open_connection(*self._target)
            ends.append(far_writer)
            async with asyncio.TaskGroup() as directions:
                directions.create_task(self._pass_on(reader, far_writer))
                directions.create_task(self._pass_on(far_reader, writer))
            ended_in_order = True
        except* OSError:
            # One end was reset or refused: the other learns of it the same way.
            pass
        finally:
            for end in ends:
                if ended_in_order:
                    end.close()
                else:
                    _reset(end)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        under_way = asyncio.Queue[_Due](_CHUNKS_UNDER_WAY)
        async with asyncio.TaskGroup() as both:
            both.create_task(self._take(reader, under_way))
            both.create_task(self._give(under_way, writer))

    async def _take(self, reader: asyncio.StreamReader, under_way: asyncio.Queue[_Due]) -> None:
        now_s = asyncio.get_running_loop().time
        chunk = b"-"
        while chunk:
            chunk = await reader.read(_CHUNK_BYTES)
            await under_way.put((now_s() + self.delay_s, chunk))

    async def _give(self, under_way: asyncio.Queue[_Due], writer: asyncio.StreamWriter) -> None:
        now_s = asyncio.get_running_loop().time
        while True:
            due_s, chunk = await under_way.get()
            await asyncio.sleep(max(0.0, due_s - now_s()))
            await self._flowing.wait()
            if not chunk:
                return writer.write_eof()
            writer.write(chunk)
            await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    # With no time to linger, closing sends a reset instead of the end of the stream.
    wire: socket.socket = writer.get_extra_info("socket")
    # It may be closed already, where the other end was the first to go.
    with suppress(OSError):
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()
