"""The one composition root: opens the store, starts what the role asks for, stops in order."""

import asyncio
import ipaddress
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import APIRouter
from prometheus_client import CollectorRegistry, Gauge
from starlette.types import ASGIApp

from offhook.api.app import ApiSettings, build_api, build_operations
from offhook.api.auth import Gate
from offhook.api.ratelimit import LocalRateLimit, RateLimit
from offhook.api.stream.follower import Follower
from offhook.api.stream.serving import Streams
from offhook.clock import Clock
from offhook.delivery.guard import system_resolver
from offhook.delivery.lists.listing import Listing
from offhook.delivery.lists.routes import delivery_router
from offhook.delivery.outgoing.transport import AiohttpTransport
from offhook.delivery.ports import Transport
from offhook.delivery.replays.routes import replay_router
from offhook.delivery.stats.routes import stats_router
from offhook.delivery.webhooks.rollout import Rollout
from offhook.delivery.webhooks.routes import webhook_router
from offhook.delivery.webhooks.secret_routes import jwks_router, secret_router
from offhook.delivery.webhooks.targets import Targets
from offhook.delivery.webhooks.trial_routes import trial_router
from offhook.engine import engine_running, retention_of, service_running
from offhook.log.appender import Appender
from offhook.log.fold import fold
from offhook.log.running import Runner
from offhook.model.ids import DEFAULT_ACCOUNT
from offhook.opening import open_store
from offhook.resources.keys import ensure_bootstrap
from offhook.resources.ports import KeyStore
from offhook.settings import Role, Settings
from offhook.store.contract import Store
from offhook.store.redis import shared_rate_limit

