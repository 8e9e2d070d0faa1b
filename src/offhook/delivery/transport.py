"""The outgoing transport, on aiohttp: a POST goes out and an answer comes, whatever happens."""

import ipaddress
import socket
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from math import inf

import aiohttp
from yarl import URL

from offhook import __version__
from offhook.clock import Clock
from offhook.delivery.entries import Answer, FailureKind, Request
from offhook.delivery.guard import Network, forbidden

MAX_BODY_BYTES = 16_384
_DNS_TTL_S = 10
_MAX_DETAIL_LENGTH = 300


@dataclass(slots=True)
class _Connecting:
    """What the socket factory saw during one exchange."""

    opened: bool = False
    blocked: str | None = None


_connecting: ContextVar[_Connecting] = ContextVar("connecting")


class AiohttpTransport:
    """Keeps connections alive between requests; the number of them is the caller's to bound.

    Only addresses that the guard lets pass are connected to, as they are after DNS. Redirects are
    not followed, cookies not kept, bodies not decompressed, and at most ``MAX_BODY_BYTES`` of an
    answer are read: a longer one costs its connection. Made inside the running event loop.
    """

    def __init__(self, *, clock: Clock, allowed: Sequence[Network] = ()) -> None:
        self._clock = clock
        self._allowed = tuple(allowed)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, ttl_dns_cache=_DNS_TTL_S, socket_factory=self._open_socket
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={
                "user-agent": f"Offhook/{__version__}",
                "content-type": "application/json",
            },
            skip_auto_headers=("Accept", "Accept-Encoding"),
            auto_decompress=False,
            read_bufsize=MAX_BODY_BYTES,
        )

    async def send(self, request: Request) -> Answer:
        """Send and read the answer, within the request's timeout in all.

        A kept connection that the other side had closed meanwhile is replaced at once, and the
        request sent again; that is not an attempt of its own.
        """
        started_s = self._clock.monotonic()
        answer, stale = await self._exchange(request, request.timeout_s, started_s)
        left_s = request.timeout_s - answer.duration_ms / 1000
        if stale and left_s > 0:
            answer, _ = await self._exchange(request, left_s, started_s)
        return answer

    async def close(self) -> None:
        """Close all connections; requests under way fail."""
        await self._session.close()

    async def _exchange(
        self, request: Request, timeout_s: float, started_s: float
    ) -> tuple[Answer, bool]:
        """The answer, and whether it is the failure of a connection that was stale."""
        seen = _Connecting()
        _connecting.set(seen)
        try:
            response = await self._session.post(
                _parsed(request.url),
                data=request.body,
                headers=request.headers,
                allow_redirects=False,
                timeout=_timeout(timeout_s),
            )
            try:
                body = await _start_of(response.content)
            finally:
                response.close()
        except (aiohttp.ClientError, OSError, ValueError, TypeError, RuntimeError) as error:
            kind, detail = _failure(error, seen.blocked)
            elapsed_ms = self._elapsed_ms(started_s)
            answer = Answer(None, kind, detail[:_MAX_DETAIL_LENGTH], duration_ms=elapsed_ms)
            return answer, not seen.opened and _came_before_any_answer(error)
        retry_after = response.headers.get("Retry-After")
        elapsed_ms = self._elapsed_ms(started_s)
        return Answer(response.status, None, None, body, retry_after, elapsed_ms), False

    def _open_socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _, sockaddr = info
        seen = _connecting.get()
        reason = forbidden(ipaddress.ip_address(sockaddr[0]), self._allowed)
        if reason is not None:
            seen.blocked = f"{sockaddr[0]} is {reason}, and not an allowed target."
            raise PermissionError(seen.blocked)
        seen.opened = True
        return socket.socket(family, kind, protocol)

    def _elapsed_ms(self, started_s: float) -> float:
        return (self._clock.monotonic() - started_s) * 1000


async def _start_of(content: aiohttp.StreamReader) -> bytes:
    """The first ``MAX_BODY_BYTES`` of a body, or all of it."""
    body = await content.read(MAX_BODY_BYTES)
    if content.at_eof() or len(body) == MAX_BODY_BYTES:
        return body
    pieces = [body]
    missing = MAX_BODY_BYTES - len(body)
    while missing and not content.at_eof():
        pieces.append(await content.read(missing))
        missing -= len(pieces[-1])
    return b"".join(pieces)


@lru_cache(maxsize=4096)
def _parsed(url: str) -> URL:
    # Parsing costs 4 us a time, and yarl's own cache is too small for thousands of endpoints.
    return URL(url)


@lru_cache(maxsize=256)
def _timeout(total_s: float) -> aiohttp.ClientTimeout:
    # aiohttp rounds timeouts above the threshold up to whole seconds; ours are exact.
    return aiohttp.ClientTimeout(total=total_s, ceil_threshold=inf)


def _failure(error: Exception, blocked: str | None) -> tuple[FailureKind, str]:
    match error:
        case TimeoutError():
            return FailureKind.TIMEOUT, "No complete answer came within the timeout."
        case aiohttp.ClientConnectorError() if blocked is not None:
            return FailureKind.BLOCKED, blocked
        case aiohttp.ClientConnectorError():
            return FailureKind.CONNECT, str(error)
        case aiohttp.ServerDisconnectedError():
            return FailureKind.DISCONNECTED, "The connection was closed before an answer came."
        case aiohttp.ClientPayloadError():
            return FailureKind.DISCONNECTED, "The connection was closed within the answer."
        case aiohttp.ClientResponseError():
            return FailureKind.DISCONNECTED, f"The answer is not valid HTTP: {error.message}"
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return FailureKind.INTERNAL, f"The URL cannot be used: {error}"
        case aiohttp.ClientError() | OSError():
            return FailureKind.DISCONNECTED, str(error)
        case _:
            return FailureKind.INTERNAL, f"The request could not be built: {error}"


def _came_before_any_answer(error: Exception) -> bool:
    match error:
        case aiohttp.ServerDisconnectedError():
            return isinstance(error.message, str)  # else it holds the part of an answer that came
        case aiohttp.ClientConnectorError():
            return False
        case _:
            return isinstance(error, aiohttp.ClientOSError | aiohttp.ClientConnectionResetError)
