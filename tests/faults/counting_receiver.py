"""A receiver on a real socket that believes only the vendor's verifier, and counts."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from time import time
from typing import Any, Self

import msgspec
from server_process import HOST, SECRET
from standardwebhooks import Webhook, WebhookVerificationError

from offhook.demo.processes import free_port
from offhook.demo.tally import Event, Tally
from offhook.demo.wire import Connection, Received, Reply

OK = Reply(200)
DOWN = Reply(503)
DROPPED = Reply(None)
HANGS = Reply(200, after_s=3600)

Behaviour = Callable[[Event], Reply]
_events = msgspec.json.Decoder(Event)


@dataclass(frozen=True)
class Arrival:
    """An event that was accepted, ``after_s`` seconds from its commit."""

    event: Event
    after_s: float


@dataclass
class Seen:
    """Everything that came in: what was accepted, in order, what was not, and what was forged."""

    accepted: list[Arrival] = field(default_factory=list)
    refused: list[Event] = field(default_factory=list)
    unverified: list[Received] = field(default_factory=list)


class CountingReceiver:
    """Answers as ``behave`` says; what it answers with 2xx at once counts as accepted."""

    def __init__(self, behave: Behaviour = lambda _: OK, *, secret: str = SECRET) -> None:
        self.behave = behave
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}/hook"
        self.seen = Seen()
        self.requests: list[Received] = []
        self.tally = Tally()
        self.connections: set[asyncio.BaseTransport] = set()
        self._webhook = Webhook(secret)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.close()

    async def open(self) -> None:
        """Listen, for the first time or again."""
        loop = asyncio.get_running_loop()
        make = partial(_Counted, self._handle, self.connections)
        self._server = await loop.create_server(make, HOST, self.port, backlog=512)

    def close(self) -> None:
        """Refuse connections from now on, and cut those there are."""
        self._server.close()
        for transport in tuple(self.connections):
            transport.abort()  # type: ignore[attr-defined]

    @property
    def accepted_ids(self) -> set[str]:
        """The events that were accepted."""
        return {arrival.event.id for arrival in self.seen.accepted}

    def sequences(self, key: str) -> list[int]:
        """The sequences of a key in the order of their acceptance."""
        return [a.event.sequence for a in self.seen.accepted if a.event.key == key]

    async def one_more_request(self) -> None:
        """Return once another request than those so far has come in."""
        before = len(self.requests)
        await until(lambda: len(self.requests) > before, what="a request")

    async def so_many(self, count: int) -> None:
        """Return once so many requests were accepted."""
        await until(lambda: len(self.seen.accepted) >= count, what=f"{count} events")

    async def all_of(self, feed: Iterable[dict[str, Any]]) -> None:
        """Return once each event of the feed was accepted."""
        self.tally.expect(event["id"] for event in feed)
        await until(lambda: not self.tally.report().missing, 60, "the last of the events")

    def _handle(self, request: Received) -> Reply:
        self.requests.append(request)
        try:
            self._webhook.verify(request.body, request.headers)
        except WebhookVerificationError:
            self.seen.unverified.append(request)
            return Reply(401)
        event = _events.decode(request.body)
        assert event.id == request.headers["webhook-id"]
        reply = self.behave(event)
        if reply == OK:
            now_s = time()
            self.tally.keep(event, round(now_s * 1000))
            self.seen.accepted.append(Arrival(event, now_s - event.created.timestamp()))
        else:
            self.seen.refused.append(event)
        return reply


class _Counted(Connection):
    def __init__(
        self, handle: Callable[[Received], Reply], open_: set[asyncio.BaseTransport]
    ) -> None:
        super().__init__(handle)
        self._open = open_
        self._mine: asyncio.BaseTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._mine = transport
        self._open.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._open.discard(self._mine)


async def until(reached: Callable[[], Any], within_s: float = 30.0, what: str = "it") -> None:
    """Wait for it to be so."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while not reached():
        assert loop.time() < deadline, f"{what} did not come about within {within_s:g} s"
        await asyncio.sleep(0.005)
