"""Batches of events to a running server, with the patience that its answers ask for."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import aiohttp
import msgspec

from offhook.model.errors import FieldError, OffhookError

MAX_TRIES = 10
_LONGEST_WAIT_S = 60.0
_AGAIN = frozenset({500, 502, 503, 504})
_TOO_LARGE = 413
_TOO_MANY = 429

Sleep = Callable[[float], Awaitable[None]]


class Unreachable(OffhookError):
    """The server gave no usable answer, for as long as it was tried."""

    code = "unreachable"


class RefusedByServer(OffhookError):
    """The server refused a whole request: its key, its path or its form."""

    code = "refused"


class Fault(msgspec.Struct, frozen=True):
    """One thing wrong with an item, as the server names it."""

    path: str = ""
    message: str = ""


class Problem(msgspec.Struct, frozen=True):
    """A refusal, as much of it as is shown."""

    title: str = ""
    detail: str = ""
    errors: tuple[Fault, ...] = ()


class ItemAnswer(msgspec.Struct, frozen=True):
    """How one item fared: 202 taken, 200 nothing new, else refused."""

    status: int
    changed: bool = True
    error: Problem | None = None


PostBatch = Callable[[Sequence[bytes]], Awaitable[Sequence[ItemAnswer]]]
"""Posts encoded items; the answers are in their order."""


class _Answers(msgspec.Struct, frozen=True):
    items: list[ItemAnswer]


class _Reply(NamedTuple):
    status: int
    retry_after: str
    body: bytes


@dataclass(frozen=True, slots=True)
class BatchClient:
    """``POST /v1/events/batch`` under one key.

    An answer that says try later is tried later (``Retry-After``, else 1, 2, 4, ... s, at most a
    minute), and so is a connection that fails; after ten failures it is given up. A rate limit is
    no failure: it is waited for as often as the server asks. Posting again is safe: the same record
    is the same call.
    """

    session: aiohttp.ClientSession
    url: str
    key: str
    sleep: Sleep = asyncio.sleep

    async def reach(self) -> None:
        """Make sure that something answers at the URL; raises ``Unreachable`` at once if not."""
        try:
            async with self.session.get(f"{self.url.rstrip('/')}/healthz"):
                pass
        except aiohttp.InvalidURL:
            raise Unreachable(
                f"{self.url!r} is no URL of a server; write one such as http://127.0.0.1:8080."
            ) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unreachable(
                f"{self.url} cannot be reached: {what_failed(error)}. Is the server running, and"
                " the URL right?"
            ) from None

    async def post(self, items: Sequence[bytes]) -> Sequence[ItemAnswer]:
        """Post the items, in halves where they are too large together.

        Raises ``Unreachable`` or ``RefusedByServer``.
        """
        reply = await self._patiently(b'{"items":[' + b",".join(items) + b"]}")
        if reply.status == _TOO_LARGE and len(items) > 1:
            half = len(items) // 2
            return [*await self.post(items[:half]), *await self.post(items[half:])]
        if reply.status != 200:
            raise _refusal(reply, self.url)
        return _read_answers(reply.body, len(items), self.url)

    async def _patiently(self, body: bytes) -> _Reply:
        problem, wait_s = "", 0.0
        for tries in range(MAX_TRIES):
            if tries:
                await self.sleep(wait_s)
            wait_s = min(2.0**tries, _LONGEST_WAIT_S)
            try:
                reply = await self._within_the_rate(body)
            except (aiohttp.ClientError, TimeoutError) as error:
                problem = what_failed(error)
                continue
            if reply.status not in _AGAIN:
                return reply
            problem = f"it answered {reply.status}"
            wait_s = _wait_s(reply.retry_after, otherwise=wait_s)
        raise Unreachable(
            f"{self.url} took no batch in {MAX_TRIES} tries: {problem}. Start again when it runs;"
            " what was taken before is not taken twice."
        )

    async def _within_the_rate(self, body: bytes) -> _Reply:
        """The first answer that is not about the rate."""
        while (reply := await self._once(body)).status == _TOO_MANY:
            await self.sleep(_wait_s(reply.retry_after, otherwise=1.0))
        return reply

    async def _once(self, body: bytes) -> _Reply:
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        path = f"{self.url.rstrip('/')}/v1/events/batch"
        async with self.session.post(
            path, data=body, headers=headers, allow_redirects=False
        ) as answer:
            retry_after = answer.headers.get("retry-after", "")
            return _Reply(answer.status, retry_after, await answer.read())


def what_failed(error: Exception) -> str:
    """Why there was no answer, in the system's own words where it has any."""
    if isinstance(error, aiohttp.ClientConnectorError) and error.os_error.strerror:
        return error.os_error.strerror
    return str(error) or type(error).__name__


def _wait_s(retry_after: str, *, otherwise: float) -> float:
    if retry_after.isascii() and retry_after.isdecimal() and len(retry_after) < 7:
        return min(float(retry_after), _LONGEST_WAIT_S)
    return otherwise


def _read_answers(body: bytes, wanted: int, url: str) -> Sequence[ItemAnswer]:
    try:
        items = msgspec.json.decode(body, type=_Answers).items
    except msgspec.DecodeError:
        items = []
    if len(items) != wanted:
        raise RefusedByServer(f"{url} did not answer like an Offhook server; is the URL right?")
    return items


def _refusal(reply: _Reply, url: str) -> RefusedByServer:
    try:
        problem = msgspec.json.decode(reply.body, type=Problem)
    except msgspec.DecodeError:
        problem = Problem()
    said = problem.detail or problem.title or "no reason given"
    faults = [FieldError(fault.path, fault.message) for fault in problem.errors]
    return RefusedByServer(f"{url} refused the import with {reply.status}: {said}", *faults)
