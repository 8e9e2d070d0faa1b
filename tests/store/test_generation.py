"""Every installation is a log of its own; an older backup of one is known by where it ends."""

import shutil
from pathlib import Path

from offhook.log.entries import FeedFilter
from offhook.model.ids import DEFAULT_ACCOUNT
from offhook.store.sqlite import open_sqlite
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import appended, plain


async def test_two_installations_are_two_logs_with_keys_of_their_own() -> None:
    one, two = (open_sqlite(None, clock=FakeClock()) for _ in range(2))
    assert one.feed.generation != two.feed.generation
    assert one.token_key != two.token_key
    assert repr(one.token_key) not in repr(one)
    await one.close()
    await two.close()


async def test_a_cursor_from_after_the_backup_lies_past_the_head(tmp_path: Path) -> None:
    data, backup = tmp_path / "data", tmp_path / "backup"
    store = open_sqlite(data, clock=FakeClock())
    await appended(store, plain("k", 1), plain("k", 2))
    await store.close()
    shutil.copytree(data, backup)
    store = open_sqlite(data, clock=FakeClock())
    await appended(store, plain("k", 3))
    read = await store.feed.feed(DEFAULT_ACCOUNT, {}, 10, FeedFilter())
    await store.close()
    restored = open_sqlite(backup, clock=FakeClock())
    page = await restored.feed.feed(DEFAULT_ACCOUNT, read.after, 10, FeedFilter())
    assert page.past_head
    await restored.close()
