"""Inserts of any width, and what a connection makes durable."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offhook.store.sqlite.connection import Connection, as_json, open_reader, open_writer
from offhook.store.sqlite.migrations import migrate

DUE = msgspec.json.Decoder(list[dict[str, str]])


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    opened = open_writer(tmp_path / "one.db")
    migrate(opened, 0)
    yield opened
    opened.close()


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(count=st.integers(0, 900))
def test_inserts_of_any_number_of_rows_write_each_once(connection: Connection, count: int) -> None:
    rows = [("acc", f"k{n}", "settle", n) for n in range(count)]
    connection.insert("timer_set", rows)
    found = connection.rows("timers_due", DUE, now_ms=count, limit=10_000)
    assert [row["key"] for row in found] == [f"k{n}" for n in range(count)]
    connection.run("timers_clear", timers=as_json(row[:3] for row in rows))
    assert connection.value("timer_next") is None


def test_few_texts_serve_all_widths(connection: Connection) -> None:
    widths = set[str]()
    raw = connection.transaction()
    raw.exec_trace = lambda _cursor, sql, _bindings: bool(widths.add(sql) or True)
    for count in range(1, 600):
        connection.insert("timer_set", [("acc", f"k{n}", "settle", n) for n in range(count)])
    assert len(widths) == 9


def test_a_commit_is_flushed_to_the_disk(connection: Connection) -> None:
    raw = connection.transaction()
    assert raw.pragma("journal_mode") == "wal"
    assert raw.pragma("synchronous") == 2


def test_a_reader_cannot_write(connection: Connection, tmp_path: Path) -> None:
    reader = open_reader(tmp_path / "one.db")
    with pytest.raises(Exception, match="readonly"):
        reader.insert("timer_set", [("acc", "k", "settle", 1)])
    reader.close()


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8", exclude_characters="\0")),
            st.integers(-(2**63), 2**63 - 1),
        )
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sets_of_keys_unfold_to_what_went_in(
    connection: Connection, rows: list[tuple[str, int]]
) -> None:
    text = "SELECT value ->> 0, value ->> 1 FROM json_each(?)"
    assert list(connection.transaction().execute(text, (as_json(rows),))) == rows
