"""Following the events of a running server: connected again whenever the stream breaks off."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from typing import Final

import aiohttp
import msgspec

from offhook.integrations.posting import what_failed
from offhook.tools.frames import FrameReader
from offhook.tools.server import Server, no_server, refusal, retry_after_s, unreachable

_SILENT_S: Final = 45.0
"""Three of the signs of life that the server gives every 15 s."""

_CONNECT_S: Final = 10.0
_LONGEST_WAIT_S: Final = 30.0
_RETRY_MS: Final = 2_000
_LATER: Final = frozenset({429, 500, 502, 503, 504})


class Envelope(msgspec.Struct, frozen=True):
    """As much of an event as is looked at."""

    id: str
    type: str
    key: str


@dataclass(frozen=True, slots=True)
class StreamedEvent:
    """An event, with the bytes of its one JSON, and the cursor to go on from after it."""

    envelope: Envelope
    body: bytes
    cursor: str


class _Broken(Exception):
    """The stream cannot be read on now; it may be in ``wait_s``."""

    def __init__(self, why: str, wait_s: float = 0.0) -> None:
        super().__init__(why)
        self.wait_s = wait_s


class EventStream:
    """``GET /v1/stream``, from ``since`` or the log's end, with nothing missed and nothing twice.

    ``broke_off`` is told why and for how many seconds it waits before it connects again. ``cursor``
    is the place up to which everything was handed over.
    """

    def __init__(
        self,
        server: Server,
        *,
        types: Sequence[str] = (),
        event_key: str | None = None,
        since: str | None = None,
        connected: Callable[[], None],
        broke_off: Callable[[str, float], None],
    ) -> None:
        self._server = server
        self._query = [("types", each) for each in types]
        self._query += [] if event_key is None else [("key", event_key)]
        self._reader = FrameReader(since or "")
        self._connected = connected
        self._broke_off = broke_off
        self._reached = False
        self._breaks = 0
        """So many in a row, with no connection between."""

    @property
    def cursor(self) -> str:
        """The cursor to go on from."""
        return self._reader.last_id

    async def events(self) -> AsyncGenerator[StreamedEvent, None]:
        """The events, for ever.

        Raises ``Unreachable`` where the first connection fails, and ``ServerRefused`` whenever the
        server does not let this key have the stream, or no longer knows the cursor.
        """
        while True:
            try:
                async with aclosing(self._once()) as events:
                    async for event in events:
                        yield event
                broken = _Broken("the server ended the stream")
            except _Broken as error:
                broken = error
            wait_s = max(broken.wait_s, self._wait_s())
            self._breaks += 1
            self._broke_off(str(broken), wait_s)
            await self._server.sleep(wait_s)

    def _wait_s(self) -> float:
        retry_s = (_RETRY_MS if self._reader.retry_ms is None else self._reader.retry_ms) / 1000
        return min(retry_s * 2.0 ** min(self._breaks, 10), _LONGEST_WAIT_S)

    async def _once(self) -> AsyncGenerator[StreamedEvent, None]:
        try:
            async with self._get() as answer:
                await self._check(answer)
                # What was begun on the connection before comes again, whole.
                self._reader = FrameReader(self._reader.last_id)
                async for piece in answer.content.iter_any():
                    for frame in self._reader.feed(piece):
                        envelope = msgspec.json.decode(frame.data, type=Envelope)
                        yield StreamedEvent(envelope, frame.data, frame.id)
        except (aiohttp.ClientError, TimeoutError) as error:
            if not self._reached:
                raise unreachable(self._server.url, error) from None
            raise _Broken(what_failed(error)) from None

    def _get(self) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        headers = self._server.headers()
        if self.cursor:
            headers["last-event-id"] = self.cursor
        return self._server.session.get(
            self._server.at("/v1/stream"),
            params=self._query,
            headers=headers,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(sock_connect=_CONNECT_S, sock_read=_SILENT_S),
        )

    async def _check(self, answer: aiohttp.ClientResponse) -> None:
        if answer.status == 200 and answer.content_type != "text/event-stream":
            raise no_server(self._server.url)
        if answer.status == 200:
            self._reached, self._breaks = True, 0
            self._connected()
        elif self._reached and answer.status in _LATER:
            wait_s = retry_after_s(answer.headers, otherwise=0.0)
            raise _Broken(f"the server answered {answer.status}", wait_s)
        else:
            raise refusal(self._server.url, answer.status, await answer.read())
