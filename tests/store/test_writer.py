"""The one writer: what waits is committed together, and each job stands or falls alone."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from offhook.log.entries import Topic
from offhook.store.sqlite.connection import Connection, open_writer
from offhook.store.sqlite.migrations import migrate
from offhook.store.sqlite.writer import Transaction, Writer


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    opened = open_writer(tmp_path / "one.db")
    migrate(opened, 0)
    yield opened
    opened.close()


def account(name: str, *topics: Topic) -> "Work":
    return Work(name, frozenset(topics))


class Work:
    """Makes an account; remembers what became of it."""

    def __init__(self, name: str, topics: frozenset[Topic]) -> None:
        self.name = name
        self.topics = topics
        self.became: list[str] = []

    def __call__(self, transaction: Transaction) -> str:
        transaction.committed.append(lambda: self.became.append("committed"))
        transaction.undone.append(lambda: self.became.append("undone"))
        transaction.topics |= self.topics
        transaction.connection.run("account_put", account=self.name, name=self.name)
        if self.name.startswith("bad"):
            raise ZeroDivisionError
        return self.name


def names(connection: Connection) -> set[str]:
    return {row[0] for row in connection.transaction().execute("SELECT id FROM account")}


class Stage:
    """A writer that is kept busy until all jobs of a test wait."""

    def __init__(self, connection: Connection) -> None:
        self.heard: list[frozenset[Topic]] = []
        self.writer = Writer(connection, self.heard.append)
        self._go = threading.Event()
        self._busy = threading.Event()

    def _block(self, _: Transaction) -> None:
        self._busy.set()
        self._go.wait(10)

    async def together(self, *jobs: Work, first: Work | None = None) -> list[object]:
        """Have all of them committed at once; returns results and errors."""
        blocker = asyncio.create_task(self.writer.write(self._block))
        await asyncio.to_thread(self._busy.wait, 10)
        waiting = [asyncio.create_task(self.writer.write(job)) for job in jobs]
        if first is not None:
            waiting.append(asyncio.create_task(self.writer.write(first, first=True)))
        await asyncio.sleep(0)
        self._go.set()
        await blocker
        return list(await asyncio.gather(*waiting, return_exceptions=True))


async def test_a_job_that_raises_fails_alone(connection: Connection) -> None:
    stage = Stage(connection)
    good, bad, late = account("a"), account("bad"), account("c")
    results = await stage.together(good, bad, late)
    stage.writer.stop()
    assert [results[0], type(results[1]), results[2]] == ["a", ZeroDivisionError, "c"]
    assert names(connection) == {"a", "c"}
    assert [job.became[-1] for job in (good, bad, late)] == ["committed", "undone", "committed"]


async def test_what_waits_is_one_commit_with_one_announcement(connection: Connection) -> None:
    commits = list[None]()
    connection.transaction().set_commit_hook(lambda: bool(commits.append(None)))
    stage = Stage(connection)
    jobs = [account(f"a{n}", Topic.EVENTS if n else Topic.CONFIG) for n in range(50)]
    await stage.together(*jobs)
    stage.writer.stop()
    # The one that kept the writer busy, and theirs.
    assert len(commits) == 2
    assert stage.heard == [frozenset({Topic.EVENTS, Topic.CONFIG})]


async def test_a_job_that_fails_announces_nothing(connection: Connection) -> None:
    stage = Stage(connection)
    await stage.together(account("bad", Topic.EVENTS))
    stage.writer.stop()
    assert stage.heard == []


async def test_what_is_first_goes_before_what_came_earlier(connection: Connection) -> None:
    order = list[str]()
    stage = Stage(connection)
    jobs = [account("a"), account("b"), account("append")]
    for job in jobs:
        job.became = order
    jobs[0].name, jobs[1].name, jobs[2].name = "a", "b", "append"
    connection.transaction().exec_trace = lambda _c, sql, b: (
        (order.append(str(b["account"])) if "INTO account" in sql and isinstance(b, dict) else None)
        is None
    )
    await stage.together(*jobs[:2], first=jobs[2])
    stage.writer.stop()
    assert [entry for entry in order if entry != "committed"] == ["append", "a", "b"]


async def test_a_commit_that_fails_fails_all_and_undoes_all(connection: Connection) -> None:
    stage = Stage(connection)
    refused = [False]
    connection.transaction().set_commit_hook(lambda: refused[0])
    good, other = account("a"), account("b")

    async def refuse() -> list[object]:
        refused[0] = True
        return await stage.together(good, other)

    with pytest.raises(apsw.ConstraintError):
        await refuse()
    assert names(connection) == set()
    refused[0] = False
    assert await stage.writer.write(account("later")) == "later"
    stage.writer.stop()


async def test_a_caller_that_gives_up_does_not_take_its_job_along(connection: Connection) -> None:
    stage = Stage(connection)
    giving_up = asyncio.create_task(stage.writer.write(account("a")))
    await asyncio.sleep(0)
    giving_up.cancel()
    assert await stage.writer.write(account("b")) == "b"
    stage.writer.stop()
    assert names(connection) == {"a", "b"}


async def test_stopping_does_what_waits(connection: Connection) -> None:
    stage = Stage(connection)
    jobs = [asyncio.create_task(stage.writer.write(account(f"a{n}"))) for n in range(20)]
    await asyncio.sleep(0)
    await asyncio.to_thread(stage.writer.stop)
    assert await asyncio.gather(*jobs) == [f"a{n}" for n in range(20)]
    assert len(names(connection)) == 20
