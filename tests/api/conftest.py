"""The whole API in process, over a real store in memory, with two accounts."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from offhook.api.app import ApiSettings, build_api
from offhook.api.auth import Gate, Scope
from offhook.api.stream.follower import Follower
from offhook.api.stream.serving import Streams
from offhook.delivery.lists.listing import Listing
from offhook.delivery.lists.routes import delivery_router
from offhook.delivery.replays.routes import replay_router
from offhook.delivery.stats.routes import stats_router
from offhook.delivery.webhooks.rollout import Rollout
from offhook.delivery.webhooks.routes import webhook_router
from offhook.delivery.webhooks.secret_routes import jwks_router, secret_router
from offhook.delivery.webhooks.targets import Targets
from offhook.delivery.webhooks.trial_routes import trial_router
from offhook.log.appender import Appender
from offhook.log.fold import fold
from offhook.model.ids import AccountId
from offhook.resources.keys import create_key
from offhook.store.contract import Store
from offhook.store.postgres import open_postgres
from offhook.store.sqlite import open_sqlite
from offhook.testing.clock import FakeClock
from offhook.testing.network import ScriptedNetwork
from offhook.testing.servers.postgres import fresh_schema
from offhook.testing.servers.postgres_binaries import find_postgres

ALICE = "ofh_live_" + "a" * 43
ALICE_TEST = "ofh_test_" + "a" * 43
BOB = "ofh_live_" + "b" * 43
READER = "ofh_live_" + "r" * 43
POSTER = "ofh_live_" + "p" * 43
SCRAPER = "ofh_live_" + "s" * 43
STRANGER = "ofh_live_" + "x" * 43

KEYS = {
    ALICE: ("acc_alice", Scope.ADMIN),
    ALICE_TEST: ("acc_alice", Scope.ADMIN),
    BOB: ("acc_bob", Scope.ADMIN),
    READER: ("acc_alice", Scope.READ),
    POSTER: ("acc_alice", Scope.EVENTS_WRITE),
    SCRAPER: ("acc_alice", Scope.METRICS),
}
NAMES = {
    "example.com": ["93.184.215.14"],
    "inside.example": ["93.184.215.14", "10.1.2.3"],
}


async def resolve(host: str) -> list[str]:
    if host not in NAMES:
        raise OSError(f"no such name: {host}")
    return NAMES[host]


@dataclass
class Served:
    """The API and what stands behind it."""

    client: httpx.AsyncClient
    store: Store
    clock: FakeClock
    network: ScriptedNetwork
    ready: list[str] = field(default_factory=list)

    async def send(
        self,
        method: str,
        path: str,
        *,
        key: str | None = ALICE,
        json: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        auth = {} if key is None else {"Authorization": f"Bearer {key}"}
        return await self.client.request(
            method, path, json=json, content=content, headers={**auth, **(headers or {})}
        )

    async def get(self, path: str, *, key: str | None = ALICE) -> httpx.Response:
        return await self.send("GET", path, key=key)

    async def post(self, path: str, json: Any, *, key: str | None = ALICE) -> httpx.Response:
        return await self.send("POST", path, json=json, key=key)

    async def webhook(self, *, key: str = ALICE, **fields: Any) -> dict[str, Any]:
        document = {"url": "https://example.com/hook", "events": ["*"], **fields}
        answer = await self.post("/v1/webhooks", document, key=key)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def event(self, *, key: str = ALICE, **fields: Any) -> dict[str, Any]:
        answer = await self.post("/v1/events", {**call_event(), **fields}, key=key)
        assert answer.status_code in (200, 202), answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def everything(self) -> dict[str, list[Any]]:
        """All that two accounts can list: what must not change where nothing was taken."""
        kinds = ("events?limit=200", "calls?limit=200", "webhooks", "deliveries", "replays")
        return {
            f"{key} {kind}": (await self.get(f"/v1/{kind}", key=key)).json()["data"]
            for key in (ALICE, BOB)
            for kind in kinds
        }


_numbers = count(1)


def call_event(type_: str = "call.started", **data: Any) -> dict[str, Any]:
    """An event of a call of its own, or of the call that ``external_id`` names."""
    given = {"source": "pbx", "external_id": f"c{next(_numbers)}", "direction": "inbound"}
    return {"type": type_, "data": {**given, **data}}


def assemble(
    store: Store,
    clock: FakeClock,
    appender: Appender,
    ready: list[str],
    network: ScriptedNetwork,
) -> ASGIApp:
    gate = Gate(store.keys, clock)
    entropy = count(1)
    follower = Follower(log=store.log, clock=clock, wake=lambda: None)
    return build_api(
        appender=appender,
        feed=store.feed,
        calls=store.calls,
        gate=gate,
        routers=[
            *(
                webhook_router(
                    gate=gate,
                    webhooks=store.webhooks,
                    targets=Targets(resolve),
                    clock=clock,
                    entropy=lambda size: next(entropy).to_bytes(size, "big"),
                    prefix=prefix,
                    documented=prefix == "/v1",
                )
                for prefix in ("/v1", "/api/v1")
            ),
            *(
                secret_router(
                    gate=gate,
                    webhooks=store.webhooks,
                    rollout=Rollout(store.rollout, clock),
                    entropy=lambda size: next(entropy).to_bytes(size, "big"),
                    prefix=prefix,
                    documented=prefix == "/v1",
                )
                for prefix in ("/v1", "/api/v1")
            ),
            *(
                trial_router(
                    gate=gate,
                    webhooks=store.webhooks,
                    transport=network,
                    clock=clock,
                    entropy=lambda size: next(entropy).to_bytes(size, "big"),
                    prefix=prefix,
                    documented=prefix == "/v1",
                )
                for prefix in ("/v1", "/api/v1")
            ),
            *(
                stats_router(
                    gate=gate,
                    webhooks=store.webhooks,
                    stats=store.stats,
                    source=store.lists,
                    clock=clock,
                    prefix=prefix,
                    documented=prefix == "/v1",
                )
                for prefix in ("/v1", "/api/v1")
            ),
            *(
                replay_router(
                    gate=gate,
                    replays=store.replays,
                    webhooks=store.webhooks,
                    clock=clock,
                    entropy=lambda size: next(entropy).to_bytes(size, "big"),
                    prefix=prefix,
                    documented=prefix == "/v1",
                )
                for prefix in ("/v1", "/api/v1")
            ),
            jwks_router(store.webhooks, clock),
            delivery_router(
                gate=gate,
                deliveries=store.deliveries,
                listing=Listing(
                    source=store.lists,
                    webhooks=store.webhooks,
                    feed=store.feed,
                    clock=clock,
                    attempts_kept_ms=30 * 86_400_000,
                ),
                webhooks=store.webhooks,
                feed=store.feed,
            ),
        ],
        streams=Streams(feed=store.feed, follower=follower, clock=clock, most=0),
        token_key=store.token_key,
        readiness=lambda: _first(ready),
        registry=CollectorRegistry(),
        clock=clock,
        settings=ApiSettings(),
    )


async def _first(ready: list[str]) -> str | None:
    return ready[0] if ready else None


@asynccontextmanager
async def serving(store: Store, clock: FakeClock) -> AsyncIterator[Served]:
    for secret, (account, scope) in KEYS.items():
        await store.keys.put_account(AccountId(account), account)
        await create_key(store.keys, secret, account=AccountId(account), scopes=(scope,))
    appender = Appender(store=store.log, fold=fold)
    appender.start()
    ready: list[str] = []
    network = ScriptedNetwork()
    transport = httpx.ASGITransport(assemble(store, clock, appender, ready, network))
    async with httpx.AsyncClient(transport=transport, base_url="http://offhook") as client:
        yield Served(client, store, clock, network, ready)
    await appender.stop()
    await store.close()


@pytest.fixture
async def api() -> AsyncIterator[Served]:
    clock = FakeClock()
    async with serving(open_sqlite(None, clock=clock), clock) as served:
        yield served


@pytest.fixture(params=["sqlite", "postgres"])
async def either_api(
    request: pytest.FixtureRequest, servers: Callable[[str], int]
) -> AsyncIterator[Served]:
    """Over either kind of store, for what the database has a say in."""
    clock = FakeClock()
    with ExitStack() as held:
        store: Store = open_sqlite(None, clock=clock)
        if request.param == "postgres":
            await store.close()
            newest = find_postgres(18)
            url = held.enter_context(fresh_schema(newest, servers(newest.name)))
            store = await open_postgres(url, clock=clock)
        async with serving(store, clock) as served:
            yield served
