"""The engine of a process: what follows the log and sends, started and stopped in order."""

import asyncio
import os
import random
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry, Gauge

from offhook.clock import Clock
from offhook.delivery.announcer import Announcer
from offhook.delivery.dispatcher import Dispatcher
from offhook.delivery.filter_reporting import FilterReporter
from offhook.delivery.metrics import DeliveryMetrics
from offhook.delivery.sender import Sender
from offhook.delivery.transport import AiohttpTransport
from offhook.log.appender import Appender
from offhook.log.entries import Topic
from offhook.log.retention import Ages, Retention
from offhook.log.running import Runner, Service
from offhook.log.timers import Timers
from offhook.settings import Settings
from offhook.store.contract import Store


@asynccontextmanager
async def engine_running(
    settings: Settings,
    clock: Clock,
    store: Store,
    appender: Appender,
    registry: CollectorRegistry,
) -> AsyncIterator[Sequence[Runner]]:
    """Deliveries and timers: running inside the context, stopped when it is left."""
    transport = AiohttpTransport(clock=clock, allowed=settings.networks)
    wake, wake_timers = asyncio.Event(), asyncio.Event()
    metrics = DeliveryMetrics(registry)
    owner = f"{os.uname().nodename}:{os.getpid()}:{secrets.token_hex(4)}"
    dispatcher = Dispatcher(
        log=store.log,
        store=store.dispatch,
        leases=store.leases,
        shares=store.bounds,
        health=store.health,
        replays=store.replays,
        filters=FilterReporter(
            store=store.filters, clock=clock, on_fault=metrics.filter_errors.inc
        ),
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
    announcer = Announcer(
        store=store.announcements,
        appender=appender,
        partitions=lambda: dispatcher.partitions,
    )
    metrics.in_flight.set_function(lambda: dispatcher.in_flight)
    metrics.partitions.set_function(lambda: len(dispatcher.partitions))

    def committed(topics: frozenset[Topic]) -> None:
        if Topic.LEASES in topics:
            dispatcher.hasten()
            timers.hasten()
            wake_timers.set()
        if Topic.REQUESTS in topics:
            dispatcher.asked()
        if Topic.REPLAYS in topics:
            dispatcher.replay_asked()
        wake.set()

    store.subscribe(committed)
    deliveries, timed = Runner(dispatcher, wake), Runner(timers, wake_timers)
    telling = Runner(announcer, asyncio.Event())
    deliveries.start()
    timed.start()
    telling.start()
    try:
        yield [deliveries, timed, telling]
    finally:
        await telling.stop()
        await timed.stop()
        await deliveries.stop()
        await transport.close()


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
async def service_running(service: Service | None) -> AsyncIterator[Sequence[Runner]]:
    """One service that nothing wakes, if there is one."""
    if service is None:
        yield []
        return
    runner = Runner(service, asyncio.Event())
    runner.start()
    try:
        yield [runner]
    finally:
        await runner.stop()
