"""The demo's database: nothing is left of it, unless it is to be kept; then it is told where."""

import shutil
from pathlib import Path

import asyncpg
import pytest

from offhook.demo.database import DemoDatabase, database_for
from offhook.model.errors import OffhookError


async def make_something(database: DemoDatabase | None) -> None:
    assert database is not None
    raw = await asyncpg.connect(database.url)
    await raw.execute("CREATE TABLE mine (id bigint)")
    await raw.close()


async def tables_named_mine(url: str) -> list[str]:
    raw = await asyncpg.connect(url)
    try:
        rows = await raw.fetch("SELECT schemaname FROM pg_tables WHERE tablename = 'mine'")
    finally:
        await raw.close()
    return [row[0] for row in rows if row[0].startswith("offhook_demo")]


async def test_one_process_needs_none(tmp_path: Path) -> None:
    async with database_for(None, 1, tmp_path, keep=False, say=print) as database:
        assert database is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("keep", [False, True])
async def test_in_a_given_one_it_has_a_schema_of_its_own(
    tmp_path: Path, postgres18_url: str, keep: bool
) -> None:
    said: list[str] = []
    async with database_for(postgres18_url, 1, tmp_path, keep=keep, say=said.append) as database:
        await make_something(database)
        [schema] = await tables_named_mine(postgres18_url)
    assert await tables_named_mine(postgres18_url) == ([schema] if keep else [])
    place = postgres18_url.replace("postgres@", "").partition("?")[0]
    assert said == ([f"Kept {place}, schema {schema}"] if keep else [])
    if keep:
        raw = await asyncpg.connect(postgres18_url)
        await raw.execute(f"DROP SCHEMA {schema} CASCADE")
        await raw.close()


async def test_one_of_its_own_is_gone_afterwards(tmp_path: Path) -> None:
    async with database_for(None, 2, tmp_path, keep=False, say=print) as database:
        await make_something(database)
        assert database is not None
    with pytest.raises(ConnectionRefusedError):
        await asyncpg.connect(database.url)


async def test_one_of_its_own_that_is_kept_can_be_started_again(tmp_path: Path) -> None:
    said: list[str] = []
    async with database_for(None, 2, tmp_path, keep=True, say=said.append) as database:
        await make_something(database)
    [line] = said
    data = Path(line.removeprefix("Kept PostgreSQL's cluster in "))
    try:
        assert (data / "PG_VERSION").exists()
        assert not (data / "postmaster.pid").exists()
    finally:
        shutil.rmtree(data)


async def test_a_password_is_shown_to_nobody(tmp_path: Path) -> None:
    url = "postgresql://me:secret@127.0.0.1:1/db"
    with pytest.raises(OffhookError, match="cannot be used") as refused:
        async with database_for(url, 4, tmp_path, keep=False, say=print):
            pass
    assert "secret" not in str(refused.value)
    assert "secret" not in repr(DemoDatabase(url, "here"))
