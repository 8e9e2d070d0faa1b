"""The demo's stage: fresh servers, a receiver, and an endpoint between them."""

import base64
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from offhook.demo.client import Api, Control
from offhook.demo.database import DemoDatabase
from offhook.demo.endpoint import HOOK, TALLY
from offhook.demo.processes import Child, clean_environment, unless_dead
from offhook.demo.receiver import SIGNING_KEY_VARIABLE
from offhook.demo.servers import Servers, evenly_shared, servers_for
from offhook.signing.secret import make_secret
from offhook.testing.servers.ports import LOOPBACK, free_port

_TIMEOUT_S: Final = 1


@dataclass(frozen=True, slots=True)
class Stage:
    """All in place: the API, the receiver's control paths, and all processes."""

    api: Api
    control: Control
    children: tuple[Child, ...]


@asynccontextmanager
async def stage_in(
    folder: Path,
    *,
    fail: float,
    seed: int,
    processes: int = 1,
    database: DemoDatabase | None = None,
) -> AsyncIterator[Stage]:
    """Start a receiver and so many server processes in an empty folder, and make the endpoint; stop
    them on the way out. More than one need an empty database."""
    secret = make_secret(secrets.token_bytes(32))
    key = "ofh_live_" + base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    port = free_port()
    receiver = _receiver(folder, port, secret, fail=fail, seed=seed)
    servers = servers_for(folder, key, processes, database)
    control = Control(f"http://{LOOPBACK}:{port}")
    api = Api(servers.front.url, key)
    async with AsyncExitStack() as stack:
        for child in (receiver, servers.front.child):
            await stack.enter_async_context(child)
        for client in (control, api):
            await stack.enter_async_context(client)
        await unless_dead(control.ready(TALLY), receiver)
        await unless_dead(api.ready("/readyz"), servers.front.child)
        await _join(stack, servers)
        await api.create_webhook(_webhook(control.url + HOOK, secret))
        yield Stage(api, control, (*(server.child for server in servers.all), receiver))


async def _join(stack: AsyncExitStack, servers: Servers) -> None:
    """Start the engines, once there is a schema that they find made."""
    for engine in servers.engines:
        await stack.enter_async_context(engine.child)
    sharing = evenly_shared([server.url for server in servers.all], servers.partitions)
    await unless_dead(sharing, *(server.child for server in servers.all))


def _receiver(folder: Path, port: int, secret: str, *, fail: float, seed: int) -> Child:
    options = ("--port", port, "--fail", fail, "--seed", seed, "--slow-s", 1.5 * _TIMEOUT_S)
    return Child(
        "receiver",
        ("offhook.demo.receiver", *map(str, options)),
        clean_environment({SIGNING_KEY_VARIABLE: secret}),
        folder,
    )


def _webhook(url: str, secret: str) -> dict[str, object]:
    return {
        "url": url,
        "events": ["*"],
        "description": "the demo's receiver",
        "include_historical": True,
        "secret": secret,
        "timeout_s": _TIMEOUT_S,
        "max_in_flight": 64,
        "retry": {"delays_s": [0.2, 0.5, 1, 2, 5], "until_s": 3600},
    }
