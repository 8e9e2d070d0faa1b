"""No statement on SQLite reads a large table whole, and what is asked often uses its index."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import apsw
import pytest

from offhook.store.sqlite.connection import STATEMENTS, Connection, open_writer
from offhook.store.sqlite.migrations import migrate

SMALL = {
    "lease",
    "account",
    "held",
    "schema_version",
    "api_key",
    "dispatch_request",
    "installation",
}
SMALL |= {"member", "endpoint_share"}
READ_WHOLE = {"backlogs", "public_keys", "secrets_stored", "documents_stored"}
"""Counted or read up to a bound, seldom; or read when the key of the secrets is changed."""
SORTED = {"attempts", "lanes_first", "deliveries_of_events", "feed_of_key"}


class Unbound(Mapping[str, None]):
    """Every parameter is null: a plan does not depend on them."""

    def __getitem__(self, name: str) -> None:
        return None

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    opened = open_writer(tmp_path / "plans.db")
    migrate(opened, 0)
    yield opened
    opened.close()


def plan(connection: Connection, name: str) -> list[str]:
    text = STATEMENTS[name]
    bindings = (None,) * text.count("?") or Unbound()
    raw: apsw.Connection = connection.transaction()
    return [str(row[3]) for row in raw.execute(text, bindings, explain=2)]


@pytest.mark.parametrize(
    "name", sorted(STATEMENTS.names() - {"schema_version_create"} - READ_WHOLE)
)
def test_no_statement_scans_a_table_that_grows(connection: Connection, name: str) -> None:
    scanned = [
        match[1]
        for step in plan(connection, name)
        if (match := re.match(r"SCAN (\w+)(?! (?:USING COVERING INDEX|VIRTUAL))", step))
    ]
    tables = {row[0] for row in connection.transaction().execute("SELECT name FROM sqlite_schema")}
    assert {table for table in scanned if table in tables} - SMALL == set()


@pytest.mark.parametrize("name", sorted(STATEMENTS.names() - {"schema_version_create"} - SORTED))
def test_lists_come_in_the_order_of_an_index(connection: Connection, name: str) -> None:
    assert [step for step in plan(connection, name) if "FOR ORDER BY" in step] == []


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("lanes_closed", "pending_lane (partition=? AND webhook=? AND lane=? AND state=?)"),
        ("lanes_first", "pending_lane (partition=? AND webhook=? AND lane=? AND state=?)"),
        ("lanes_wait", "pending_lane (partition=? AND webhook=? AND lane=? AND state=?"),
        ("lane_counts", "pending_lane (partition=?"),
        ("endpoint_minutes", "(webhook=? AND minute>?)"),
        ("endpoint_minute_forget", "endpoint_minute_old (minute<?)"),
        ("backlog", "pending_live (webhook=?)"),
        ("pending_due", "pending_due (partition=? AND webhook>?)"),
        ("pending_due", "pending_due (partition=? AND webhook=? AND due_ms>?)"),
        ("pending_first", "pending_due (partition=? AND webhook=? AND due_ms>?)"),
        ("replay_ranges_open", "replay_range_open (partition=?)"),
        ("replay_marks", "PRIMARY KEY (webhook=? AND partition=? AND position>?"),
        ("replay_waiting", "pending_replay (partition=? AND replay=? AND due_ms>?)"),
        ("replay_standings", "PRIMARY KEY (webhook=? AND partition=? AND position=?)"),
        ("replay_standings", "attempt_position (partition=? AND position=? AND webhook=?"),
        ("replay_accepted", "attempt_position (partition=? AND position=? AND webhook=?"),
        ("replay_rows_fail", "pending_replay (partition=? AND replay=?)"),
        ("replay_rows_drop", "pending_replay (partition=? AND replay=?)"),
        ("replays_listed", "PRIMARY KEY (replay=?)"),
        ("retries_wanted", "PRIMARY KEY (webhook=? AND partition=? AND position>?"),
        ("retries_wanted", "dispatch_request_delivery (webhook=? AND partition=? AND position=?)"),
        ("pending_events", "PRIMARY KEY (webhook=? AND partition=? AND position=?)"),
        ("settled_after", "attempt_position (partition=? AND (position,webhook)>(?,?))"),
        ("settled_after", "pending_position (partition=? AND (position,webhook)>(?,?))"),
        (
            "settled_in_ranges",
            "attempt_webhook (webhook=? AND partition=? AND position>? AND position<?)",
        ),
        (
            "settled_in_ranges",
            "PRIMARY KEY (webhook=? AND partition=? AND position>? AND position<?)",
        ),
        ("requests", "dispatch_request_partition (partition=?)"),
        ("events_after", "SEARCH event USING INTEGER PRIMARY KEY (rowid>?)"),
        ("call_rows", "call_id (account=? AND id=?)"),
        ("contact_calls", "call_contact (account=? AND contact_number=? AND started_ms>?"),
        ("calls_listed", "call_started (account=? AND "),
        ("timers_due", "timer_due (due_ms<?)"),
        ("event", "event_id (account=? AND id=?)"),
        ("event", "event_kept_id (account=? AND id=?)"),
        ("pending_events", "SEARCH event USING INTEGER PRIMARY KEY (rowid=?)"),
        ("pending_events", "SEARCH kept USING INTEGER PRIMARY KEY (rowid=?)"),
        ("kept_add", "SEARCH event USING INTEGER PRIMARY KEY (rowid<?)"),
        ("kept_release", "SEARCH event_kept USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
        ("attempts_trim", "SEARCH attempt USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
        ("pending_trim", "pending_given_up (since_ms<?)"),
        ("pending_delete", "PRIMARY KEY (webhook=?)"),
        ("webhook_gone", "PRIMARY KEY (webhook>?)"),
        ("webhook_gone", "resource_id (kind=? AND id=?)"),
        ("pending_due", "resource_id (kind=? AND id=?)"),
        ("deliveries_live", "resource_id (kind=? AND id=?)"),
        ("backlogs", "pending_live (webhook=?)"),
        ("backlogs", "pending_due (partition=? AND webhook=? AND due_ms>? AND due_ms<?)"),
        ("delivery_views", "attempt_webhook (webhook=? AND partition=? AND position=?)"),
        ("deliveries_of_events", "pending_position (partition=? AND position=?)"),
        ("deliveries_of_events", "attempt_position (partition=? AND position=?)"),
        (
            "deliveries_rows",
            "PRIMARY KEY (webhook=? AND partition=? AND position>? AND position<?)",
        ),
        (
            "deliveries_live",
            "pending_live (webhook=? AND partition=? AND position>? AND position<?)",
        ),
        (
            "deliveries_attempts",
            "attempt_webhook (webhook=? AND partition=? AND position>? AND position<?)",
        ),
        ("events_at", "SEARCH event USING INTEGER PRIMARY KEY (rowid=?)"),
        ("events_at", "SEARCH kept USING INTEGER PRIMARY KEY (rowid=?)"),
        ("kept_of_key", "event_kept_key (account=? AND key=?)"),
        ("delivery_stretches", "resource_listed (account=? AND kind=?)"),
    ],
)
def test_what_is_asked_often_uses_its_index(connection: Connection, name: str, index: str) -> None:
    steps = plan(connection, name)
    assert any(index in step for step in steps), steps
