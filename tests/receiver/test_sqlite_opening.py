"""A file that another is changing as a whole is waited for: SQLite itself does not always wait."""

from pathlib import Path

import apsw
import pytest

from offhook.model.errors import Conflict
from offhook.receiver import Depth
from offhook.receiver.sqlite import SqliteQueue, database


class Busy:
    """Another connection that holds the whole file, and SQLite that does not wait for it."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.waits = 0
        self.lets_go_after = 3
        self._connection = apsw.Connection(str(path))
        self._connection.execute("BEGIN EXCLUSIVE")
        monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 0)
        monkeypatch.setattr(database, "sleep", self._sleep)

    def _sleep(self, _: float) -> None:
        self.waits += 1
        if self.waits == self.lets_go_after:
            self._connection.execute("ROLLBACK")


async def test_a_file_that_is_busy_is_opened_once_it_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = Busy(tmp_path / "queue.db", monkeypatch)
    queue = SqliteQueue(tmp_path / "queue.db")
    await queue.open()
    assert (busy.waits, await queue.depth()) == (3, Depth(0, 0))
    await queue.close()


async def test_a_file_that_stays_busy_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Busy(tmp_path / "queue.db", monkeypatch)
    monkeypatch.setattr(database, "_OPEN_WITHIN_S", 0)
    with pytest.raises(Conflict, match="locked"):
        await SqliteQueue(tmp_path / "queue.db").open()
