"""Each statement is one that every version of PostgreSQL takes, and none reads a large table whole:
neither before anything is known of the tables' sizes nor later."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from processes import opened

from offhook.model.event import to_ms
from offhook.store.postgres.database import connect
from offhook.store.postgres.session import STATEMENTS, Value, prepared
from offhook.testing.clock import FakeClock

DAY_MS = 86_400_000
TODAY_MS = to_ms(datetime(2026, 11, 20, tzinfo=UTC))
DAYS = 8
ROWS = 2_000
UTILITY = {"schema_version_create"}
GROWS = {
    *("event", "event_key", "key_head", "call", "timer", "pending", "attempt", "resource"),
    *("event_kept", "dispatch_request", "webhook_secret", "webhook_start", "endpoint_health"),
    "endpoint_minute",
}
READ_WHOLE = {
    "requests_delete_all": "for an endpoint that goes; requests stand for moments only",
    "backlogs": "asked every fifteen seconds; rows are counted up to a bound, endpoints once",
    "public_keys": "the newest by index, up to a bound",
    "secrets_stored": "asked when the key of the secrets is changed",
    "documents_stored": "asked when the key of the secrets is changed",
    "pending_tried": "asked when a day of attempts is to go, that is once a day",
}
GIVEN: dict[str, dict[str, Value]] = {
    "events_after": {"since_ms": TODAY_MS},
    "event_stands": {"created_ms": TODAY_MS},
    "attempt_stands": {"started_ms": TODAY_MS},
}
"""Without these no table of a day would be looked at."""

FILL = {
    "event": f"""
        INSERT INTO event SELECT n % 4, n, 'evt_' || n, 'acc_' || n % 3, 'custom.noted',
            'key-' || n % 500, n, {TODAY_MS} + n % {DAYS} * {DAY_MS}, false, false, null, null, ''
        FROM generate_series(1, {ROWS}) AS n""",
    "event_kept": f"""
        INSERT INTO event_kept SELECT n % 4, -n, 'evt_k' || n, 'acc_' || n % 3, 'custom.noted',
            'key-' || n % 500, n, {TODAY_MS}, false, false, null, ''
        FROM generate_series(1, {ROWS}) AS n""",
    "attempt": f"""
        INSERT INTO attempt SELECT 'wh_' || n % 50, n % 4, n, 'acc_' || n % 3, 'evt_' || n,
            'custom.noted', 'key-' || n % 500, 1, {TODAY_MS} + n % {DAYS} * {DAY_MS}, 1.0, n % 9 > 0
        FROM generate_series(1, {ROWS}) AS n""",
    "pending": f"""
        INSERT INTO pending SELECT 'wh_' || n % 50, n % 4, n, 'acc_' || n % 3, 'evt_' || n,
            'custom.noted', 'key-' || n % 500, 'key-' || n % 500,
            CASE n % 4 WHEN 0 THEN 'retry' WHEN 1 THEN 'failed' ELSE 'waiting' END, 1,
            CASE n % 4 WHEN 0 THEN n END, n
        FROM generate_series(1, {ROWS}) AS n""",
    "call": f"""
        INSERT INTO call SELECT 'acc_' || n % 3, 'call_' || n, n, '+1214' || n % 700, false, false,
            false, 'ended', null, null, null, null, 'evt_' || n, 'call.ended', 1, n, ''
        FROM generate_series(1, {ROWS}) AS n""",
    "key_head": f"""
        INSERT INTO key_head SELECT 'acc_' || n % 3, 'key-' || n, 'evt_' || n, 'custom.noted', 1, n
        FROM generate_series(1, {ROWS}) AS n""",
    "event_key": f"""
        INSERT INTO event_key SELECT 'acc_' || n % 3, 'own-' || n, '', 'evt_' || n, 'custom.noted',
            'key-' || n, 1, n
        FROM generate_series(1, {ROWS}) AS n""",
    "timer": f"""
        INSERT INTO timer SELECT n % 4, 'acc_' || n % 3, 'call_' || n, 'settle', n
        FROM generate_series(1, {ROWS}) AS n""",
    "resource": f"""
        INSERT INTO resource
        SELECT 'acc_' || n % 3, 'webhook', 'wh_' || n, 1, null, '{{}}', null, n, n
        FROM generate_series(1, {ROWS}) AS n""",
    "webhook_secret": f"""
        INSERT INTO webhook_secret SELECT 'wh_' || n, n, 'whsec_' || n
        FROM generate_series(1, {ROWS}) AS n""",
    "webhook_start": f"""
        INSERT INTO webhook_start SELECT 'wh_' || n / 4, n % 4, 0
        FROM generate_series(1, {ROWS}) AS n""",
    "endpoint_health": f"""
        INSERT INTO endpoint_health SELECT 'wh_' || n, 0, null, null, null, n
        FROM generate_series(1, {ROWS}) AS n""",
    "endpoint_minute": f"""
        INSERT INTO endpoint_minute SELECT 'wh_' || n % 50, n, 2, n % 9, 1
        FROM generate_series(1, {ROWS}) AS n""",
    "dispatch_request": f"""
        INSERT INTO dispatch_request (kind, webhook, partition, position)
        SELECT 'retry', 'wh_' || n % 50, n % 4, n FROM generate_series(1, {ROWS}) AS n""",
}

BY_INDEX = [
    ("heads_newest", "event", "partition"),
    ("events_after", "event", "partition position"),
    ("event_keys", "event_key", "account id"),
    ("event_keys", "event", "account id"),
    ("event_keys_forget", "event_key", "created_ms"),
    ("event_stands", "event", "account id"),
    ("event_since", "event", "partition position"),
    ("events_created", "event", "partition position"),
    ("event", "event", "account id"),
    ("event", "event_kept", "account id"),
    ("event_position", "event_kept", "account id"),
    ("kept_reach", "event_kept", "partition position"),
    ("kept_release", "event_kept", "partition position"),
    ("kept_release", "pending", "partition position"),
    ("pending_trim", "pending", "since_ms"),
    ("pending_delete", "pending", "webhook"),
    ("webhook_gone", "pending", "webhook"),
    ("webhook_gone", "resource", "kind id"),
    ("pending_due", "resource", "kind id"),
    ("deliveries_live", "resource", "kind id"),
    ("backlogs", "pending", "partition webhook due_ms"),
    ("endpoint_minutes", "endpoint_minute", "webhook minute"),
    ("endpoint_minute_forget", "endpoint_minute", "minute"),
    ("backlog", "pending", "webhook"),
    ("backlog", "event", "partition position"),
    ("feed", "event", "partition position"),
    ("feed_of_key", "event", "partition position"),
    ("key_positions", "event", "partition position"),
    ("call_rows", "call", "account id"),
    ("key_heads", "key_head", "account key"),
    ("contact_calls", "call", "account contact_number started_ms"),
    ("repeats_raced", "call", "account contact_number started_ms"),
    ("calls_listed", "call", "account started_ms id"),
    ("timers_due", "timer", "partition due_ms"),
    ("timer_next", "timer", "partition"),
    ("timers_clear", "timer", "account key kind"),
    ("lanes_closed", "pending", "partition webhook lane"),
    ("lanes_first", "pending", "partition webhook lane"),
    ("lanes_wait", "pending", "partition webhook lane"),
    ("lane_counts", "pending", "partition"),
    ("pending_due", "pending", "partition webhook"),
    ("pending_first", "pending", "partition webhook"),
    ("replay_marks", "pending", "webhook partition position"),
    ("replay_waiting", "pending", "partition replay"),
    ("replay_standings", "pending", "webhook partition position"),
    ("replay_standings", "attempt", "webhook partition position"),
    ("replay_standings", "event", "partition position"),
    ("replay_accepted", "attempt", "webhook partition position"),
    ("replay_rows_fail", "pending", "partition replay"),
    ("replay_rows_drop", "pending", "partition replay"),
    ("requests_add", "pending", "webhook partition position"),
    ("requests_add", "dispatch_request", "webhook partition position"),
    ("pending_events", "pending", "webhook partition position"),
    ("pending_events", "event", "partition position"),
    ("pending_events", "event_kept", "partition position"),
    ("pending_settle", "pending", "webhook partition position"),
    ("settled_after", "attempt", "partition position"),
    ("settled_after", "pending", "partition position"),
    ("settled_in_ranges", "attempt", "webhook partition position"),
    ("settled_in_ranges", "pending", "webhook partition position"),
    ("attempt_stands", "attempt", "webhook partition position"),
    ("requests", "dispatch_request", "partition"),
    ("delivery_views", "attempt", "webhook partition position"),
    ("deliveries_of_events", "pending", "partition position"),
    ("deliveries_of_events", "attempt", "partition position"),
    ("deliveries_rows", "pending", "webhook partition position"),
    ("deliveries_live", "pending", "webhook partition position"),
    ("deliveries_attempts", "attempt", "webhook partition position"),
    ("deliveries_attempts", "pending", "webhook partition position"),
    ("events_at", "event", "partition position"),
    ("events_at", "event_kept", "partition position"),
    ("kept_of_key", "event_kept", "account key"),
]
"""Statements that are run often, a table that each reads, and the columns that it is read by."""


@dataclass(frozen=True, slots=True)
class Scan:
    """One step of a plan that reads a table; ``by`` are the columns that an index finds rows by."""

    kind: str
    table: str
    by: frozenset[str]
    ran: bool


@dataclass(slots=True)
class Plans:
    """Plans as the stores' sessions make them."""

    connection: asyncpg.Connection
    _prepared: set[str] = field(default_factory=set)

    async def scans(self, name: str, *, options: str = "", **bindings: Value) -> list[Scan]:
        """What a statement reads, and how."""
        text, parameters = prepared(name)
        if name not in self._prepared:
            await self.connection.execute(f"PREPARE {name} AS {text}")
            self._prepared.add(name)
        values = GIVEN.get(name, {}) | bindings
        given = ", ".join(literal(values.get(parameter)) for parameter in parameters)
        execute = f"EXECUTE {name} ({given})" if parameters else f"EXECUTE {name}"
        explained = await self.connection.fetchval(f"EXPLAIN (FORMAT JSON{options}) {execute}")
        [explanation] = json.loads(explained)
        return [scan for step in steps(explanation["Plan"]) for scan in scanned(*step)]


