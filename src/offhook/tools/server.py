"""A running server, as a user of its public API has it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import urlsplit

import aiohttp
import msgspec

from offhook.integrations.posting import Problem, Sleep, Unreachable, what_failed
from offhook.model.errors import FieldError, Invalid, OffhookError
from offhook.resources.keys import TEST_PREFIX
from offhook.tools.api_key import check_key

_T = TypeVar("_T")

_TOO_MANY: Final = 429
_WITHIN_S: Final = 30.0


class ServerRefused(OffhookError):
    """The server understood what was asked, and refused it."""

    code = "refused"

    def __init__(self, status: int, detail: str, *errors: FieldError) -> None:
        super().__init__(detail, *errors)
        self.status = status


@dataclass(frozen=True, slots=True)
class Server:
    """The API at ``url``, under one key."""

    session: aiohttp.ClientSession
    url: str
    key: str
    sleep: Sleep = asyncio.sleep

    async def ask(self, method: str, path: str, document: object = None) -> bytes:
        """The body of the answer; past the key's rate it is waited for as the server says.

        Raises ``Unreachable`` where there is none within 30 s, and ``ServerRefused`` where it is
        not 2xx.
        """
        try:
            async with asyncio.timeout(_WITHIN_S):
                return await self._ask(method, path, document)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise unreachable(self.url, error) from None

    async def ask_for(self, kind: type[_T], method: str, path: str, document: object = None) -> _T:
        """The answer as what it is to be; ``ServerRefused`` where it is something else."""
        answer = await self.ask(method, path, document)
        try:
            return msgspec.json.decode(answer, type=kind)
        except msgspec.DecodeError:
            raise no_server(self.url) from None

    def headers(self) -> dict[str, str]:
        """What each request to the API carries."""
        return {"authorization": f"Bearer {self.key}"}

    def at(self, path: str) -> str:
        """The URL of a path of the API."""
        return self.url.rstrip("/") + path

    async def _ask(self, method: str, path: str, document: object) -> bytes:
        body = None if document is None else msgspec.json.encode(document)
        headers = {**self.headers(), "content-type": "application/json"}
        while True:
            async with self.session.request(
                method, self.at(path), data=body, headers=headers, allow_redirects=False
            ) as answer:
                said = await answer.read()
            if answer.status != _TOO_MANY:
                break
            await self.sleep(retry_after_s(answer.headers, otherwise=1.0))
        if not 200 <= answer.status < 300:
            raise refusal(self.url, answer.status, said)
        return said


def check_server(url: str, key: str | None) -> str:
    """The key, once it is clear that there is one and that ``url`` may be a server's."""
    check_http_url(url, "--url")
    return check_key(key)


def check_test_key(key: str, otherwise: str) -> None:
    """Refuse a key whose events would be live; ``otherwise`` says what can be done with it."""
    if not key.startswith(TEST_PREFIX):
        raise Invalid(
            f"The key does not begin {TEST_PREFIX}: an event is a test event if a test key posts "
            f"it, and this one's would be live. Give a test key; {otherwise}."
        )


def check_http_url(url: str, option: str) -> None:
    """Refuse what is no URL of HTTP. Where it leads is its user's own business."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise Invalid(
            f"{option} {url!r} is no URL of HTTP; write one such as http://127.0.0.1:8080."
        )


def unreachable(url: str, error: Exception) -> Unreachable:
    """That the server gave no answer, and why."""
    return Unreachable(
        f"{url} cannot be reached: {what_failed(error)}. Is the server running, and the URL right?"
    )


def refusal(url: str, status: int, body: bytes) -> ServerRefused:
    """What the server said when it refused."""
    try:
        problem = msgspec.json.decode(body, type=Problem)
    except msgspec.DecodeError:
        problem = Problem()
    said = problem.detail or problem.title or "it gave no reason; is the URL that of a server?"
    faults = [FieldError(fault.path, fault.message) for fault in problem.errors]
    return ServerRefused(status, f"{url} answered {status}: {said}", *faults)


def no_server(url: str) -> ServerRefused:
    """That something else answers there."""
    return ServerRefused(200, f"{url} did not answer like an Offhook server; is the URL right?")


def retry_after_s(headers: Mapping[str, str], *, otherwise: float) -> float:
    """How long the server asks to wait, a minute at most."""
    stated = headers.get("retry-after", "")
    return min(float(stated), 60.0) if stated.isascii() and stated.isdecimal() else otherwise
