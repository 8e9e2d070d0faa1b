"""One process owns a data folder; whoever cannot have it is told why and what to do."""

from pathlib import Path

import pytest

from offhook.model.errors import OffhookError
from offhook.store.sqlite import open_sqlite
from offhook.store.sqlite.connection import open_writer
from offhook.store.sqlite.folder import DATABASE
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import TTL_S, appended, lease_for, plain, whole_log


async def test_a_second_process_is_refused_with_the_folder_and_a_remedy(tmp_path: Path) -> None:
    first = open_sqlite(tmp_path, clock=FakeClock())
    with pytest.raises(OffhookError) as refusal:
        open_sqlite(tmp_path, clock=FakeClock())
    assert refusal.value.code == "data_in_use"
    assert str(tmp_path) in refusal.value.detail
    assert "--data" in refusal.value.detail
    await first.close()


async def test_the_folder_is_free_once_the_store_is_closed(tmp_path: Path) -> None:
    for _ in range(2):
        store = open_sqlite(tmp_path / "deep" / "down", clock=FakeClock())
        await appended(store, plain("k"))
        await store.close()


async def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OffhookError, match="file"):
        open_sqlite(tmp_path / "file", clock=FakeClock())


async def test_a_refused_database_gives_the_folder_back(tmp_path: Path) -> None:
    store = open_sqlite(tmp_path, clock=FakeClock())
    await store.close()
    later = open_writer(tmp_path / DATABASE)
    later.run("schema_version_add", version=9_999, name="later", applied_ms=0)
    later.close()
    for _ in range(2):
        with pytest.raises(OffhookError) as refusal:
            open_sqlite(tmp_path, clock=FakeClock())
        assert refusal.value.code == "schema_newer"


async def test_leases_of_the_process_that_died_are_free_at_once(tmp_path: Path) -> None:
    clock = FakeClock()
    store = open_sqlite(tmp_path, clock=clock)
    lease = await lease_for(store, "k", "first")
    await store.close()
    store = open_sqlite(tmp_path, clock=clock)
    assert (await lease_for(store, "k", "second")).takeovers == 1
    assert await store.leases.renew([lease], TTL_S) == []
    await store.close()


async def test_databases_in_memory_are_apart() -> None:
    first, second = (open_sqlite(None, clock=FakeClock()) for _ in range(2))
    await appended(first, plain("k"))
    assert await whole_log(second) == []
    await first.close()
    await second.close()
