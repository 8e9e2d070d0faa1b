"""The API on a real socket over a real store, and clients that read its stream."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp
import msgspec
import uvicorn
from prometheus_client import CollectorRegistry

from offhook.api.app import build_api
from offhook.api.auth import Gate, Scope
from offhook.api.stream.follower import Follower
from offhook.api.stream.serving import Streams
from offhook.log.appender import Appender
from offhook.log.fold import fold
from offhook.log.running import Runner
from offhook.model.ids import AccountId
from offhook.resources.keys import create_key
from offhook.store.contract import Store
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import appended, plain

ALICE = "ofh_live_" + "a" * 43
BOB = "ofh_live_" + "b" * 43
POSTER = "ofh_live_" + "p" * 43
ACCOUNT, OTHERS = AccountId("acc_alice"), AccountId("acc_bob")
KEYS = {
    ALICE: (ACCOUNT, Scope.READ),
    BOB: (OTHERS, Scope.ADMIN),
    POSTER: (ACCOUNT, Scope.EVENTS_WRITE),
}
PATIENCE_S = 90.0


@dataclass(frozen=True)
class Block:
    """What stands between two empty lines of a stream."""

    id: str | None = None
    event: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    comment: str | None = None
    retry: int | None = None


class Listening:
    """A client of the stream. Like a browser it remembers every id, with an event or without."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer
        self.last_id = ""

    async def block(self) -> Block:
        """What comes next; ``EOFError`` if the stream has ended."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(PATIENCE_S):
            while line := (await self.answer.content.readline()).decode().rstrip("\n"):
                name, _, value = line.partition(": ")
                fields[name or "comment"] = value
        if not fields:
            raise EOFError
        self.last_id = fields.get("id", self.last_id)
        return msgspec.convert(
            {**fields, "data": msgspec.json.decode(fields.get("data", "{}"))}, Block, strict=False
        )

    async def take(self, count: int) -> list[Block]:
        """The next so many events."""
        events: list[Block] = []
        while len(events) < count:
            block = await self.block()
            if block.event is not None:
                events.append(block)
        return events

    async def ids(self, count: int) -> list[str]:
        """The ids of the next so many events."""
        return [block.data["id"] for block in await self.take(count)]

    async def ended(self) -> bool:
        """Whether the stream ends in order, with nothing before."""
        try:
            return await self.block() is None
        except EOFError:
            return True


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the tests."""
        yield


class Stage:
    """Everything of a process that the stream needs. Time is the clock's, and stands still."""

    def __init__(
        self,
        store: Store,
        clock: FakeClock,
        *,
        most: int = 1_000,
        stalled_s: float = 60.0,
        ring_events: int = 8_192,
    ) -> None:
        self.store = store
        self.clock = clock
        self.wake = asyncio.Event()
        self.follower = Follower(
            log=store.log, clock=clock, wake=self.wake.set, ring_events=ring_events
        )
        self.streams = Streams(
            feed=store.feed, follower=self.follower, clock=clock, most=most, stalled_s=stalled_s
        )
        self.registry = CollectorRegistry()
        self._appender = Appender(store=store.log, fold=fold)
        self._held = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for secret, (account, scope) in KEYS.items():
            await self.store.keys.put_account(account, account)
            await create_key(self.store.keys, secret, account=account, scopes=(scope,))
        self.store.subscribe(self.follower.committed)
        self._appender.start()
        self._held.push_async_callback(self._appender.stop)
        runner = Runner(self.follower, self.wake)
        runner.start()
        self._held.push_async_callback(runner.stop)
        self.url = await self._held.enter_async_context(self._listening())
        self.session = await self._held.enter_async_context(
            aiohttp.ClientSession(
                self.url,
                timeout=aiohttp.ClientTimeout(total=None),
                connector=aiohttp.TCPConnector(limit=0),
            )
        )
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._held.aclose()

    async def post(
        self, *keys: str, type_: str = "custom.x", account: AccountId = ACCOUNT, size: int = 0
    ) -> list[str]:
        """Append one event for each key as one batch; their ids."""
        data = msgspec.json.encode({"padding": "x" * size})
        facts = [plain(key, type_=type_, account=account, data=data) for key in keys]
        return [event.id for event in await appended(self.store, *facts)]

    async def ask(
        self, method: str, path: str, *, key: str | None = ALICE, json: object = None
    ) -> tuple[int, Any]:
        """Status and JSON of an ordinary answer."""
        async with self.session.request(method, path, json=json, headers=_bearing(key)) as answer:
            return answer.status, await answer.json(content_type=None)

    @asynccontextmanager
    async def listening(
        self, query: str = "", *, key: str | None = ALICE, last_id: str | None = None
    ) -> AsyncIterator[Listening]:
        """A client whose stream was opened, and says so."""
        headers = _bearing(key)
        if last_id is not None:
            headers["last-event-id"] = last_id
        async with self.session.get(f"/v1/stream?{query}", headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            client = Listening(answer)
            opening = await client.block()
            assert opening.retry == 2_000
            yield client

    async def until(self, reached: Any) -> None:
        """Wait until it is so."""
        async with asyncio.timeout(PATIENCE_S):
            while not reached():
                await asyncio.sleep(0)

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[str]:
        api = build_api(
            appender=self._appender,
            feed=self.store.feed,
            calls=self.store.calls,
            gate=Gate(self.store.keys, self.clock),
            routers=[],
            streams=self.streams,
            token_key=self.store.token_key,
            readiness=_ready,
            registry=self.registry,
            clock=self.clock,
        )
        server = _Server(
            uvicorn.Config(api, lifespan="off", log_config=None, timeout_graceful_shutdown=2)
        )
        listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
        port = listener.getsockname()[1]
        serving = asyncio.create_task(server.serve([listener]))
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            self.streams.end()
            server.should_exit = True
            await serving


def _bearing(key: str | None) -> dict[str, str]:
    return {} if key is None else {"authorization": f"Bearer {key}"}


async def _ready() -> str | None:
    return None
