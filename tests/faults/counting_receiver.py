"""A receiver on a real socket that believes only the vendor's verifier, and counts."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from functools import partial
from time import time
from typing import Any, Self

import msgspec
from server_process import HOST, SECRET
from standardwebhooks import Webhook, WebhookVerificationError

from offhook.demo.tally import Event, Tally
from offhook.demo.wire import Connection, Received, Reply
from offhook.testing.servers.ports import free_port

OK = Reply(200)
DOWN = Reply(503)
DROPPED = Reply(None)
HANGS = Reply(200, after_s=3600)

Behaviour = Callable[[Event], Reply]
_events = msgspec.json.Decoder(Event)


@dataclass(frozen=True)
class Arrival:
    """An event that was accepted at ``at_s`` (Unix time), ``after_s`` seconds from its commit.

    ``sender`` is the process it came from (0: not known), which signed it ``on_way_s`` before, but
    for the fractions of a second that signatures leave out; ``beside`` is how many other requests
    were unanswered then.
    """

    event: Event
    at_s: float
    after_s: float
    on_way_s: float
    sender: int
    beside: int


@dataclass
class Seen:
    """Everything that came in: what was accepted, in order, what was not, and what was forged."""

    accepted: list[Arrival] = field(default_factory=list)
    refused: list[Event] = field(default_factory=list)
    unverified: list[Received] = field(default_factory=list)


class CountingReceiver:
    """Answers as ``behave`` says; what it answers with 2xx, unless it hangs, counts as accepted.

    ``sender_of`` tells the process that a connection's other end, a port, is of.
    """

    def __init__(self, behave: Behaviour = lambda _: OK, *, secret: str = SECRET) -> None:
        self.behave = behave
        self.sender_of: Callable[[int], int] = lambda _: 0
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}/hook"
        self.seen = Seen()
        self.requests: list[Received] = []
        self.tally = Tally()
        self.connections: dict[asyncio.BaseTransport, int] = {}
        self.unanswered = Counter[int]()
        self._webhook = Webhook(secret)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.close()

    async def open(self) -> None:
        """Listen, for the first time or again."""
        loop = asyncio.get_running_loop()
        make = partial(_Counted, self)
        self._server = await loop.create_server(make, HOST, self.port, backlog=512)

    def close(self) -> None:
        """Refuse connections from now on, and cut those there are."""
        self._server.close()
        for transport in tuple(self.connections):
            transport.abort()  # type: ignore[attr-defined]

    def connected(self, senders: Collection[int]) -> bool:
        """Whether any of these processes has a connection."""
        return any(sender in senders for sender in self.connections.values())

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

    async def so_many_events(self, count: int) -> None:
        """Return once so many events were accepted, each counted once however often it came."""
        await until(lambda: len(self.accepted_ids) >= count, what=f"{count} different events")

    async def all_of(self, feed: Iterable[dict[str, Any]]) -> None:
        """Return once each event of the feed was accepted."""
        self.tally.expect(event["id"] for event in feed)
        await until(lambda: not self.tally.report().missing, 120, "the last of the events")

    def handle(self, request: Received, sender: int) -> Reply:
        """What to answer; counts it."""
        self.requests.append(request)
        try:
            self._webhook.verify(request.body, request.headers)
        except WebhookVerificationError:
            self.seen.unverified.append(request)
            return Reply(401)
        event = _events.decode(request.body)
        assert event.id == request.headers["webhook-id"]
        reply = self.behave(event)
        if reply.status == OK.status and reply != HANGS:
            self._accept(event, time() - int(request.headers["webhook-timestamp"]), sender)
        else:
            self.seen.refused.append(event)
        return reply

    def _accept(self, event: Event, on_way_s: float, sender: int) -> None:
        now_s, beside = time(), self.unanswered.total()
        self.tally.keep(event, round(now_s * 1000))
        after_s = now_s - event.created.timestamp()
        self.seen.accepted.append(Arrival(event, now_s, after_s, on_way_s, sender, beside))


class _Counted(Connection):
    """A connection whose requests are known to be its sender's, from their coming to the answer."""

    def __init__(self, receiver: CountingReceiver) -> None:
        super().__init__(self._counted)
        self._receiver = receiver
        self._waits = False
        self._sender = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._sender = self._receiver.sender_of(transport.get_extra_info("peername")[1])
        self._receiver.connections[transport] = self._sender

    def connection_lost(self, exc: Exception | None) -> None:
        del self._receiver.connections[self._transport]
        self._answered()

    def _counted(self, request: Received) -> Reply:
        reply = self._receiver.handle(request, self._sender)
        self._waits = True
        self._receiver.unanswered[self._sender] += 1
        return reply

    def _send(self, reply: Reply) -> None:
        self._answered()
        super()._send(reply)

    def _answered(self) -> None:
        if self._waits:
            self._waits = False
            self._receiver.unanswered[self._sender] -= 1


async def until(reached: Callable[[], Any], within_s: float = 60.0, what: str = "it") -> None:
    """Wait for it to be so."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while not reached():
        assert loop.time() < deadline, f"{what} did not come about within {within_s:g} s"
        await asyncio.sleep(0.005)
