"""Somebody reads the database for a long time in one transaction: what died since cannot be cleared
away, and appending, tailing and delivering go on nearly as fast."""

import json
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from random import Random
from statistics import median
from time import monotonic, perf_counter

import asyncpg
import pytest
from trial import Tell

from offhook.clock import SystemClock
from offhook.delivery.engine.dispatcher import Bounds
from offhook.log.entries import Appended, Submission, Unchanged
from offhook.log.fold import fold
from offhook.log.submit import read_submission
from offhook.model.ids import DEFAULT_ACCOUNT
from offhook.store.postgres import PostgresStore, open_postgres
from offhook.testing.engine import Bench
from offhook.testing.network import OK, ScriptedNetwork
from offhook.testing.servers.postgres import PostgresServer, run_sql
from offhook.testing.simulation import Centre, simulate_day

REPORT_S = float(os.environ.get("OFFHOOK_FAULT_REPORT_S", "8"))
"""How long the report takes; what the product promises is measured with 60."""
FULL_S = 60.0
SPEED_KEPT = 0.9 if REPORT_S >= FULL_S else 0.5
"""Of the speed without a report. A short run on a busy machine is given much more room: it finds
what a report makes slower by its nature, as a row that every append updates."""
BATCH = 50
BATCHES = 4
MIDNIGHT = datetime(2026, 7, 1, tzinfo=UTC)
WORK = ("appending", "tailing", "delivering")


class Log:
    """One database with an engine over it, given work of three kinds in steps, each kind timed: to
    append facts of calls, to follow the log, and to deliver it to an endpoint that takes it all."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store
        self._facts = facts()
        self._read_to = dict.fromkeys(range(store.log.partitions), 0)
        self._network = ScriptedNetwork(lambda _: OK)
        self._engine = Bench(
            store, SystemClock(), self._network, bounds=Bounds(lease_s=3600, in_flight=64)
        )
        self._tailed = 0
        self.took_s = defaultdict[str, list[float]](list)
        """How long each bit of work of each kind took."""

    async def make_endpoint(self) -> None:
        """Before the first step."""
        await self._engine.webhook("crm", include_historical=True, max_in_flight=64)

    async def step(self) -> None:
        """Append some batches, one after the other; then read them; then deliver them."""
        for _ in range(BATCHES):
            await self._append()
        for partition in self._read_to:
            await self._tail(partition)
        with self._timed("delivering"):
            await self._engine.until(lambda: len(self._network.accepted) == self._tailed)

    async def _append(self) -> None:
        batch = list(islice(self._facts, BATCH))
        with self._timed("appending"):
            outcomes = await self._store.log.append(batch, fold)
        assert {type(outcome) for outcome in outcomes} <= {Appended, Unchanged}

    async def _tail(self, partition: int) -> None:
        after = self._read_to[partition]
        with self._timed("tailing"):
            found = await self._store.log.read(partition, after, BATCH * BATCHES, 1 << 22)
        self._read_to[partition] = found.read_to
        self._tailed += len(found.events)

    @contextmanager
    def _timed(self, work: str) -> Iterator[None]:
        began_s = perf_counter()
        yield
        self.took_s[work].append(perf_counter() - began_s)


@asynccontextmanager
async def log_on(server: PostgresServer, database: str) -> AsyncIterator[Log]:
    run_sql(server.binaries, server.url(), f"CREATE DATABASE {database}")
    store = await open_postgres(server.url(database))
    try:
        await store.keys.put_account(DEFAULT_ACCOUNT, "Default")
        log = Log(store)
        await log.make_endpoint()
        yield log
    finally:
        await store.close()


def facts() -> Iterator[Submission]:
    for step in simulate_day(Random(1), MIDNIGHT, Centre(calls_per_day=50_000)):
        body = step.body()
        size = len(json.dumps(body))
        yield read_submission(body, account=DEFAULT_ACCOUNT, test=False, size=size)


@pytest.mark.slow
@pytest.mark.timeout(REPORT_S * 4 + 120)
async def test_a_long_report_costs_little(tmp_path: Path, tell: Tell) -> None:
    """Two databases on one server get the same work in turn, step by step; the report is in one of
    them. What happens on the machine meanwhile happens to both."""
    async with AsyncExitStack() as held:
        server = held.enter_context(PostgresServer(tmp_path, durable=False))
        reported = await held.enter_async_context(log_on(server, "reported"))
        free = await held.enter_async_context(log_on(server, "free"))
        for log in (reported, free):
            await log.step()
        await held.enter_async_context(report(server.url("reported")))
        await in_turn(reported, free, REPORT_S / 2)
        for log in (reported, free):
            log.took_s.clear()
        steps = await in_turn(reported, free, REPORT_S / 2)
    kept = {work: median(free.took_s[work]) / median(reported.took_s[work]) for work in WORK}
    of = ", ".join(f"{work} {kept[work]:.2f}" for work in WORK)
    tell(f"a report of {REPORT_S:g} s: speed kept in its second half ({steps} steps): {of}")
    assert min(kept.values()) > SPEED_KEPT


async def in_turn(one: Log, other: Log, for_s: float) -> int:
    """Work for so long, as much in one as in the other."""
    steps, until_s = 0, monotonic() + for_s
    while monotonic() < until_s:
        steps += 1
        for log in (one, other) if steps % 2 else (other, one):
            await log.step()
    return steps


@asynccontextmanager
async def report(url: str) -> AsyncIterator[None]:
    """A transaction that has read and is not over."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await connection.fetch("SELECT count(*) FROM event")
            yield
    finally:
        await connection.close()