_WRITE_WITHIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Offhook:
    """A running installation without its listening socket. ``new_key`` is the admin key, on the
    first start alone. ``end_streams`` is to be called before the server waits for its answers to
    end: those of streams would not."""

    api: ASGIApp
    new_key: str | None
    end_streams: Callable[[], None]


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the parts of a process share."""

    settings: Settings
    clock: Clock
    store: Store
    appender: Appender
    registry: CollectorRegistry


@asynccontextmanager
async def running(settings: Settings, clock: Clock) -> AsyncIterator[Offhook]:
    """Everything but the socket: leaving it stops the services in order and closes the store."""
    store = await open_store(settings, clock)
    try:
        new_key = await ensure_bootstrap(
            store.keys, given=settings.bootstrap_key, entropy=secrets.token_bytes(32)
        )
        registry = CollectorRegistry()
        appender = Appender(store=store.log, fold=fold)
        parts = _Parts(settings, clock, store, appender, registry)
        async with (
            _rate_limit(parts) as limit,
            _services(parts) as services,
            _streaming(parts) as (streams, follower),
            _trials(parts) as trials,
        ):
            gate = Gate(
                store.keys, clock, rate_limit=limit, rate_limit_per_s=settings.rate_limit_per_s
            )
            api = _served(parts, gate, streams, trials, [*services, follower])
            yield Offhook(api, new_key, streams.end)
    finally:
        await store.close()


@asynccontextmanager
async def _rate_limit(parts: _Parts) -> AsyncIterator[RateLimit]:
    """The limiter of all processes where there is a Redis, else that of this process."""
    local = LocalRateLimit(parts.clock)
    if parts.settings.redis is None:
        yield local
        return
    async with shared_rate_limit(parts.settings.redis, otherwise=local) as shared:
        up = Gauge(
            "offhook_redis_up", "Whether Redis decides about rates.", registry=parts.registry
        )
        up.set_function(lambda: shared.up)
        yield shared


@asynccontextmanager
async def _services(parts: _Parts) -> AsyncIterator[Sequence[Runner]]:
    """What runs beside the API. The appender is every role's: an engine's timers append too."""
    waiting = Gauge(
        "offhook_append_waiting", "Facts that wait to be written.", registry=parts.registry
    )
    waiting.set_function(lambda: parts.appender.waiting)
    parts.appender.start()
    try:
        async with service_running(parts.store.upkeep) as upkeep:
            if parts.settings.role is Role.API:
                yield upkeep
                return
            retention = retention_of(parts.settings, parts.store, parts.appender, parts.registry)
            async with (
                engine_running(
                    parts.settings, parts.clock, parts.store, parts.appender, parts.registry
                ) as engine,
                service_running(retention) as trimming,
            ):
                yield [*upkeep, *engine, *trimming]
    finally:
        await parts.appender.stop()


@asynccontextmanager
async def _streaming(parts: _Parts) -> AsyncIterator[tuple[Streams, Runner]]:
    """The live stream, and the follower of the log behind it, which rests while nobody listens."""
    wake = asyncio.Event()
    follower = Follower(log=parts.store.log, clock=parts.clock, wake=wake.set)
    streams = Streams(
        feed=parts.store.feed,
        follower=follower,
        clock=parts.clock,
        most=parts.settings.max_streams,
    )
    parts.store.subscribe(follower.committed)
    runner = Runner(follower, wake)
    runner.start()
    try:
        yield streams, runner
    finally:
        streams.end()
        await runner.stop()


@asynccontextmanager
async def _trials(parts: _Parts) -> AsyncIterator[Transport]:
    """What tests of endpoints go out by: a process without an engine sends them too."""
    transport = AiohttpTransport(clock=parts.clock, allowed=parts.settings.networks)
    try:
        yield transport
    finally:
        await transport.close()


def _served(
    parts: _Parts, gate: Gate, streams: Streams, trials: Transport, runners: Sequence[Runner]
) -> ASGIApp:
    readiness = partial(missing, parts.store.keys, runners)
    settings = ApiSettings(open_metrics=_is_loopback(parts.settings.host))
    if parts.settings.role is Role.ENGINE:
        return build_operations(
            gate=gate,
            readiness=readiness,
            registry=parts.registry,
            clock=parts.clock,
            settings=settings,
        )
    return _api(parts, gate, streams, trials, runners)


def _api(
    parts: _Parts, gate: Gate, streams: Streams, trials: Transport, runners: Sequence[Runner]
) -> ASGIApp:
    settings, store, clock = parts.settings, parts.store, parts.clock
    routers = [
        router
        for prefix in ("/v1", "/api/v1")
        for router in _of_webhooks(parts, gate, trials, prefix)
    ]
    routers.append(jwks_router(store.webhooks, clock))
    routers.append(
        delivery_router(
            gate=gate,
            deliveries=store.deliveries,
            listing=_listing(parts),
            webhooks=store.webhooks,
            feed=store.feed,
        )
    )
    return build_api(
        appender=parts.appender,
        feed=store.feed,
        calls=store.calls,
        gate=gate,
        routers=routers,
        streams=streams,
        token_key=store.token_key,
        readiness=partial(missing, store.keys, runners),
        registry=parts.registry,
        clock=clock,
        settings=ApiSettings(open_metrics=_is_loopback(settings.host)),
    )


def _of_webhooks(parts: _Parts, gate: Gate, trials: Transport, prefix: str) -> Iterator[APIRouter]:
    """Everything under a webhook, with either prefix the same."""
    settings, store, clock = parts.settings, parts.store, parts.clock
    targets = Targets(system_resolver, allow_http=settings.allow_http, allowed=settings.networks)
    at = partial(
        dict[str, Any],
        gate=gate,
        webhooks=store.webhooks,
        prefix=prefix,
        documented=prefix == "/v1",
    )
    entropy = secrets.token_bytes
    yield webhook_router(**at(targets=targets, clock=clock, entropy=entropy))
    yield secret_router(**at(rollout=Rollout(store.rollout, clock), entropy=entropy))
    yield trial_router(**at(transport=trials, clock=clock, entropy=entropy))
    yield replay_router(**at(replays=store.replays, clock=clock, entropy=entropy))
    yield stats_router(**at(stats=store.stats, source=store.lists, clock=clock))


def _listing(parts: _Parts) -> Listing:
    store, kept_days = parts.store, parts.settings.retention_attempts_days
    return Listing(
        source=store.lists,
        webhooks=store.webhooks,
        feed=store.feed,
        clock=parts.clock,
        attempts_kept_ms=kept_days * 86_400_000 or None,
    )


async def missing(keys: KeyStore, runners: Sequence[Runner]) -> str | None:
    """What keeps the server from serving: a service that ended, or a store that takes no writes.

    The write changes nothing, so it costs no sync of the disk, but it goes the way of all writes.
    """
    ended = [runner.name for runner in runners if not runner.alive]
    if ended:
        return f"{' and '.join(ended)} ended"
    try:
        async with asyncio.timeout(_WRITE_WITHIN_S):
            await keys.put_account(DEFAULT_ACCOUNT, "Default")
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
        return f"the store takes no writes ({type(error).__name__})"
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
