"""The demo's stage: a fresh server, a receiver, and an endpoint between them."""

import base64
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from offhook.demo.client import Api, Control
from offhook.demo.endpoint import HOOK, TALLY
from offhook.demo.processes import Child, clean_environment, free_port, unless_dead
from offhook.demo.receiver import SIGNING_KEY_VARIABLE
from offhook.signing.secret import make_secret

_HOST: Final = "127.0.0.1"
_TIMEOUT_S: Final = 1


@dataclass(frozen=True, slots=True)
class Stage:
    """All in place: the server's API, the receiver's control paths, and both processes."""

    api: Api
    control: Control
    children: tuple[Child, ...]


@asynccontextmanager
async def stage_in(folder: Path, *, fail: float, seed: int) -> AsyncIterator[Stage]:
    """Start both processes in an empty folder and make the endpoint; stop them on the way out."""
    secret = make_secret(secrets.token_bytes(32))
    key = "ofh_live_" + base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    server_port, receiver_port = free_port(), free_port()
    receiver = _receiver(folder, receiver_port, secret, fail=fail, seed=seed)
    server = _server(folder, server_port, key)
    control = Control(f"http://{_HOST}:{receiver_port}")
    api = Api(f"http://{_HOST}:{server_port}", key)
    async with AsyncExitStack() as stack:
        for child in (receiver, server):
            await stack.enter_async_context(child)
        for client in (control, api):
            await stack.enter_async_context(client)
        await unless_dead(control.ready(TALLY), receiver)
        await unless_dead(api.ready("/readyz"), server)
        await api.create_webhook(_webhook(control.url + HOOK, secret))
        yield Stage(api, control, (server, receiver))


def _receiver(folder: Path, port: int, secret: str, *, fail: float, seed: int) -> Child:
    options = ("--port", port, "--fail", fail, "--seed", seed, "--slow-s", 1.5 * _TIMEOUT_S)
    return Child(
        "receiver",
        ("offhook.demo.receiver", *map(str, options)),
        clean_environment({SIGNING_KEY_VARIABLE: secret}),
        folder,
    )


def _server(folder: Path, port: int, key: str) -> Child:
    options = ("--data", str(folder / "data"), "--host", _HOST, "--port", str(port))
    environment = {
        "OFFHOOK_BOOTSTRAP_KEY": key,
        "OFFHOOK_ALLOW_TARGETS": "127.0.0.0/8",
        "OFFHOOK_ALLOW_HTTP": "1",
        "OFFHOOK_RATE_LIMIT_PER_S": "0",
    }
    return Child(
        "server", ("offhook.cli", "serve", *options), clean_environment(environment), folder
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
