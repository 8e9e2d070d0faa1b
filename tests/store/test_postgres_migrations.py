"""The schema on PostgreSQL goes forward, step by step, to the same place from anywhere, once, and
while others are at work."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import astuple

import asyncpg
import pytest
from processes import connected, held_up, opened

from offhook.model.errors import OffhookError
from offhook.model.ids import DEFAULT_ACCOUNT
from offhook.store.migrations import Migration, known_migrations
from offhook.store.postgres import migrations, open_postgres
from offhook.store.postgres.migrations import migrate_database
from offhook.testing.conformance.material import appended, plain, whole_log
from offhook.testing.servers.postgres import fresh_schema
from offhook.testing.servers.postgres_binaries import PostgresBinaries

OUTER_S = 60.0
STEPS = known_migrations("postgres")
LATER = Migration(
    STEPS[-1].version + 1,
    "later",
    "expand",
    "CREATE TABLE later (n integer); CREATE INDEX later_n ON later (n);",
)

CATALOG = {
    "columns": """
        SELECT relname, attnum, attname, format_type(atttypid, atttypmod), attnotnull, attidentity,
            attstorage, collname, pg_get_expr(adbin, adrelid)
        FROM pg_attribute
        JOIN pg_class ON pg_class.oid = attrelid AND relkind IN ('r', 'p')
        LEFT JOIN pg_collation ON pg_collation.oid = attcollation
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE relnamespace = current_schema()::regnamespace AND attnum > 0""",
    "tables": """
        SELECT relname, relkind, relispartition, relpersistence, array_to_string(reloptions, ' '),
            pg_get_partkeydef(oid), pg_get_expr(relpartbound, oid)
        FROM pg_class WHERE relnamespace = current_schema()::regnamespace""",
    "indexes": """
        SELECT pg_get_indexdef(indexrelid), indisunique, indisprimary, indisvalid
        FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
        WHERE relnamespace = current_schema()::regnamespace""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, contype, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = current_schema()::regnamespace""",
    "functions": """
        SELECT pg_get_functiondef(oid)
        FROM pg_proc WHERE pronamespace = current_schema()::regnamespace""",
}

DATA = {
    "event": "SELECT offhook_make_day('event', 0); INSERT INTO event VALUES "
    "(3, 1, 'evt_a', 'acc_default', 'custom.noted', 'k', 1, 5, false, false, null, null, '{}')",
    "key_head": "INSERT INTO key_head VALUES ('acc_default', 'k', 'evt_a', 'custom.noted', 1, 1)",
    "api_key": "INSERT INTO api_key (digest, id, account, test, scopes) VALUES "
    "('digest', 'key_a', 'acc_default', false, '[\"*\"]')",
    "lease": "INSERT INTO lease VALUES ('deliver', 3, null, 4, 0, 1, 0, null)",
    "timer": "INSERT INTO timer VALUES (3, 'acc_default', 'call_a', 'settle', 7)",
    "resource": "INSERT INTO resource VALUES "
    "('acc_default', 'webhook', 'wh_a', 1, null, '{}', null, 0, 0)",
}


async def schema(url: str) -> dict[str, set[tuple[object, ...]]]:
    """All that the catalog tells of the schema, by its name left out."""
    own = url.partition("search_path=")[2]
    async with connected(url) as connection:
        return {
            kind: {
                tuple(str(value).replace(f"{own}.", "") for value in row)
                for row in await connection.fetch(question)
            }
            for kind, question in CATALOG.items()
        }


def stop_at(monkeypatch: pytest.MonkeyPatch, steps: list[Migration]) -> None:
    """Have the release know these steps."""
    monkeypatch.setattr(migrations, "known_migrations", lambda _: steps)


async def versions(connection: asyncpg.Connection) -> list[int]:
    """The steps that the database has gone."""
    rows = await connection.fetch("SELECT version FROM schema_version ORDER BY version")
    return [row[0] for row in rows]


async def test_a_database_of_the_first_release_becomes_like_a_new_one_and_keeps_its_data(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_at(monkeypatch, STEPS[:1])
    await migrate_database(postgres_url, 4)
    async with connected(postgres_url) as connection:
        for statement in DATA.values():
            await connection.execute(statement)
        before = {table: await connection.fetch(f"TABLE {table}") for table in DATA}
        stop_at(monkeypatch, STEPS)
        migrated = await migrate_database(postgres_url, 16)
        assert (migrated.found, migrated.steps) == (1, tuple(STEPS[1:]))
        for table, rows in before.items():
            after = await connection.fetch(f"TABLE {table}")
            assert [{**row} for row in after] == [{**dict(after[0]), **row} for row in rows]
    async with opened(postgres_url) as store:
        assert store.log.partitions == 4
        assert await store.keys.key(b"digest") is not None
        [event] = await appended(store, plain("k"))
        assert event.sequence == 2


async def test_migrated_is_the_same_as_fresh(
    postgres: PostgresBinaries, servers: Callable[[str], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    port = servers(postgres.name)
    with fresh_schema(postgres, port) as one, fresh_schema(postgres, port) as other:
        for known in range(1, len(STEPS) + 2):
            stop_at(monkeypatch, [*STEPS, LATER][:known])
            await migrate_database(one, 4)
        await migrate_database(other, 4)
        migrated, fresh = await schema(one), await schema(other)
    assert "later_n" in {row[0] for row in migrated["tables"]}
    for kind in CATALOG:
        assert migrated[kind] == fresh[kind], kind


async def test_a_second_run_changes_nothing(postgres18_url: str) -> None:
    await migrate_database(postgres18_url, 4)
    before = await schema(postgres18_url)
    migrated = await migrate_database(postgres18_url, 4)
    assert astuple(migrated) == (len(STEPS), ())
    assert await schema(postgres18_url) == before


OPEN = """
import asyncio, sys
from offhook.store.keyring import Keyring
from offhook.store.postgres import open_postgres

