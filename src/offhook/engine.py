"""The engine of a process: what follows the log and sends, started and stopped in order."""

import asyncio
import os
import random
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry, Gauge

from offhook.clock import Clock
from offhook.delivery.attempt_log import AttemptLog, Attempts
from offhook.delivery.engine.announcer import Announcer
from offhook.delivery.engine.dispatcher import Dispatcher
from offhook.delivery.engine.filter_reporting import FilterReporter
from offhook.delivery.engine.sending import Sent
from offhook.delivery.metrics import BacklogMeter, DeliveryMetrics
from offhook.delivery.outgoing.sender import Sender
from offhook.delivery.outgoing.tracing import AttemptTracer
from offhook.delivery.outgoing.transport import AiohttpTransport
from offhook.delivery.policy import Postpone, Verdict
from offhook.delivery.stats.reporting import StatsReporter
from offhook.log.appender import Appender
from offhook.log.entries import Topic
from offhook.log.retention import Ages, Retention
from offhook.log.running import Runner, Service
from offhook.log.timers import Timers
from offhook.logs import Lines
from offhook.model.event import to_ms
from offhook.settings import Settings
from offhook.store.contract import Store
from offhook.tracing import attempts_traced


@asynccontextmanager
async def engine_running(
    settings: Settings,
    clock: Clock,
    store: Store,
    appender: Appender,
    registry: CollectorRegistry,
) -> AsyncIterator[Sequence[Runner]]:
    """Deliveries and timers: running inside the context, stopped when it is left."""
    with attempts_traced(settings) as tracer:
        async with _sending(settings, clock, store, appender, registry, tracer) as runners:
            yield runners


@asynccontextmanager
async def _sending(
    settings: Settings,
    clock: Clock,
    store: Store,
    appender: Appender,
    registry: CollectorRegistry,
    tracer: AttemptTracer | None,
) -> AsyncIterator[Sequence[Runner]]:
    transport = AiohttpTransport(clock=clock, allowed=settings.networks)
    sender = Sender(transport=transport, clock=clock, tracer=tracer)
    watching = _Watching(settings, clock, store, registry)
    owner = f"{os.uname().nodename}:{os.getpid()}:{secrets.token_hex(4)}"
    wake, wake_timers = asyncio.Event(), asyncio.Event()
    dispatcher = _dispatcher(settings, clock, store, sender, watching, owner=owner, wake=wake)
    watching.watch(dispatcher)
    timers = Timers(
        store=store.timers, leases=store.leases, appender=appender, clock=clock, owner=owner
    )
    announcer = Announcer(
        store=store.announcements,
        appender=appender,
        partitions=lambda: dispatcher.partitions,
    )

    def committed(topics: frozenset[Topic]) -> None:
        _hear(topics, dispatcher)
        if Topic.LEASES in topics:
            timers.hasten()
            wake_timers.set()
        wake.set()

    store.subscribe(committed)
    runners = [
        Runner(dispatcher, wake),
        Runner(timers, wake_timers),
        Runner(announcer, asyncio.Event()),
    ]
    try:
        async with services_running(watching.services) as seeing, _running(runners):
            yield [*runners, *seeing]
    finally:
        await transport.close()


def _dispatcher(
    settings: Settings,
    clock: Clock,
    store: Store,
    sender: Sender,
    watching: "_Watching",
    *,
    owner: str,
    wake: asyncio.Event,
) -> Dispatcher:
    on_fault = watching.metrics.filter_errors.inc
    return Dispatcher(
        store=store,
        attempts_kept_ms=settings.retention_attempts_days * 86_400_000 or None,
        filters=FilterReporter(store=store.filters, clock=clock, on_fault=on_fault),
        sender=sender,
        clock=clock,
        rnd=random.Random(),  # noqa: S311 - spreads retries, guards nothing
        owner=owner,
        wake=wake.set,
        on_sent=watching.note,
    )


def _hear(topics: frozenset[Topic], dispatcher: Dispatcher) -> None:
    """Tell the dispatcher what a commit changed."""
    if Topic.LEASES in topics:
        dispatcher.hasten()
    if Topic.REQUESTS in topics:
        dispatcher.asked()
    if Topic.REPLAYS in topics:
        dispatcher.replay_asked()


class _Watching:
    """Whoever takes note of attempts."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        store: Store,
        registry: CollectorRegistry,
    ) -> None:
        lines = Lines(settings)
        self.metrics = DeliveryMetrics(registry)
        self._stats = StatsReporter(store=store.stats, clock=clock)
        self._log = AttemptLog(
            write=lines.write,
            wanted=settings.log_attempts if lines.wanted else Attempts.NONE,
            on_dropped=self.metrics.lines_dropped.inc,
        )
        meter = BacklogMeter(
            registry=registry, store=store.stats, now_ms=lambda: to_ms(clock.now())
        )
        self.services: Sequence[Service] = (self._stats, self._log, meter)

    def watch(self, dispatcher: Dispatcher) -> None:
        """Tell Prometheus what the dispatcher holds, whenever it asks."""
        self.metrics.in_flight.set_function(lambda: dispatcher.in_flight)
        self.metrics.partitions.set_function(lambda: len(dispatcher.partitions))
        self.metrics.replay_ranges.set_function(lambda: dispatcher.replay_ranges)
        self.metrics.circuits_open.set_function(lambda: dispatcher.circuits_open)
        self.metrics.left_out.set_function(lambda: dispatcher.left_out)

    def note(self, sent: Sent, verdict: Verdict | None) -> None:
        """An attempt came back."""
        self.metrics.record(sent, verdict)
        if not isinstance(verdict, Postpone):
            self._stats.note(sent)
        self._log.note(sent)


def retention_of(
    settings: Settings, store: Store, appender: Appender, registry: CollectorRegistry
) -> Retention:
    """What takes away what is old; each engine has one."""
    blocked = Gauge(
        "offhook_retention_blocked_seconds",
        "For how long what a reader of the log still needs should have been gone.",
        registry=registry,
    )
    return Retention(
        store=store.retention,
        ages=Ages(
            settings.retention_events_days,
            settings.retention_attempts_days,
            settings.retention_failed_days,
        ),
        busy=lambda: appender.waiting > 0,
        on_blocked=blocked.set,
    )


@asynccontextmanager
async def services_running(services: Sequence[Service]) -> AsyncIterator[Sequence[Runner]]:
    """Services that nothing wakes."""
    runners = [Runner(service, asyncio.Event()) for service in services]
    async with _running(runners):
        yield runners


@asynccontextmanager
async def _running(runners: Sequence[Runner]) -> AsyncIterator[None]:
    """Started in their order, stopped in the other."""
    for runner in runners:
        runner.start()
    try:
        yield
    finally:
        for runner in reversed(runners):
            await runner.stop()


@asynccontextmanager
async def service_running(service: Service | None) -> AsyncIterator[Sequence[Runner]]:
    """One service that nothing wakes, if there is one."""
    async with services_running([] if service is None else [service]) as runners:
        yield runners
