"""The outgoing transport, on aiohttp: a POST goes out and an answer comes, whatever happens."""

import errno
import socket
import ssl
from collections.abc import Sequence
from functools import lru_cache
from math import inf
from urllib.parse import quote, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from offhook import __version__
from offhook.clock import Clock
from offhook.delivery.entries import Answer, FailureKind, Request
from offhook.delivery.guard import Network
from offhook.delivery.outgoing.connecting import Connecting, GuardedConnector, connecting
from offhook.delivery.outgoing.lookups import ThreadedLookups

MAX_BODY_BYTES = 16_384
_DNS_TTL_S = 10
_MAX_DETAIL_LENGTH = 300
_MAX_SHOWN_HEADERS = 100
_URL_CHARACTERS = "%:/?#[]@!$&'()*+,;="
"""What a URL may hold beside letters, digits and ``-._~`` (RFC 3986, 2). All else is encoded, so
that whatever is stored cannot break out of the request line."""
_SHORT = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EAGAIN})
"""File descriptors, memory, threads."""


class AiohttpTransport:
    """Keeps connections alive between requests; the number of them is the caller's to bound.

    Only addresses that the guard lets pass are connected to, as they are after DNS. Redirects are
    not followed, cookies not kept, bodies not decompressed, and at most ``MAX_BODY_BYTES`` of an
    answer are read: a longer one costs its connection. Made inside the running event loop.
    ``authorities`` is a file of certificates to trust in place of the system's.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        allowed: Sequence[Network] = (),
        resolver: AbstractResolver | None = None,
        dns_ttl_s: float = _DNS_TTL_S,
        authorities: str | None = None,
    ) -> None:
        self._clock = clock
        self._lookups = ThreadedLookups(clock=clock)
        self._resolver = self._lookups if resolver is None else resolver
        self._session = aiohttp.ClientSession(
            connector=GuardedConnector(
                clock=clock,
                allowed=allowed,
                resolver=self._resolver,
                dns_ttl_s=dns_ttl_s,
                authorities=authorities,
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
        await self._resolver.close()

    async def _exchange(
        self, request: Request, timeout_s: float, started_s: float
    ) -> tuple[Answer, bool]:
        """The answer, and whether it is the failure of a connection that was stale."""
        seen = Connecting(self._clock.monotonic())
        connecting.set(seen)
        try:
            response = await self._session.post(
                _parsed(request.url),
                data=request.body,
                headers=request.headers,
                allow_redirects=False,
                timeout=_timeout(timeout_s),
            )
            seen.headed_s = self._clock.monotonic()
            try:
                body = await _start_of(response.content)
            finally:
                response.close()
        except (aiohttp.ClientError, OSError, ValueError, TypeError, RuntimeError) as error:
            failed = self._failed(request, error, seen, started_s)
            return failed, seen.opened_s is None and _came_before_any_answer(error)
        kept = request.keep_response or not 200 <= response.status < 300
        now_s = self._clock.monotonic()
        answer = Answer(
            response.status,
            body=body,
            retry_after=response.headers.get("Retry-After"),
            date=response.headers.get("Date"),
            duration_ms=(now_s - started_s) * 1000,
            timings=seen.timings(now_s),
            headers=_shown(response.raw_headers) if kept else (),
        )
        return answer, False

    def _failed(
        self, request: Request, error: Exception, seen: Connecting, started_s: float
    ) -> Answer:
        kind, detail = _failure(error, seen)
        if kind is FailureKind.TIMEOUT and seen.looks_up and self._waits(request):
            kind, detail = FailureKind.SHORTAGE, "Too many look-ups of other names hang."
        now_s = self._clock.monotonic()
        return Answer(
            None,
            kind,
            detail[:_MAX_DETAIL_LENGTH],
            duration_ms=(now_s - started_s) * 1000,
            timings=seen.timings(now_s),
        )

    def _waits(self, request: Request) -> bool:
        url = _parsed(request.url)
        return self._lookups.waits(url.raw_host or "", url.port or 0)


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


def _shown(raw: Sequence[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
    """Headers as text; bytes that are none become U+FFFD."""
    return tuple(
        (name.decode(errors="replace"), value.decode(errors="replace"))
        for name, value in raw[:_MAX_SHOWN_HEADERS]
    )


@lru_cache(maxsize=4096)
def _parsed(url: str) -> URL:
    # Parsing costs 4 us a time, and yarl's own cache is too small for thousands of endpoints.
    # Left to itself, yarl rewrites paths and queries: a signature in one would not hold any more.
    parts = urlsplit(quote(url, safe=_URL_CHARACTERS))
    parsed = URL(parts._replace(netloc=parts.netloc.lower()).geturl(), encoded=True)
    if parsed.user is not None or parsed.password is not None:
        raise ValueError("its URL carries credentials")
    return parsed


@lru_cache(maxsize=256)
def _timeout(total_s: float) -> aiohttp.ClientTimeout:
    # aiohttp rounds timeouts above the threshold up to whole seconds; ours are exact.
    return aiohttp.ClientTimeout(total=total_s, ceil_threshold=inf)


def _failure(error: Exception, seen: Connecting) -> tuple[FailureKind, str]:
    match error:
        case TimeoutError():
            return FailureKind.TIMEOUT, f"No complete answer in time: cut off {seen.phase}."
        case aiohttp.ClientConnectorError():
            return _unconnected(error, seen)
        case aiohttp.ServerDisconnectedError():
            return FailureKind.DISCONNECTED, "The connection was closed before an answer came."
        case aiohttp.ClientPayloadError():
            return FailureKind.DISCONNECTED, "The connection was closed within the answer."
        case aiohttp.ClientResponseError():
            return FailureKind.DISCONNECTED, f"The answer is not valid HTTP: {error.message}"
        case aiohttp.InvalidURL(description=str(why)):
            return FailureKind.INTERNAL, f"The URL cannot be used: {why}."
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return FailureKind.INTERNAL, "The URL cannot be used: it names no host over http."
        case aiohttp.ClientError() | OSError():
            return FailureKind.DISCONNECTED, str(error)
        case ValueError() | TypeError() if seen.headed_s is None:
            return FailureKind.INTERNAL, f"The request could not be built: {error}"
        case _:
            return FailureKind.UNSETTLED, f"Cut off {seen.phase} by a fault of its own: {error!r}"


def _unconnected(error: aiohttp.ClientConnectorError, seen: Connecting) -> tuple[FailureKind, str]:
    if seen.blocked is not None:
        return FailureKind.BLOCKED, seen.blocked
    match error:
        case aiohttp.ClientSSLError():
            return FailureKind.TLS, _tls_failure(error)
        case aiohttp.ClientConnectorError(os_error=why) if _is_shortage(why, seen):
            return FailureKind.SHORTAGE, f"Nothing was left to connect with: {why.strerror}."
        case aiohttp.ClientConnectorDNSError():
            return FailureKind.DNS, f"The name {error.host} does not resolve."
        case _:
            return FailureKind.CONNECT, str(error)


def _is_shortage(error: OSError, seen: Connecting) -> bool:
    if error.errno == errno.EADDRNOTAVAIL:  # of IPv6 it is said for want of an address, too
        return seen.family is socket.AF_INET
    return error.errno in _SHORT


def _tls_failure(error: aiohttp.ClientSSLError) -> str:
    host = f"{error.host}:{error.port}"
    match error:
        case aiohttp.ClientConnectorCertificateError(certificate_error=refused):
            why = getattr(refused, "verify_message", None) or str(refused)
            return f"The certificate of {host} is not accepted: {why}."
        case aiohttp.ClientConnectorSSLError(os_error=ssl.SSLError(reason=str(reason))):
            why = reason.replace("_", " ").lower()
            return f"No TLS connection with {host}: {why}. Does this port speak TLS?"
        case _:
            return f"No TLS connection with {host}."


def _came_before_any_answer(error: Exception) -> bool:
    match error:
        case aiohttp.ServerDisconnectedError():
            return isinstance(error.message, str)  # else it holds the part of an answer that came
        case aiohttp.ClientConnectorError():
            return False
        case _:
            return isinstance(error, aiohttp.ClientOSError | aiohttp.ClientConnectionResetError)
