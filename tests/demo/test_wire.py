"""The small HTTP server: whole requests, however they come in, and one reply to each."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import uvloop

from offhook.demo.wire import Connection, Handler, Received, Reply

REQUEST = (
    b"POST /hook?x=1 HTTP/1.1\r\nHost: here\r\nX-Odd: caf\xe9\r\nContent-Length: 5\r\n\r\nhello"
)


class Echo:
    """Answers with the body, and remembers what came."""

    def __init__(self, **reply: float) -> None:
        self.received: list[Received] = []
        self._reply = reply

    def __call__(self, request: Received) -> Reply:
        self.received.append(request)
        return Reply(200, request.body, **self._reply)


class Gone(asyncio.Transport):
    """What is left of a connection that was lost."""

    def __init__(self) -> None:
        super().__init__()
        self.looked_at = asyncio.Event()
        self.written: list[bytes | bytearray | memoryview] = []

    def is_closing(self) -> bool:
        self.looked_at.set()
        return True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.looked_at.set()
        self.written.append(data)


class Line:
    """One raw connection to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def answer(self) -> tuple[bytes, bytes]:
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.partition(b"content-length: ")[2].split()[0])
        return head.splitlines()[0], await self.reader.readexactly(length)


@asynccontextmanager
async def line_to(handle: Handler) -> AsyncIterator[Line]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(partial(Connection, handle), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    yield Line(reader, writer)
    writer.close()
    server.close()
    await server.wait_closed()


async def test_a_request_arrives_whole_with_lower_case_header_names() -> None:
    echo = Echo()
    async with line_to(echo) as line:
        line.writer.write(REQUEST)
        assert await line.answer() == (b"HTTP/1.1 200 OK", b"hello")
    (received,) = echo.received
    assert (received.method, received.path, received.body) == ("POST", "/hook?x=1", b"hello")
    assert received.headers == {"host": "here", "x-odd": "café", "content-length": "5"}


async def test_a_request_may_come_byte_by_byte() -> None:
    echo = Echo()
    async with line_to(echo) as line:
        for byte in REQUEST:
            line.writer.write(bytes([byte]))
            await line.writer.drain()
            await asyncio.sleep(0)
        assert await line.answer() == (b"HTTP/1.1 200 OK", b"hello")
    assert len(echo.received) == 1


async def test_a_connection_serves_one_request_after_the_other() -> None:
    echo = Echo()
    async with line_to(echo) as line:
        for _ in range(3):
            line.writer.write(REQUEST)
            assert (await line.answer())[1] == b"hello"
    assert [received.headers for received in echo.received] == [echo.received[0].headers] * 3


async def test_statuses_have_their_names() -> None:
    async with line_to(lambda _: Reply(503)) as line:
        line.writer.write(REQUEST)
        assert (await line.answer())[0] == b"HTTP/1.1 503 Service Unavailable"


async def test_no_status_closes_the_connection_without_a_word() -> None:
    async with line_to(lambda _: Reply(None)) as line:
        line.writer.write(REQUEST)
        assert await line.reader.read() == b""


async def test_a_late_reply_is_late_and_not_written_to_who_has_gone() -> None:
    gone = Gone()
    connection = Connection(Echo(after_s=0.02))
    connection.connection_made(gone)
    connection.data_received(REQUEST)
    assert not gone.looked_at.is_set()
    await asyncio.wait_for(gone.looked_at.wait(), 10)
    assert gone.written == []


def test_it_runs_on_uvloop_as_well() -> None:
    async def exchange() -> tuple[bytes, bytes]:
        async with line_to(Echo()) as line:
            line.writer.write(REQUEST)
            return await line.answer()

    assert uvloop.run(exchange()) == (b"HTTP/1.1 200 OK", b"hello")
