"""The demo as a user of the public API, and of its own receiver's control paths."""

import asyncio
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Final, NamedTuple, Self

import aiohttp
import msgspec
from prometheus_client.parser import text_string_to_metric_families

from offhook.demo.endpoint import EXPECT
from offhook.demo.errors import DemoFailed
from offhook.demo.tally import Report

_READY_AFTER_S: Final = 60.0
_POLL_S: Final = 0.05
_TRY_LATER: Final = frozenset({429, 503})
_PARTITIONS: Final = "offhook_delivery_partitions"
_TIMEOUT: Final = aiohttp.ClientTimeout(total=60)


class FeedEvent(msgspec.Struct, frozen=True):
    """As much of an event in the feed as the demo looks at."""

    id: str
    type: str


class FeedPage(msgspec.Struct, frozen=True):
    """A page of the feed; ``next_cursor`` goes on from its end."""

    data: list[FeedEvent]
    next_cursor: str


class _Problem(msgspec.Struct, frozen=True):
    title: str = ""
    detail: str = ""


class _BatchItem(msgspec.Struct, frozen=True):
    status: int
    error: _Problem | None = None


class _Batch(msgspec.Struct, frozen=True):
    items: list[_BatchItem]


class _Made(msgspec.Struct, frozen=True):
    id: str


class _Answer(NamedTuple):
    status: int
    retry_after_s: float
    body: bytes


def _reason(body: bytes) -> str:
    try:
        problem = msgspec.json.decode(body, type=_Problem)
    except msgspec.DecodeError:
        return body[:200].decode(errors="replace")
    return problem.detail or problem.title


class _Connected:
    """An HTTP session on one base URL."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self.url = url
        self._headers = headers

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers=self._headers, timeout=_TIMEOUT)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def ready(self, path: str) -> None:
        """Return once ``path`` answers 200."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _READY_AFTER_S
        while not await self._answers(path):
            if loop.time() > deadline:
                raise DemoFailed(f"{self.url}{path} was not ready within {_READY_AFTER_S:g} s")
            await asyncio.sleep(_POLL_S)

    async def _answers(self, path: str) -> bool:
        try:
            async with self._session.get(self.url + path) as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def _exchange(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """The answer's body; waits and asks again where the server says try later."""
        while True:
            answer = await self._ask(method, path, body)
            if answer.status in _TRY_LATER:
                await asyncio.sleep(answer.retry_after_s)
            elif answer.status >= 300:
                raise DemoFailed(
                    f"{method} {path} was answered {answer.status}: {_reason(answer.body)}"
                )
            else:
                return answer.body

    async def _ask(self, method: str, path: str, body: bytes | None) -> _Answer:
        try:
            async with self._session.request(method, self.url + path, data=body) as answer:
                retry_after_s = float(answer.headers.get("retry-after", "0.2"))
                return _Answer(answer.status, retry_after_s, await answer.read())
        except (aiohttp.ClientError, TimeoutError) as error:
            raise DemoFailed(f"{method} {self.url}{path} got no answer: {error!r}") from error


class Api(_Connected):
    """The server's public API under one key."""

    def __init__(self, url: str, key: str) -> None:
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        super().__init__(url, headers)
        self.key = key

    async def create_webhook(self, document: dict[str, object]) -> str:
        """Make a webhook; returns its id."""
        answer = await self._exchange("POST", "/v1/webhooks", msgspec.json.encode(document))
        return msgspec.json.decode(answer, type=_Made).id

    async def post_event(self, item: bytes) -> None:
        """Post one event; returns once it is durable."""
        await self._exchange("POST", "/v1/events", item)

    async def post_batch(self, items: Sequence[bytes]) -> None:
        """Post up to 1,000 events; returns once they are durable, all of them."""
        body = b'{"items":[' + b",".join(items) + b"]}"
        answer = await self._exchange("POST", "/v1/events/batch", body)
        for item in msgspec.json.decode(answer, type=_Batch).items:
            if item.status >= 300:
                refused = item.error or _Problem()
                raise DemoFailed(f"an event was refused: {refused.detail or refused.title}")

    async def feed(self, cursor: str | None, limit: int = 200) -> FeedPage:
        """The events after the cursor, oldest first."""
        after = f"&cursor={cursor}" if cursor else ""
        answer = await self._exchange("GET", f"/v1/events?limit={limit}{after}")
        return msgspec.json.decode(answer, type=FeedPage)


class Operations(_Connected):
    """What a server's process tells whoever runs it."""

    def __init__(self, url: str) -> None:
        super().__init__(url, {})

    async def partitions(self) -> int:
        """How many partitions of the log it delivers from."""
        told = await self._exchange("GET", "/metrics")
        for family in text_string_to_metric_families(told.decode()):
            if family.name == _PARTITIONS:
                return int(family.samples[0].value)
        raise DemoFailed(f"{self.url}/metrics does not tell {_PARTITIONS}")


class Control(_Connected):
    """The receiver's control paths."""

    def __init__(self, url: str) -> None:
        super().__init__(url, {})

    async def expect(self, ids: Iterable[str] = ()) -> Report:
        """Tell which events have to arrive; returns the tally as of now."""
        answer = await self._exchange("POST", EXPECT, "\n".join(ids).encode())
        return msgspec.json.decode(answer, type=Report)
