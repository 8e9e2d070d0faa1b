"""The one composition root: opens the store, starts services, serves the API, stops in order."""

import asyncio
import ipaddress
import logging
import os
import random
import secrets
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial

import structlog
import uvicorn
import uvloop
from prometheus_client import CollectorRegistry, Gauge
from starlette.types import ASGIApp

from offhook import runtime
from offhook.api.app import ApiSettings, build_api
from offhook.api.auth import Gate
from offhook.api.ratelimit import LocalRateLimit, RateLimit
from offhook.clock import Clock, SystemClock
from offhook.delivery.delivery_routes import delivery_router
from offhook.delivery.dispatcher import Dispatcher
from offhook.delivery.guard import system_resolver
from offhook.delivery.metrics import DeliveryMetrics
from offhook.delivery.routes import webhook_router
from offhook.delivery.sender import Sender
from offhook.delivery.targets import Targets
from offhook.delivery.transport import AiohttpTransport
from offhook.log.appender import Appender
from offhook.log.entries import Topic
from offhook.log.fold import fold
from offhook.log.running import Runner
from offhook.log.timers import Timers
from offhook.model.errors import OffhookError
from offhook.model.ids import DEFAULT_ACCOUNT
from offhook.resources.keys import ensure_bootstrap
from offhook.resources.ports import KeyStore
from offhook.settings import Settings
from offhook.store.redis import shared_rate_limit
from offhook.store.sqlite import SqliteStore, open_sqlite

_DRAIN_S = 2
_BACKLOG = 2048
_WRITE_WITHIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Offhook:
    """A running installation without its listening socket. ``new_key`` is the admin key, on the
    first start alone."""

    api: ASGIApp
    new_key: str | None


@asynccontextmanager
async def running(settings: Settings, clock: Clock) -> AsyncIterator[Offhook]:
    """Everything but the socket: leaving it stops the services in order and closes the store."""
    store = open_sqlite(settings.data, clock=clock)
    try:
        new_key = await ensure_bootstrap(
            store.keys, given=settings.bootstrap_key, entropy=secrets.token_bytes(32)
        )
        registry = CollectorRegistry()
        appender = Appender(store=store.log, fold=fold)
        async with (
            _rate_limit(settings, clock, registry) as limit,
            _engine(settings, clock, store, appender, registry) as runners,
        ):
            gate = Gate(
                store.keys, clock, rate_limit=limit, rate_limit_per_s=settings.rate_limit_per_s
            )
            api = _api(settings, clock, store, appender, registry, gate=gate, runners=runners)
            yield Offhook(api, new_key)
    finally:
        await store.close()


@asynccontextmanager
async def _rate_limit(
    settings: Settings, clock: Clock, registry: CollectorRegistry
) -> AsyncIterator[RateLimit]:
    """The limiter of all processes where there is a Redis, else that of this process."""
    local = LocalRateLimit(clock)
    if settings.redis is None:
        yield local
        return
    async with shared_rate_limit(settings.redis, otherwise=local) as shared:
        up = Gauge("offhook_redis_up", "Whether Redis decides about rates.", registry=registry)
        up.set_function(lambda: shared.up)
        yield shared


@asynccontextmanager
async def _engine(
    settings: Settings,
    clock: Clock,
    store: SqliteStore,
    appender: Appender,
    registry: CollectorRegistry,
) -> AsyncIterator[Sequence[Runner]]:
    transport = AiohttpTransport(clock=clock, allowed=settings.networks)
    wake, wake_timers = asyncio.Event(), asyncio.Event()
    metrics = DeliveryMetrics(registry)
    owner = f"{os.uname().nodename}:{os.getpid()}:{secrets.token_hex(4)}"
    dispatcher = Dispatcher(
        log=store.log,
        store=store.dispatch,
        leases=store.leases,
        sender=Sender(transport=transport, clock=clock),
        clock=clock,
        rnd=random.Random(),  # noqa: S311 - spreads retries, guards nothing
        owner=owner,
        wake=wake.set,
        on_sent=metrics.record,
    )
    timers = Timers(
        store=store.timers, leases=store.leases, appender=appender, clock=clock, owner=owner
    )
    metrics.in_flight.set_function(lambda: dispatcher.in_flight)
    _watch(registry, appender)
    runners = [
        Runner(dispatcher, wake),
        Runner(timers, wake_timers),
    ]

    def committed(topics: frozenset[Topic]) -> None:
        if Topic.LEASES in topics:
            dispatcher.hasten()
            timers.hasten()
            wake_timers.set()
        wake.set()

    store.subscribe(committed)
    appender.start()
    for runner in runners:
        runner.start()
    try:
        yield runners
    finally:
        for runner in reversed(runners[1:]):
            await runner.stop()
        await appender.stop()
        await runners[0].stop()
        await transport.close()


