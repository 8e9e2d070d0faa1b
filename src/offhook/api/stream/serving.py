"""The open streams of a process: bounded in number, each served while its client stays, ended
together."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import structlog
from starlette.types import Receive, Send

from offhook.api.feed import place_after
from offhook.api.pages import FeedCursor
from offhook.api.problems import CursorExpired, TooManyStreams
from offhook.api.stream import sse
from offhook.api.stream.follower import Follower, LogReplaced
from offhook.api.stream.interest import Interest
from offhook.api.stream.reader import Reader
from offhook.api.stream.ring import Place
from offhook.clock import Clock
from offhook.log.ports import FeedStore
from offhook.model.errors import Overloaded

_log = structlog.get_logger(__name__)

_COMMENT_S = 15.0
_STALLED_S = 60.0
_FINISH_S = 1.0
_PAGES_AT_ONCE = 4

Headers = Sequence[tuple[bytes, bytes]]


class Streams:
    """Opens at most ``most`` streams at a time, and serves them until their clients leave.

    A client that takes nothing for ``stalled_s`` is let go: it goes on from where it was when it
    comes back.
    """

    def __init__(
        self,
        *,
        feed: FeedStore,
        follower: Follower,
        clock: Clock,
        most: int,
        stalled_s: float = _STALLED_S,
    ) -> None:
        self._feed = feed
        self._follower = follower
        self._clock = clock
        self._most = most
        self._stalled_s = stalled_s
        self._pages = asyncio.Semaphore(_PAGES_AT_ONCE)
        self._talking: set[asyncio.Task[None]] = set()
        self._ended = False
        self._open = 0

    @property
    def open(self) -> int:
        """How many streams are open."""
        return self._open

    def end(self) -> None:
        """End all streams, and open none any more: an answer that goes on would keep the server
        from stopping."""
        self._ended = True
        for talking in self._talking:
            talking.cancel()

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """A place among the open streams; ``Overloaded`` if there is none."""
        self._refuse_after_the_end()
        if self._open >= self._most:
            raise TooManyStreams(self._most)
        self._open += 1
        try:
            with self._follower.followed():
                yield
        finally:
            self._open -= 1

    async def reader(self, interest: Interest, start: FeedCursor | None, path: str) -> Reader:
        """A reader from a cursor, else from the log's end. ``CursorExpired``, with the ``path`` of
        the field that the cursor came in, if this log never came so far, or no longer goes back so
        far."""
        ring = await self._follower.caught_up()
        if start is None:
            place = ring.end
        elif await self._follower.gave(start.after, ring):
            place = Place(start.after, start.at_ms)
            if ring.entry_point(place) is None:
                await self._check(interest, start, path)
        else:
            raise CursorExpired(path, start.at_ms)
        return Reader(
            follower=self._follower,
            ring=ring,
            feed=self._feed,
            interest=interest,
            place=place,
            pages=self._pages,
        )

    async def _check(self, interest: Interest, start: FeedCursor, path: str) -> None:
        async with self._pages:
            found = await self._feed.feed(interest.account, start.after, 1, interest.filter)
        place_after(start, found, path)

    async def serve(self, reader: Reader, headers: Headers, receive: Receive, send: Send) -> None:
        """Answer with what the reader brings, until the client leaves or all streams are ended."""
        self._refuse_after_the_end()
        talking = asyncio.create_task(self._talk(reader, headers, send))
        leaving = asyncio.create_task(_left(receive))
        self._talking.add(talking)
        try:
            await asyncio.wait((talking, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone = leaving.done()
            self._talking.discard(talking)
            talking.cancel()
            leaving.cancel()
            await asyncio.wait((talking, leaving))
        if not gone:
            await _finish(send)
            if not talking.cancelled():
                talking.result()

    def _refuse_after_the_end(self) -> None:
        if self._ended:
            raise Overloaded("The server is stopping; connect again in a moment.")

    async def _talk(self, reader: Reader, headers: Headers, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": [*headers]})
            await self._tell(reader, send)
        except (LogReplaced, CursorExpired, Overloaded, TimeoutError) as error:
            # The client connects again, and is then told what there is to tell.
            _log.info("stream_ended", reason=repr(error))

    async def _tell(self, reader: Reader, send: Send) -> None:
        """Send what the reader brings, and every 15 s a comment. With it goes the place, where that
        is not the one last told: else who wants rare events would have to look through all those
        passed when it comes back."""
        comment_s = self._clock.monotonic() + _COMMENT_S
        told = reader.cursor
        await self._send(send, sse.opening(told))
        while True:
            chunk = await reader.next(comment_s)
            if self._clock.monotonic() >= comment_s:
                comment_s += _COMMENT_S
                cursor = reader.cursor
                chunk += sse.comment(None if cursor == told else cursor)
                told = cursor
            if chunk:
                await self._send(send, chunk)

    async def _send(self, send: Send, chunk: bytes) -> None:
        async with asyncio.timeout(self._stalled_s):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        # A send that need not wait gives nobody else a turn.
        await asyncio.sleep(0)


async def _left(receive: Receive) -> None:
    """Wait until the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _finish(send: Send) -> None:
    """End the answer, if the client takes that much."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_FINISH_S):
            await send({"type": "http.response.body", "body": b""})
