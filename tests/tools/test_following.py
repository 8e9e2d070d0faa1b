"""Following a stream that breaks off: it goes on after the last event that was whole."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from offhook.integrations.posting import Unreachable
from offhook.testing.servers.ports import free_port
from offhook.tools.following import EventStream
from offhook.tools.server import Server, ServerRefused

OPENING = b"retry: 7000\nid: c0\n\n"


def frame(number: int) -> bytes:
    data = b'{"id":"evt_%d","type":"custom.a","key":"k"}' % number
    return b"id: c%d\nevent: custom.a\ndata: %b\n\n" % (number, data)


class Scripted:
    """A server that answers each connection as it is told: with a status, or the bytes of a stream,
    which then ends, or is cut off at a ``None``. It keeps what it was asked for."""

    def __init__(self, *answers: int | Sequence[bytes | None]) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str | None, str]] = []
        self.waits: list[float] = []
        self.breaks: list[str] = []

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append((request.headers.get("last-event-id"), request.query_string))
        answer = self._answers.pop(0)
        if isinstance(answer, int):
            return web.Response(status=answer, headers={"retry-after": "11"})
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for piece in answer:
            if piece is None:
                assert request.transport is not None
                request.transport.close()
            else:
                await response.write(piece)
        return response

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    @asynccontextmanager
    async def stream(self, since: str | None = None) -> AsyncIterator[EventStream]:
        runner = web.ServerRunner(web.Server(self.answer))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with aiohttp.ClientSession() as session:
            server = Server(session, f"http://127.0.0.1:{runner.addresses[0][1]}", "k", self.sleep)
            yield EventStream(
                server,
                types=("call.*", "custom.a"),
                event_key="k",
                since=since,
                connected=lambda: None,
                broke_off=lambda why, _: self.breaks.append(why),
            )
        await runner.cleanup()


async def read(stream: EventStream, count: int) -> list[str]:
    """The ids of the next events."""
    ids: list[str] = []
    async with asyncio.timeout(60), aclosing(stream.events()) as events:
        async for event in events:
            ids.append(event.envelope.id)
            if len(ids) == count:
                break
    return ids


async def test_it_goes_on_after_the_last_whole_event() -> None:
    cut = frame(2)[:-9]
    scripted = Scripted([OPENING, frame(1), cut, None], [OPENING, frame(2), frame(3)])
    async with scripted.stream() as stream:
        assert await read(stream, 3) == ["evt_1", "evt_2", "evt_3"]
        assert stream.cursor == "c3"
    query = "types=call.*&types=custom.a&key=k"
    assert scripted.asked == [(None, query), ("c1", query)]
    assert scripted.waits == [7.0]
    assert len(scripted.breaks) == 1


async def test_without_any_event_it_goes_on_where_the_stream_began() -> None:
    scripted = Scripted([OPENING], [frame(1)])
    async with scripted.stream() as stream:
        assert await read(stream, 1) == ["evt_1"]
    assert [last for last, _ in scripted.asked] == [None, "c0"]


async def test_it_begins_where_it_is_told() -> None:
    scripted = Scripted([OPENING, frame(1)])
    async with scripted.stream(since="c7") as stream:
        await read(stream, 1)
    assert scripted.asked[0][0] == "c7"


async def test_a_server_that_is_busy_later_is_waited_for_longer_and_longer() -> None:
    scripted = Scripted([OPENING], 503, 502, [frame(1)])
    async with scripted.stream() as stream:
        assert await read(stream, 1) == ["evt_1"]
    assert scripted.waits == [7.0, 14.0, 28.0]


async def test_a_quiet_stream_that_breaks_off_now_and_then_is_not_waited_for_longer() -> None:
    scripted = Scripted([OPENING], [OPENING], 503, [OPENING], [frame(1)])
    async with scripted.stream() as stream:
        assert await read(stream, 1) == ["evt_1"]
    assert scripted.waits == [7.0, 7.0, 14.0, 7.0]


@pytest.mark.parametrize("answers", [(401,), (503,), ([OPENING], 401), ([OPENING], 410)])
async def test_a_refusal_ends_it(answers: tuple[int | list[bytes], ...]) -> None:
    async with Scripted(*answers).stream() as stream:
        with pytest.raises(ServerRefused):
            await read(stream, 1)


async def test_a_server_that_is_not_there_is_told_at_once() -> None:
    scripted = Scripted()
    async with aiohttp.ClientSession() as session:
        server = Server(session, f"http://127.0.0.1:{free_port()}", "k", scripted.sleep)
        stream = EventStream(server, connected=lambda: None, broke_off=lambda _, __: None)
        with pytest.raises(Unreachable):
            await read(stream, 1)
    assert scripted.waits == []
