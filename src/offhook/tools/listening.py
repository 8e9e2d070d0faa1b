"""``offhook listen``: the events of a running server, as signed requests, to a local port."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

import aiohttp
import msgspec

from offhook.clock import Clock
from offhook.signing import STANDARD, Secret, check_secret, make_secret, signer_for
from offhook.tools.following import EventStream
from offhook.tools.forwarding import Forwarded, Forwarder
from offhook.tools.server import Server, check_http_url, check_server
from offhook.tools.stopping import Stopped, until_stopped

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ListenOptions:
    """Which events to forward, from where to where, and how it is told."""

    url: str
    key: str | None
    forward_to: str
    types: tuple[str, ...] = ()
    event_key: str | None = None
    secret: str | None = None
    since: str | None = None
    as_json: bool = False


@dataclass(slots=True)
class _Listening:
    """What is told of it: results by ``say``, what is in the way by ``warn``."""

    options: ListenOptions
    secret: str
    say: Tell
    warn: Tell
    clock: Clock
    accepted: int = 0
    failed: int = 0
    _begun: bool = False

    def connected(self) -> None:
        """Tell where events go, and by what to verify them; the next time, that they come again."""
        options = self.options
        if self._begun:
            self.warn("offhook: connected again")
            return
        self._begun = True
        if options.as_json:
            opening = {"forward_to": options.forward_to, "secret": self.secret}
            self.say(_json(opening))
            return
        self.say(f"Events of {options.url} go to {options.forward_to}; Ctrl-C ends it.")
        self.say(f"They are signed with {self.secret}")

    def broke_off(self, why: str, wait_s: float) -> None:
        """Tell that the stream is away."""
        self.warn(f"offhook: the stream broke off: {why}; connecting again in {wait_s:g} s")

    def forwarded(self, it: Forwarded) -> None:
        """Count an event, and tell what became of it."""
        if it.accepted:
            self.accepted += 1
        else:
            self.failed += 1
        if self.options.as_json:
            self.say(_json(_told(it)))
        else:
            self.say(f"{self.clock.now():%H:%M:%S}  {_line(it)}")

    def ended(self, waiting: int, cursor: str) -> None:
        """Sum up, and say where to go on from."""
        if self.options.as_json:
            summary = {"accepted": self.accepted, "failed": self.failed, "unfinished": waiting}
            self.say(_json({**summary, "cursor": cursor or None}))
            return
        left = f", {waiting} not finished" if waiting else ""
        self.say(f"\n{self.accepted} events accepted, {self.failed} not{left}.")
        if cursor:
            self.say(f"Go on from here with --since {cursor}")


async def run_listen(
    options: ListenOptions, *, clock: Clock, entropy: bytes, say: Tell, warn: Tell
) -> None:
    """Forward until the user ends it. ``entropy`` is 32 random bytes, for a secret where none is
    given. Raises ``Invalid``, ``Unreachable`` and ``ServerRefused``."""
    key = check_server(options.url, options.key)
    check_http_url(options.forward_to, "--forward-to")
    if options.secret is not None:
        check_secret(options.secret, path="--secret")
    listening = _Listening(options, options.secret or make_secret(entropy), say, warn, clock)
    async with aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(), skip_auto_headers=("Accept", "Accept-Encoding")
    ) as session:
        await _listen(Server(session, options.url, key), listening)


async def _listen(server: Server, listening: _Listening) -> None:
    options = listening.options
    stream = EventStream(
        server,
        types=options.types,
        event_key=options.event_key,
        since=options.since,
        connected=listening.connected,
        broke_off=listening.broke_off,
    )
    forwarder = Forwarder(
        session=server.session,
        url=options.forward_to,
        signer=signer_for(STANDARD, (Secret(listening.secret),)),
        clock=listening.clock,
        told=listening.forwarded,
        sleep=server.sleep,
    )
    try:
        await until_stopped(_forward(stream, forwarder))
    except Stopped:
        cursor = stream.cursor if forwarder.waiting == 0 else forwarder.cursor
        listening.ended(forwarder.waiting, cursor or options.since or "")
    finally:
        await forwarder.stop()


async def _forward(stream: EventStream, forwarder: Forwarder) -> None:
    works = [asyncio.create_task(it) for it in (_read(stream, forwarder), forwarder.until_broken())]
    try:
        done, _ = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
        for work in done:
            work.result()
    finally:
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)


async def _read(stream: EventStream, forwarder: Forwarder) -> None:
    async with aclosing(stream.events()) as events:
        async for event in events:
            await forwarder.take(event)


def _told(it: Forwarded) -> dict[str, object]:
    envelope = it.event.envelope
    return {
        "id": envelope.id,
        "type": envelope.type,
        "key": envelope.key,
        "accepted": it.accepted,
        "status": it.status,
        "error": it.error,
        "latency_ms": round(it.latency_ms, 1),
        "attempts": it.attempts,
        "cursor": it.event.cursor,
    }


def _line(it: Forwarded) -> str:
    envelope = it.event.envelope
    came = f"{it.status}" if it.status is not None else f"no answer: {it.error}"
    tries = f"  after {it.attempts} attempts" if it.attempts > 1 else ""
    return f"{envelope.type}  {envelope.id}  {came}  {it.latency_ms:.0f} ms{tries}"


def _json(told: object) -> str:
    return msgspec.json.encode(told).decode()
