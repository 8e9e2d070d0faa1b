"""SQL stands in files: each used, each one statement, and the same in both dialects as far as can
be."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import offhook.store
from offhook.store.statements import Statements

FOLDER = Path(offhook.store.__file__).parent
DIALECTS = {dialect: Statements(dialect) for dialect in ("sqlite", "postgres")}
SQL = re.compile(
    r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|CREATE|ALTER|DROP|PRAGMA|BEGIN|COMMIT|ROLLBACK|SAVEPOINT)\b"
)
RUNNERS = {"run", "row", "rows", "only_row", "value", "column", "run_many"}
BEGINS_ANEW = "a process that opens the folder is alone with it: all leases were its predecessor's"
MEETS_OTHERS = "several processes append, apply and configure at once, and wait for each other"
MAY_BE_LOST = "the connection may be lost in a commit, whose outcome is to be found out"
HAS_DAYS = "what grows has a table for each day, made ahead"
GOES_BY_ROWS = "what is old goes some rows at a time"
GOES_BY_DAYS = "what is old goes a day at a time, each a table of its own"
ONE_PARTITION = "the log has one partition, whose positions are row numbers"
SEVERAL_PARTITIONS = "the log has partitions, as many as were chosen when it was made"
ALONE = {
    "sqlite": {
        "call_advance": "a row that is written again writes all indexes that it names",
        "event_created": ONE_PARTITION,
        "event_newest": ONE_PARTITION,
        "log_end": ONE_PARTITION,
        "event_oldest": GOES_BY_ROWS,
        "kept_add": GOES_BY_ROWS,
        "trim": GOES_BY_ROWS,
        "attempt_since": GOES_BY_ROWS,
        "attempts_reach": GOES_BY_ROWS,
        "attempts_trim": GOES_BY_ROWS,
        "retries_wanted": "which they are is read beside the writer, that nobody waits for it",
        "leases_expire": BEGINS_ANEW,
        "members_forget_all": BEGINS_ANEW,
    },
    "postgres": {
        "attempt_stands": MAY_BE_LOST,
        "event_stands": MAY_BE_LOST,
        "ping": MAY_BE_LOST,
        "day_make": HAS_DAYS,
        "days_old": GOES_BY_DAYS,
        "day_ends": GOES_BY_DAYS,
        "day_keep": GOES_BY_DAYS,
        "pending_tried": GOES_BY_DAYS,
        "retention_lock": MEETS_OTHERS,
        "now": HAS_DAYS,
        "event_keys_forget": "ids are forgotten after their time; on SQLite they have none",
        "events_created": SEVERAL_PARTITIONS,
        "heads_newest": SEVERAL_PARTITIONS,
        "key_partition": SEVERAL_PARTITIONS,
        "partition_heads_create": SEVERAL_PARTITIONS,
        "health_add": MEETS_OTHERS,
        "heads_locked": MEETS_OTHERS,
        "lock_timeout": MEETS_OTHERS,
        "transaction_timeout": MEETS_OTHERS,
        "migrations_lock": MEETS_OTHERS,
        "migrations_unlock": MEETS_OTHERS,
        "notify": MEETS_OTHERS,
        "repeats_raced": MEETS_OTHERS,
        "schema_name": MEETS_OTHERS,
        "shares_locked": MEETS_OTHERS,
        "webhooks_locked": MEETS_OTHERS,
    },
}
"""The statements that one dialect alone has, and why."""

EVERY_STATEMENT = [
    pytest.param(dialect, name, id=f"{dialect}-{name}")
    for dialect, statements in DIALECTS.items()
    for name in sorted(statements.names())
]


def trees(dialect: str) -> Iterator[ast.AST]:
    """All of a store's Python, parsed."""
    for path in (FOLDER / dialect).rglob("*.py"):
        yield from ast.walk(ast.parse(path.read_text()))


def texts(dialect: str) -> set[str]:
    """Every string in a store's Python."""
    return {
        node.value
        for node in trees(dialect)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def asked_for(dialect: str) -> set[str]:
    """The names of the statements that a store's Python runs."""
    return {
        node.args[0].value
        for node in trees(dialect)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in RUNNERS
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_file_is_used_and_all_that_is_run_has_a_file(dialect: str) -> None:
    names = DIALECTS[dialect].names()
    assert names - texts(dialect) == set()
    assert asked_for(dialect) - names == set()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_python_holds_no_sql(dialect: str) -> None:
    assert [text for text in texts(dialect) if SQL.match(text)] == []


@pytest.mark.parametrize(("dialect", "name"), EVERY_STATEMENT)
def test_a_file_holds_one_statement(dialect: str, name: str) -> None:
    code = "\n".join(line.partition("--")[0] for line in DIALECTS[dialect][name].splitlines())
    assert ";" not in code
    assert SQL.match(code)


@pytest.mark.parametrize(("dialect", "other"), [("sqlite", "postgres"), ("postgres", "sqlite")])
def test_a_statement_that_one_dialect_alone_has_has_a_reason(dialect: str, other: str) -> None:
    assert DIALECTS[dialect].names() - DIALECTS[other].names() == set(ALONE[dialect])


def test_a_name_without_a_file_is_an_error() -> None:
    with pytest.raises(KeyError):
        DIALECTS["sqlite"]["no_such_statement"]


def test_an_insert_is_widened_to_many_rows() -> None:
    text = DIALECTS["sqlite"].for_rows("timer_set", 3)
    assert text.count("(?, ?, ?, ?)") == 3
    assert text.count("excluded.due_ms") == 1