def literal(value: Value) -> str:
    """As SQL writes it."""
    if isinstance(value, list):
        return f"ARRAY[{', '.join(map(literal, value))}]"
    return "NULL" if value is None else str(value)


def steps(plan: dict[str, Any], table: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """The steps of a plan from the top, each with its table; a bitmap is of the one above it."""
    table = plan.get("Relation Name", table)
    yield table, plan
    for below in plan.get("Plans", []):
        yield from steps(below, table if below["Node Type"].startswith("Bitmap") else "")


def scanned(table: str, step: dict[str, Any]) -> Iterator[Scan]:
    """The step, if it reads one of the tables that grow."""
    table, kind = re.sub(r"_\d{8}$", "", table), step["Node Type"]
    if table in GROWS and kind.endswith("Scan") and kind != "Bitmap Heap Scan":
        condition: str = step.get("Index Cond", "")
        rows = re.findall(r"ROW\(([^()]*)\) [<>=]", condition)
        compared = re.findall(r'(?:\w+\.)?"?(\w+)"? [<>=]', condition)
        by = frozenset([*compared, *re.findall(r"\w+(?=\W*(?:,|$))", " , ".join(rows))])
        yield Scan(kind, table, by, step.get("Actual Loops", 1) > 0)


@pytest.fixture(params=["empty", "filled"])
async def plans(postgres_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Plans]:
    """Before anything is in the tables of a week, or after the database has looked at some rows."""
    async with opened(postgres_url, clock=FakeClock(), partitions=4) as store:
        await store.upkeep.run_once()
    connection = await connect(postgres_url)
    try:
        if request.param == "filled":
            for statement in FILL.values():
                await connection.execute(statement)
            await analyze(connection)
        yield Plans(connection)
    finally:
        await connection.close()


async def analyze(connection: asyncpg.Connection) -> None:
    """Have the database look at the tables of this schema; those of others have to stay as new."""
    tables = await connection.fetch(
        "SELECT relname FROM pg_class"
        " WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace"
    )
    await connection.execute(f"ANALYZE {', '.join(row[0] for row in tables)}")


async def test_each_is_one_statement_that_the_server_takes(plans: Plans) -> None:
    for name in sorted(STATEMENTS.names()):
        await plans.connection.prepare(prepared(name)[0])


async def test_none_reads_a_table_that_grows_from_end_to_end(plans: Plans) -> None:
    whole = {
        (name, scan.kind, scan.table)
        for name in sorted(STATEMENTS.names() - UTILITY)
        for scan in await plans.scans(name)
        if not scan.by
    }
    assert {found for found in whole if found[0] not in READ_WHOLE} == set()


async def test_what_is_run_often_finds_its_rows_by_these_columns(plans: Plans) -> None:
    missed = {}
    for name, table, columns in BY_INDEX:
        found = {scan.by for scan in await plans.scans(name) if scan.table == table}
        if not any(by.issuperset(columns.split()) for by in found):
            missed[name, table, columns] = found
    assert missed == {}


async def test_tables_of_days_before_what_is_asked_for_are_not_looked_at(plans: Plans) -> None:
    since_ms = TODAY_MS + (DAYS - 1) * DAY_MS
    asked: dict[str, dict[str, Value]] = {
        "heads_newest": {"partitions": [0, 1], "since_ms": [since_ms, since_ms]},
        "events_after": {"partition": 0, "after": 0, "since_ms": since_ms, "limit": 10},
        "event_stands": {"partition": 0, "position": 8, "created_ms": since_ms},
        "attempt_stands": {"started_ms": since_ms},
    }
    for name, bindings in asked.items():
        scans = await plans.scans(name, options=", ANALYZE", **bindings)
        assert len([scan for scan in scans if scan.ran]) == 1, name
