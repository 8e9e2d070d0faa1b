"""Servers made from nothing serve, die and come back with what was committed."""

import asyncio
import os
import tempfile
from pathlib import Path

import asyncpg
import pytest

from offhook.testing.servers.postgres import PostgresServer, fresh_schema, run_sql
from offhook.testing.servers.postgres_binaries import PostgresBinaries, find_postgres
from offhook.testing.servers.process import ServerFailed


def rows(server: PostgresServer, *statements: str) -> list[str]:
    return run_sql(server.binaries, server.url(), *statements).split()


def test_what_was_committed_survives_every_kind_of_end(
    postgres: PostgresBinaries, tmp_path: Path
) -> None:
    with PostgresServer(tmp_path, postgres) as server:
        rows(server, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (0)")
        server.restart()
        rows(server, "INSERT INTO kept VALUES (1)")
        server.restart(immediate=True)
        rows(server, "INSERT INTO kept VALUES (2)")
        server.kill()
        server.start()
        assert rows(server, "SELECT n FROM kept ORDER BY n") == ["0", "1", "2"]


@pytest.mark.parametrize(("durable", "shown"), [(True, "on"), (False, "off")])
def test_whether_commits_reach_the_disk_is_chosen(
    tmp_path: Path, durable: bool, shown: str
) -> None:
    with PostgresServer(tmp_path, durable=durable) as server:
        names = ("fsync", "synchronous_commit", "full_page_writes")
        assert rows(server, *(f"SHOW {name}" for name in names)) == [shown] * 3
        assert rows(server, "SHOW max_connections") == ["200"]


async def test_a_start_after_a_kill_waits_for_busy_orphans(tmp_path: Path) -> None:
    with PostgresServer(tmp_path, durable=False) as server:
        busy = await asyncpg.connect(server.url())
        at_work = asyncio.Event()
        busy.add_log_listener(lambda *_: at_work.set())
        loop = "WHILE clock_timestamp() < now() + interval '1 s' LOOP END LOOP"
        work = asyncio.create_task(
            busy.execute(f"DO $$ BEGIN RAISE NOTICE 'at work'; {loop}; END $$")
        )
        await asyncio.wait_for(at_work.wait(), 20)
        server.kill()
        server.start()
        assert rows(server, "SELECT 1") == ["1"]
        busy.terminate()
        await asyncio.gather(work, return_exceptions=True)


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    with PostgresServer(tmp_path, durable=False) as server:
        (server.data / "postgresql.conf").write_text("no_such_setting = 1")
        with pytest.raises(ServerFailed, match=r"exit code 1(.|\n)*no_such_setting"):
            server.restart()
        with pytest.raises(ServerFailed, match="Connection refused"):
            rows(server, "SELECT 1")


def test_leaving_ends_the_process_and_frees_what_lies_elsewhere(tmp_path: Path) -> None:
    with PostgresServer(tmp_path, durable=False) as server:
        pid = server.pid
        with pytest.raises(ServerFailed, match="runs already"):
            server.start()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert server.data.exists() == server.data.is_relative_to(tmp_path)


def test_a_cluster_in_a_folder_that_can_be_entered_is_used_again() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        with PostgresServer(folder) as server:
            rows(server, "CREATE TABLE kept (n int)")
        with PostgresServer(folder) as server:
            assert rows(server, "SELECT count(*) FROM kept") == ["0"]
            assert server.data.parent == folder.resolve()


async def test_schemas_of_one_server_do_not_meet_and_go(
    postgres: PostgresBinaries, postgres_url: str
) -> None:
    port = int(postgres_url.rpartition(":")[2].partition("/")[0])
    one = await asyncpg.connect(postgres_url)
    await one.execute("CREATE TABLE same_name (n int); INSERT INTO same_name VALUES (1)")
    with fresh_schema(postgres, port) as url:
        other = await asyncpg.connect(url)
        await other.execute("CREATE TABLE same_name (n int)")
        assert await other.fetchval("SELECT count(*) FROM same_name") == 0
    assert await other.fetchval("SELECT current_schema()") is None
    assert await one.fetchval("SELECT count(*) FROM same_name") == 1
    assert one.get_server_version().major == postgres.version
    await one.close()
    await other.close()


def test_the_newest_version_is_taken_unless_told(tmp_path: Path) -> None:
    assert PostgresServer(tmp_path).version == find_postgres().version >= 18