def _watch(registry: CollectorRegistry, appender: Appender) -> None:
    waiting = Gauge("offhook_append_waiting", "Facts that wait to be written.", registry=registry)
    waiting.set_function(lambda: appender.waiting)


def _api(
    settings: Settings,
    clock: Clock,
    store: SqliteStore,
    appender: Appender,
    registry: CollectorRegistry,
    *,
    gate: Gate,
    runners: Sequence[Runner],
) -> ASGIApp:
    targets = Targets(system_resolver, allow_http=settings.allow_http, allowed=settings.networks)
    routers = [
        webhook_router(
            gate=gate,
            webhooks=store.webhooks,
            targets=targets,
            clock=clock,
            entropy=secrets.token_bytes,
            prefix=prefix,
            documented=prefix == "/v1",
        )
        for prefix in ("/v1", "/api/v1")
    ]
    routers.append(
        delivery_router(
            gate=gate, deliveries=store.deliveries, webhooks=store.webhooks, feed=store.feed
        )
    )

    return build_api(
        appender=appender,
        feed=store.feed,
        calls=store.calls,
        gate=gate,
        routers=routers,
        readiness=partial(missing, store.keys, runners),
        registry=registry,
        clock=clock,
        settings=ApiSettings(open_metrics=_is_loopback(settings.host)),
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


def run_server(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C; then finish what is in flight and exit within 10 s."""
    _log_to_stderr(settings)
    runtime.tune()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings))


class _Server(uvicorn.Server):
    """uvicorn's own handlers end the process by the signal as soon as the sockets are closed: what
    runs behind the API would never be stopped."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Have SIGTERM and Ctrl-C end ``serve``, and nothing else."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


async def _serve(settings: Settings) -> None:
    async with running(settings, SystemClock()) as offhook:
        if offhook.new_key is not None:
            _say(f"Your admin key, shown this once: {offhook.new_key}")
        sockets = _listen(settings.host, settings.port)
        server = _Server(
            uvicorn.Config(
                offhook.api,
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_DRAIN_S,
            )
        )
        _greet(settings, sockets[0].getsockname()[1])
        await server.serve(sockets)


def _listen(host: str, port: int) -> list[socket.socket]:
    """A socket for each address of the host; raises ``OffhookError`` where there can be none."""
    sockets: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _, _, _, address in found:
            sockets.append(socket.create_server(address, family=family, backlog=_BACKLOG))
    except OSError as error:
        for opened in sockets:
            opened.close()
        why = (
            error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        )
        raise OffhookError(
            f"Nothing can listen on {host} port {port} ({why}): "
            "choose others with --host and --port, or stop the process that has them."
        ) from error
    return sockets


def _greet(settings: Settings, port: int) -> None:
    _say(f"Offhook on http://{settings.host}:{port}, data in {settings.data}")
    if settings.allow_http or settings.allow_targets:
        allowed = settings.allow_targets or "public addresses only"
        _say(
            f"Deliveries may go to: {allowed}; http endpoints: "
            f"{'allowed' if settings.allow_http else 'refused'}"
        )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _log_to_stderr(settings: Settings) -> None:
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    as_json = settings.log_format == "json" or (
        settings.log_format == "auto" and not sys.stderr.isatty()
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=max(level, logging.WARNING), stream=sys.stderr)
