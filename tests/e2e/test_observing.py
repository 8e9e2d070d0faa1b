"""A whole process over real sockets: what an endpoint did shows in its attempts, its stats, the
metrics and the log, and a test of it goes out by the same guard."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web

from offhook.app import running
from offhook.clock import SystemClock
from offhook.settings import Settings

KEY = "k" * 40
PATIENCE_S = 90


@asynccontextmanager
async def receiver() -> AsyncIterator[str]:
    """Refuses the first request and takes the rest."""
    seen = 0

    async def take(request: web.Request) -> web.Response:
        nonlocal seen
        seen += 1
        status = 503 if seen == 1 else 200
        return web.Response(status=status, text=request.headers["authorization"])

    app = web.Application()
    app.router.add_post("/hook", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook?token=in-the-query"
    finally:
        await runner.cleanup()


async def until(ask: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await ask():
            await asyncio.sleep(0.02)


@pytest.fixture(params=["folder", "database"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    place: dict[str, Any] = {"data": tmp_path / "data"}
    if request.param == "database":
        place = {"database": request.getfixturevalue("postgres18_url")}
    return Settings(
        **place,
        bootstrap_key=KEY,
        allow_targets="127.0.0.0/8",
        allow_http=True,
        log_format="json",
    )


async def test_what_an_endpoint_did_shows_everywhere(
    settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    async with receiver() as url, running(settings, SystemClock()) as offhook:
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(offhook.api),
            base_url="http://offhook",
            headers={"authorization": f"Bearer {KEY}"},
        )
        async with client:
            hook = {
                "url": url,
                "events": ["*"],
                "headers": {"Authorization": "Bearer s3cr3t-token"},
                "retry": {"delays_s": [0.05]},
            }
            webhook = (await client.post("/v1/webhooks", json=hook)).json()["id"]
            event = (await client.post("/v1/events", json={"type": "custom.x", "data": {}})).json()[
                "id"
            ]
            attempts = await _attempts(client, event)
            stats = await _stats(client, webhook)
            metrics = (await client.get("/metrics")).text
            tried = (await client.post(f"/v1/webhooks/{webhook}/test", json={})).json()
    accepted, refused = attempts
    assert (accepted["status"], refused["status"]) == (200, 503)
    assert refused["response"] == "***"
    assert refused["timings"]["connect_ms"] > 0
    assert accepted["timings"]["connect_ms"] is None
    assert (stats["attempts"], stats["success_rate"]) == (2, 0.5)
    assert 'offhook_delivery_attempts_total{outcome="refused",status="5xx"} 1.0' in metrics
    assert (tried["status"], tried["response"]) == (200, "***")
    lines = [
        json.loads(line) for line in capfd.readouterr().err.splitlines() if '"attempt"' in line
    ]
    told = [(line["event_id"], line["number"], line["status"]) for line in lines]
    assert told == [(event, 1, 503), (event, 2, 200)]
    assert "s3cr3t" not in json.dumps([attempts, stats, tried, lines])
    assert "in-the-query" not in json.dumps([attempts, lines])


async def _attempts(client: httpx.AsyncClient, event: str) -> list[dict[str, Any]]:
    """The two attempts, once both are made and written."""
    found: list[dict[str, Any]] = []

    async def both() -> bool:
        page = (await client.get(f"/v1/events/{event}/deliveries")).json()["data"]
        if page:
            path = f"/v1/deliveries/{page[0]['id']}/attempts"
            found[:] = (await client.get(path)).json()["data"]
        return len(found) == 2

    await until(both)
    return found


async def _stats(client: httpx.AsyncClient, webhook: str) -> dict[str, Any]:
    """The stats, once both attempts are counted."""
    found: dict[str, Any] = {}

    async def counted() -> bool:
        found.update((await client.get(f"/v1/webhooks/{webhook}/stats")).json())
        return bool(found["attempts"] == 2)

    await until(counted)
    return found
