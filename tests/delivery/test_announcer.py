"""What is announced goes to the log and out of its row, whatever the log makes of it."""

from collections.abc import AsyncIterator

import pytest
import structlog

from offhook.delivery.engine.announcer import Announcer
from offhook.delivery.entries import Announcement, PartitionChanges
from offhook.log.appender import Appender
from offhook.log.fold import fold
from offhook.model.ids import DEFAULT_ACCOUNT, EventId
from offhook.store.sqlite import SqliteStore, open_sqlite
from offhook.testing.clock import FakeClock


@pytest.fixture
async def store() -> AsyncIterator[SqliteStore]:
    opened = open_sqlite(None, clock=FakeClock())
    await opened.keys.put_account(DEFAULT_ACCOUNT, "Default")
    yield opened
    await opened.close()


def announcement(number: int, key: str = "wh_crm") -> Announcement:
    return Announcement(
        0,
        DEFAULT_ACCOUNT,
        EventId(f"told:{number}"),
        "webhook.failing",
        key,
        test=False,
        data=b"{}",
    )


async def test_what_the_log_refuses_is_told_once_and_keeps_nothing_behind_it(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("offhook.delivery.engine.announcer._AT_ONCE", 5)
    [taken] = (await store.leases.acquire("deliver", "test", 10)).taken
    told = [announcement(number, "call_unknown") for number in range(5)] + [announcement(5)]
    await store.dispatch.apply([PartitionChanges(taken, 0, announce=tuple(told))])
    appender = Appender(store=store.log, fold=fold)
    appender.start()
    announcer = Announcer(store=store.announcements, appender=appender, partitions=lambda: range(1))
    with structlog.testing.capture_logs() as logged:
        for _ in range(3):
            await announcer.run_once()
    await appender.stop()
    assert await store.log.head(0) == 1
    assert await store.announcements.announcements([0], 10) == []
    assert [it["id"] for it in logged] == [f"told:{number}" for number in range(5)]
