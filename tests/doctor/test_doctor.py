"""The check-up on real things that something is wrong with."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from time import time_ns
from urllib.parse import urlsplit

import apsw
import asyncpg
import pytest

from offhook.__main__ import main
from offhook.clock import SystemClock
from offhook.doctor.configuration import stated
from offhook.doctor.database import opened
from offhook.doctor.examination import examine
from offhook.doctor.findings import Finding, Status
from offhook.settings import Settings, load
from offhook.store.postgres import open_postgres
from offhook.store.postgres.migrations import migrate_database
from offhook.store.sqlite import open_sqlite
from offhook.store.sqlite.migrations import migrate_folder
from offhook.testing.servers.redis import RedisServer, ask

Found = dict[str, Finding]


async def examined(settings: Settings) -> Found:
    found = await examine(settings, [])
    return {finding.name: finding for finding in found}


async def run(url: str, *statements: str) -> None:
    raw = await asyncpg.connect(url)
    for statement in statements:
        await raw.execute(statement)
    await raw.close()


def write(folder: Path, *statements: str) -> None:
    raw = apsw.Connection(str(folder / "offhook.db"))
    for statement in statements:
        raw.execute(statement)
    raw.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    migrate_folder(tmp_path / "data", 0)
    return tmp_path / "data"


@pytest.fixture
async def url(postgres_url: str) -> str:
    await migrate_database(postgres_url, 4)
    return postgres_url


async def test_a_fresh_installation_in_a_folder_has_no_fault(folder: Path) -> None:
    found = await examined(load(data=folder))
    assert {it.status for it in found.values()} <= {Status.OK, Status.WARN}
    assert found["schema"].status is Status.OK
    assert found["lock"].what == "no server runs on the folder"


async def test_a_folder_without_an_installation_is_left_alone(tmp_path: Path) -> None:
    found = await examined(load(data=tmp_path / "nowhere"))
    assert "holds no installation yet" in found["data folder"].what
    assert not (tmp_path / "nowhere").exists()


async def test_a_server_at_work_is_named_and_not_disturbed(folder: Path) -> None:
    store = open_sqlite(folder, clock=SystemClock())
    await store.leases.acquire("deliver", "me", 60)
    found = await examined(load(data=folder))
    assert found["lock"].what.endswith(f"(pid {os.getpid()})")
    assert found["leases"].what == "1 held by 1 live processes"
    await store.keys.put_account("acc", "Still writing")  # type: ignore[arg-type]
    await store.close()


async def test_a_folder_that_others_may_read_and_a_newer_schema_are_found(folder: Path) -> None:
    folder.chmod(0o755)
    write(folder, "INSERT INTO schema_version VALUES (99, 'later', 0)")
    found = await examined(load(data=folder))
    assert found["data folder"].status is Status.WARN
    assert found["schema"].status is Status.FAIL
    assert "backlog" not in found


async def test_a_damaged_file_is_found(folder: Path) -> None:
    write(folder, "PRAGMA wal_checkpoint(TRUNCATE)")
    with (folder / "offhook.db").open("r+b") as file:
        file.seek(16_384)
        file.write(b"\xff" * 65_536)
    found = await examined(load(data=folder))
    assert any(it.status is Status.FAIL for it in (found.get("integrity"), found.get("file")) if it)


async def test_a_database_that_servers_use_has_no_fault_of_the_log(url: str) -> None:
    store = await open_postgres(url)
    assert store.upkeep is not None
    await store.upkeep.run_once()
    await store.leases.acquire("deliver", "me", 60)
    found = await examined(load(database=url))
    for name in (
        "database",
        "rights",
        "clock",
        "schema",
        "daily tables",
        "leases",
        "lag",
        "vacuum",
    ):
        assert found[name].status is Status.OK, found[name]
    assert "fsync is off" in found["durability"].what
    await store.close()


async def test_a_database_that_cannot_be_reached_is_told_without_its_password() -> None:
    found = await examined(load(database="postgresql://me:s3cret@127.0.0.1:1/nothing"))
    assert found["database"].status is Status.FAIL
    assert "127.0.0.1:1/nothing" in found["database"].what
    assert "s3cret" not in str(found)


async def test_a_question_that_is_not_answered_is_not_taken_for_no_connection(url: str) -> None:
    await run(url, "DROP TABLE held")
    found = await examined(load(database=url))
    assert found["database"].status is Status.OK
    assert found["check-up"].status is Status.FAIL
    assert '"held"' in found["check-up"].what


async def test_an_empty_database_is_told_to_be_migrated(postgres18_url: str) -> None:
    found = await examined(load(database=postgres18_url))
    assert found["schema"].status is Status.WARN
    assert "offhook migrate" in (found["schema"].remedy or "")


async def test_orphaned_leases_name_who_left_them(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("offhook.doctor.examination.LEASE_S", 0.0)
    later = time_ns() // 1_000_000 + 600_000
    await run(
        url,
        "INSERT INTO lease (consumer, partition, owner, epoch, until_ms, cursor, takeovers) "
        f"VALUES ('deliver', 0, 'alive', 1, {later}, 0, 0), ('deliver', 1, 'dead', 1, 5, 0, 0)",
        f"INSERT INTO member VALUES ('deliver', 'alive', {later}), ('deliver', 'dead', 5)",
    )
    found = await examined(load(database=url))
    assert found["leases"].status is Status.FAIL
    assert "deliver 1" in found["leases"].what
    assert "left by dead" in found["leases"].what


async def test_what_lags_waits_and_was_given_up_is_counted(url: str) -> None:
    ago = time_ns() // 1_000_000 - 7_200_000
    row = "'acc', 'e', 't', 'k', NULL"
    await run(
        url,
        f"SELECT offhook_make_day('event', {ago})",
        "INSERT INTO event "
        f"VALUES (2, 1, 'e', 'acc', 't', 'k', 1, {ago}, false, false, NULL, NULL, '')",
        "INSERT INTO lease (consumer, partition, epoch, until_ms, cursor, takeovers) "
        "SELECT 'deliver', partition, 1, 0, 0, 0 FROM partition_head",
        f"INSERT INTO pending VALUES ('wh', 2, 1, {row}, 'retry', 1, {ago}, 0, NULL),"
        f"('wh', 2, 2, {row}, 'failed', 1, NULL, 0, NULL)",
        "INSERT INTO held VALUES (2, 'wh', 1)",
    )
    found = await examined(load(database=url))
    assert found["lag"].status is Status.FAIL
    assert "1 events after the cursors, the oldest from 2 h ago" in found["lag"].what
    assert "due since 2 h, 1 for more than 60 s" in found["backlog"].what
    assert "wh" in found["endpoints behind"].what
    assert found["given up"].what == "1 failed for good, 0 canceled"


async def test_tables_that_are_not_vacuumed_or_not_made_ahead_are_named(url: str) -> None:
    await run(url, "ALTER TABLE pending SET (autovacuum_enabled = false)")
    found = await examined(load(database=url))
    assert "pending" in found["vacuum of tables"].what
    assert found["daily tables"].status is Status.WARN
    assert "event_" in found["daily tables"].what


async def test_a_user_without_the_rights_is_told_what_to_grant(url: str) -> None:
    parts = urlsplit(url)
    schema = parts.query.removeprefix("search_path=")
    role = f"reader_{schema}"
    await run(url, f"CREATE ROLE {role} LOGIN", f"GRANT USAGE ON SCHEMA {schema} TO {role}")
    mine = url.replace("postgres@", f"{role}@", 1)
    try:
        found = await examined(load(database=mine))
        assert found["rights"].remedy == f"GRANT CREATE, USAGE ON SCHEMA {schema} TO {role}"
        await run(url, f"GRANT CREATE ON SCHEMA {schema} TO {role}")
        found = await examined(load(database=mine))
        assert f"are not {role}'s" in found["rights"].what
    finally:
        await run(url, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


async def test_a_transaction_left_open_is_found(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offhook.doctor.database.LONG_S", 0)
    raw = await asyncpg.connect(url, server_settings={"application_name": "long report"})
    async with raw.transaction():
        await raw.execute("SELECT 1")
        async with opened(url) as read:
            held = {it.pid: it for it in await read.open_transactions()}
        assert held[raw.get_server_pid()].application == "long report"
        assert held[raw.get_server_pid()].state == "idle in transaction"
    await raw.close()


async def test_a_redis_that_forgets_is_found(tmp_path: Path, folder: Path) -> None:
    with RedisServer(tmp_path / "redis") as server:
        settings = load(data=folder, redis=server.url())
        found = await examined(settings)
        assert (found["redis"].status, found["redis memory"].status) == (Status.OK, Status.OK)
        ask(server.port, "CONFIG SET maxmemory 100mb")
        ask(server.port, "CONFIG SET maxmemory-policy allkeys-lru")
        assert (await examined(settings))["redis memory"].status is Status.WARN
    gone = await examined(settings)
    assert gone["redis"].status is Status.FAIL


def test_settings_name_their_source_and_hide_what_is_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "offhook.toml").write_text('redis = "redis://:hush@cache:6379/1"\nport = 9000\n')
    monkeypatch.setenv("OFFHOOK_PORT", "9001")
    monkeypatch.setenv("OFFHOOK_BOOTSTRAP_KEY", "k" * 40)
    settings = load(data=tmp_path / "d")
    told = {it.name: (it.value, it.source) for it in stated(settings, frozenset({"data"}))}
    assert told == {
        "data": (str(tmp_path / "d"), "--data"),
        "port": ("9001", "OFFHOOK_PORT"),
        "bootstrap_key": ("***", "OFFHOOK_BOOTSTRAP_KEY"),
        "redis": ("redis://cache:6379/1", "offhook.toml"),
    }


Ran = tuple[int, str, str]


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., Ran]:
    """Runs a command in an empty folder."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)

    def ran(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["offhook", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return ran


def test_the_command_fails_only_where_something_does(command: Callable[..., Ran]) -> None:
    assert command("migrate", "--data", "d")[0] == 0
    code, out, _ = command("doctor", "--data", "d")
    assert code == 0
    assert "start offhook serve with the role all or engine" in out
    code, out, _ = command("doctor", "--database", "postgresql://127.0.0.1:1/x", "--json")
    assert code == 1
    told = json.loads(out)
    assert told["ok"] is False
    assert told["settings"][0]["source"] == "--database"
    assert {"name", "status", "what", "remedy"} == set(told["findings"][0])


def test_migrating_says_by_which_steps_and_then_that_there_is_nothing_to_do(
    command: Callable[..., Ran],
) -> None:
    code, out, _ = command("migrate", "--data", "d")
    assert code == 0
    assert out.startswith("d: the schema was brought from version 0 to ")
    assert "  1 spine (expand)" in out
    told = json.loads(command("migrate", "--data", "d", "--json")[1])
    assert (told["found"], told["steps"]) == (told["version"], [])
    assert "nothing to do" in command("migrate", "--data", "d")[1]


def test_migrating_a_database_names_it_without_its_password(
    command: Callable[..., Ran], postgres18_url: str
) -> None:
    url = postgres18_url.replace("postgres@", "postgres:s3cret@", 1)
    code, out, _ = command("migrate", "--database", url)
    assert code == 0
    assert "s3cret" not in out
    assert "from version 0 to" in out
    assert "nothing to do" in command("migrate", "--database", url)[1]


def test_a_folder_in_use_a_newer_schema_and_two_places_are_refused(
    command: Callable[..., Ran], folder: Path
) -> None:
    write(folder, "INSERT INTO schema_version VALUES (99, 'later', 0)")
    code, _, errors = command("migrate", "--data", str(folder))
    assert (code, "newer Offhook" in errors) == (1, True)
    code, _, errors = command("migrate", "--data", "d", "--database", "postgresql://h/d")
    assert (code, "give one of them" in errors) == (1, True)
