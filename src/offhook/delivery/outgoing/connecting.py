"""How the transport connects: past the guard, timed, and bounded in what comes before an answer."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.tracing import Trace

from offhook.clock import Clock
from offhook.delivery.entries import Timings
from offhook.delivery.guard import Network, forbidden

MAX_HEAD_BYTES = 65_536
"""Of an answer's head, and of all that comes before it."""

MAX_AGE_S = 300.0
"""How long a connection is used, so that one in constant use follows its name elsewhere."""


@dataclass(slots=True)
class Connecting:
    """What one exchange saw, on the monotonic clock: when it began, when the first socket was
    opened, when TLS began, when the connection stood (a kept one at once), when the answer's head
    had come; why the guard let it not connect, and the family of the last socket."""

    begun_s: float
    opened_s: float | None = None
    tls_s: float | None = None
    connected_s: float | None = None
    headed_s: float | None = None
    blocked: str | None = None
    family: int | None = None

    @property
    def looks_up(self) -> bool:
        """Whether it is not known yet what to connect to."""
        return self.opened_s is None and self.connected_s is None

    @property
    def phase(self) -> str:
        """What it was at when it was cut off."""
        if self.headed_s is not None:
            return "within the answer's body"
        if self.connected_s is not None:
            return "while waiting for the answer's head"
        if self.tls_s is not None:
            return "in the TLS handshake"
        return "while looking the name up" if self.looks_up else "while connecting"

    def timings(self, now_s: float) -> Timings:
        """How long each step took, of the one that did not end until now."""
        opened_s, tls_s, connected_s = self.opened_s, self.tls_s, self.connected_s
        first_byte_ms = _between(connected_s, self.headed_s, now_s)
        if opened_s is None:
            dns_ms = _between(self.begun_s, None, now_s) if connected_s is None else None
            return Timings(dns_ms, first_byte_ms=first_byte_ms)
        return Timings(
            dns_ms=_between(self.begun_s, opened_s, now_s),
            connect_ms=_between(opened_s, connected_s if tls_s is None else tls_s, now_s),
            tls_ms=_between(tls_s, connected_s, now_s),
            first_byte_ms=first_byte_ms,
        )


connecting: ContextVar[Connecting] = ContextVar("connecting")
"""What the exchange of this task sees."""


class GuardedConnector(aiohttp.TCPConnector):
    """Connects to addresses that the guard lets pass, as they are after DNS, whatever the URL or
    an earlier look-up said. Certificates are verified."""

    def __init__(
        self,
        *,
        clock: Clock,
        allowed: Sequence[Network],
        resolver: AbstractResolver,
        dns_ttl_s: float,
        authorities: str | None,
    ) -> None:
        super().__init__(
            limit=0,
            ttl_dns_cache=dns_ttl_s,  # type: ignore[arg-type] # whole seconds by its type alone
            socket_factory=self._open_socket,
            resolver=resolver,
            ssl=_tls(clock, authorities),
        )
        self._clock = clock
        self._allowed = tuple(allowed)
        self._factory = partial(_bounded, loop=self._loop)

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the signature is aiohttp's
    ) -> Connection:
        """A kept connection, or a new one."""
        connection = await super().connect(req, traces, timeout)
        now_s = self._clock.monotonic()
        if isinstance(connection.protocol, BoundedAnswer):
            connection.protocol.expect(now_s)
        connecting.get().connected_s = now_s
        return connection

    def _open_socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _, sockaddr = info
        seen = connecting.get()
        reason = forbidden(ipaddress.ip_address(sockaddr[0]), self._allowed)
        if reason is not None:
            seen.blocked = f"{sockaddr[0]} is {reason}, and not an allowed target."
            raise PermissionError(seen.blocked)
        if seen.opened_s is None:
            seen.opened_s = self._clock.monotonic()
        seen.family = family
        return socket.socket(family, kind, protocol)


class BoundedAnswer(ResponseHandler):
    """Ends a connection that sends more than ``MAX_HEAD_BYTES`` without the head of an answer:
    headers without end, or one interim answer (1xx) after the other. What is older than
    ``MAX_AGE_S`` is not kept after the answer to come."""

    _headed = False
    _head_bytes = 0
    _since_s: float | None = None

    def expect(self, now_s: float) -> None:
        """An answer is to come, on the monotonic clock."""
        self._headed = False
        self._head_bytes = 0
        if self._since_s is None:
            self._since_s = now_s
        elif now_s - self._since_s > MAX_AGE_S:
            self.force_close()

    def feed_data(self, data: Any, size: int = 0) -> None:
        """A head was read."""
        code = data[0].code
        self._headed = code >= 200 or code == 101
        super().feed_data(data, size)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self._headed:
            super().data_received(data)
            return
        self._head_bytes += len(data)
        super().data_received(data)
        if not self._headed and self._head_bytes > MAX_HEAD_BYTES and self.transport is not None:
            self.transport.abort()
            message = f"its head is longer than {MAX_HEAD_BYTES} bytes"
            self.set_exception(HttpProcessingError(message=message))


def _bounded(loop: asyncio.AbstractEventLoop) -> ResponseHandler:
    return BoundedAnswer(loop)


class _TimedContext(ssl.SSLContext):
    """Notes when a handshake begins."""

    clock: Clock

    def wrap_bio(self, *args: Any, **named: Any) -> ssl.SSLObject:
        connecting.get().tls_s = self.clock.monotonic()
        return super().wrap_bio(*args, **named)


def _tls(clock: Clock, authorities: str | None) -> ssl.SSLContext:
    """Verifies certificates and names; ``authorities`` is a file to trust in place of the system's
    own."""
    context = _TimedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.clock = clock
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if authorities is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(authorities)
    context.set_alpn_protocols(("http/1.1",))
    return context


def _between(begun_s: float | None, ended_s: float | None, now_s: float) -> float | None:
    if begun_s is None:
        return None
    return round(((now_s if ended_s is None else ended_s) - begun_s) * 1000, 3)