async def main(url, partitions):
    keyring = Keyring(("k" * 32,))
    store = await open_postgres(url, partitions=partitions, keyring=keyring)
    print(store.log.partitions, store.feed.generation)
    await store.close()

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


async def test_processes_that_open_an_empty_database_at_once_find_one_log(
    postgres18_url: str,
) -> None:
    async with asyncio.timeout(OUTER_S):
        said = await asyncio.gather(*(open_in_a_process(postgres18_url, n) for n in (2, 3, 4, 5)))
    assert len(set(said)) == 1
    partitions, _generation = said[0].split()
    assert partitions in {"2", "3", "4", "5"}
    async with connected(postgres18_url) as connection:
        assert await versions(connection) == [step.version for step in STEPS]
        assert await connection.fetchval("SELECT count(*) FROM partition_head") == int(partitions)


async def open_in_a_process(url: str, partitions: int) -> str:
    """What a process that opens the store finds."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OPEN, url, str(partitions), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return said.decode()


async def test_the_number_of_partitions_stays_what_it_was_made_with(postgres18_url: str) -> None:
    for asked in (4, 16, 1):
        async with opened(postgres18_url, partitions=asked) as store:
            assert store.log.partitions == 4
            await appended(store, *(plain(f"key-{at}") for at in range(8)))
    assert await positions(postgres18_url) == 24


async def positions(url: str) -> int:
    """How many events there are; each partition's positions have no gap."""
    async with opened(url) as store:
        events = await whole_log(store)
    for partition in {event.partition for event in events}:
        there = [event.position for event in events if event.partition == partition]
        assert there == list(range(1, len(there) + 1))
    return len(events)


async def test_a_step_that_fails_leaves_the_schema_where_it_was(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate_database(postgres_url, 4)
    before = await schema(postgres_url)
    broken = Migration(
        LATER.version, "broken", "expand", f"{LATER.script} CREATE TABLE event (n integer);"
    )
    stop_at(monkeypatch, [*STEPS, broken])
    with pytest.raises(OffhookError, match="already exists"):
        await open_postgres(postgres_url)
    assert await schema(postgres_url) == before
    monkeypatch.undo()
    async with opened(postgres_url) as store:
        await appended(store, plain("a"))


async def test_a_newer_schema_is_refused_with_both_versions(postgres18_url: str) -> None:
    await migrate_database(postgres18_url, 4)
    async with connected(postgres18_url) as connection:
        await connection.execute("INSERT INTO schema_version VALUES (99, 'later', 0)")
    with pytest.raises(OffhookError, match=rf"schema 99; .* to {len(STEPS)}\)"):
        await open_postgres(postgres18_url)


async def test_a_step_that_waits_for_a_long_report_lets_everybody_else_go_on(
    postgres18_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits to change a table keeps all who come after it waiting as well, if only to read."""
    monkeypatch.setattr(migrations, "_LOCK_WAIT_MS", 50)
    monkeypatch.setattr(migrations, "_PAUSE_S", 0.05)
    stop_at(monkeypatch, STEPS)
    async with (
        asyncio.timeout(OUTER_S),
        connected(postgres18_url) as report,
        connected(postgres18_url) as beside,
        opened(postgres18_url) as store,
    ):
        change = Migration(
            LATER.version, "later", "expand", "ALTER TABLE api_key ADD COLUMN later integer"
        )
        stop_at(monkeypatch, [*STEPS, change])
        async with report.transaction():
            await report.fetch("TABLE api_key")
            migrating = asyncio.create_task(migrate_database(postgres18_url, 4))
            while not await held_up(report, beside):
                await asyncio.sleep(0.001)
            for _ in range(20):
                await store.keys.has_keys()
            assert not migrating.done()
        migrated = await migrating
        assert migrated.steps == (change,)
        await store.keys.put_account(DEFAULT_ACCOUNT, "Default")
