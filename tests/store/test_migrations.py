"""The schema goes forward, step by step, to the same place from anywhere."""

from pathlib import Path

import pytest

from offhook.model.errors import OffhookError
from offhook.store.migrations import Migration, known_migrations
from offhook.store.sqlite import migrations
from offhook.store.sqlite.connection import Connection, open_writer
from offhook.store.sqlite.migrations import migrate

LATER = Migration(
    known_migrations("sqlite")[-1].version + 1,
    "later",
    "expand",
    "CREATE TABLE later (n INTEGER) STRICT; CREATE INDEX later_n ON later (n);",
)


def schema(connection: Connection) -> list[tuple[object, ...]]:
    text = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name"
    return list(connection.transaction().execute(text))


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_steps_are_numbered_without_a_gap_and_say_what_they_do_to_the_release_before(
    dialect: str,
) -> None:
    steps = known_migrations(dialect)
    assert [step.version for step in steps] == list(range(1, len(steps) + 1))
    assert {step.phase for step in steps} <= {"expand", "contract"}


def test_steps_have_the_same_numbers_and_names_in_both_dialects() -> None:
    sqlite, postgres = (
        [(step.version, step.name) for step in known_migrations(dialect)]
        for dialect in ("sqlite", "postgres")
    )
    assert sqlite == postgres


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / "a.db")
    version = migrate(connection, 0).version
    before = schema(connection)
    assert migrate(connection, 1).version == version
    assert schema(connection) == before
    connection.close()


def test_migrated_is_the_same_as_fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    migrated, fresh = (open_writer(tmp_path / name) for name in ("migrated.db", "fresh.db"))
    migrate(migrated, 0)
    steps = [*known_migrations("sqlite"), LATER]
    monkeypatch.setattr(migrations, "known_migrations", lambda _: steps)
    assert migrate(migrated, 1).version == migrate(fresh, 1).version == LATER.version
    assert schema(migrated) == schema(fresh)
    for connection in (migrated, fresh):
        connection.close()


def test_a_step_that_fails_leaves_the_schema_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = open_writer(tmp_path / "a.db")
    version = migrate(connection, 0).version
    before = schema(connection)
    broken = Migration(LATER.version, "broken", "expand", LATER.script + "CREATE TABLE event (n);")
    monkeypatch.setattr(
        migrations, "known_migrations", lambda _: [*known_migrations("sqlite"), broken]
    )
    with pytest.raises(Exception, match="already exists"):
        migrate(connection, 0)
    assert schema(connection) == before
    assert connection.value("schema_version") == version
    connection.close()


def test_a_newer_schema_is_refused_with_both_versions(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / "a.db")
    version = migrate(connection, 0).version
    connection.run("schema_version_add", version=version + 6, name="later", applied_ms=0)
    with pytest.raises(OffhookError, match=rf"schema {version + 6}; .* to {version}\)"):
        migrate(connection, 0)
    connection.close()
