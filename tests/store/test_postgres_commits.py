"""The connection is lost in the middle of a commit: what is answered is what became of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

import asyncpg
import pytest
from asyncpg.transaction import Transaction
from processes import connected, opened

from offhook.log.entries import Appended, Repeated, Unchanged
from offhook.model.errors import Unavailable
from offhook.store.postgres import PostgresStore, log
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import (
    append,
    call_fact,
    call_named,
    plain,
    sequences,
    whole_log,
)
from offhook.testing.faulty_wire import FaultyWire

OUTER_S = 60.0
ANSWER_UNDER_WAY_S = 0.5

Lose: TypeAlias = Callable[[FaultyWire, "asyncpg.Connection", Awaitable[None]], Awaitable[None]]


async def committed(connection: asyncpg.Connection) -> None:
    """Wait until somebody else's event can be seen."""
    while not await connection.fetchval("SELECT count(*) FROM event"):
        await asyncio.sleep(0.001)


async def lose_the_answer(
    wire: FaultyWire, beside: asyncpg.Connection, commit: Awaitable[None]
) -> None:
    """The server commits; the answer is on its way when the connection is cut."""
    wire.delay_s = ANSWER_UNDER_WAY_S
    committing = asyncio.ensure_future(commit)
    await committed(beside)
    await wire.cut()
    wire.delay_s = 0.0
    await wire.mend()
    await committing


async def lose_the_commit(
    wire: FaultyWire, _beside: asyncpg.Connection, commit: Awaitable[None]
) -> None:
    """The connection is cut with the commit still on its way."""
    await wire.freeze()
    committing = asyncio.ensure_future(commit)
    await asyncio.sleep(0)
    await wire.cut()
    await wire.mend()
    await committing


async def stay_away(wire: FaultyWire, _beside: asyncpg.Connection, commit: Awaitable[None]) -> None:
    """The connection is cut, and none can be made any more."""
    await wire.cut()
    await commit


@asynccontextmanager
async def losing(
    url: str, monkeypatch: pytest.MonkeyPatch, lose: Lose
) -> AsyncIterator[tuple[PostgresStore, Callable[[], None]]]:
    """A store at the end of a wire, and what makes its next commit go wrong."""
    commit, armed = Transaction.commit, list[Lose]()
    async with FaultyWire(url) as wire, connected(url) as beside, opened(wire.url) as store:

        async def commit_or_lose(transaction: Transaction) -> None:
            through_the_wire = transaction._connection._addr[1] == wire.port
            if armed and through_the_wire:
                await armed.pop()(wire, beside, commit(transaction))
            else:
                await commit(transaction)

        monkeypatch.setattr(Transaction, "commit", commit_or_lose)
        async with asyncio.timeout(OUTER_S):
            yield store, lambda: armed.append(lose)


LOST = pytest.mark.parametrize("lose", [lose_the_answer, lose_the_commit])


@LOST
async def test_an_event_is_written_once_and_answered(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, lose: Lose
) -> None:
    async with losing(postgres_url, monkeypatch, lose) as (store, arm):
        arm()
        first, second = await append(store, plain("a", 1, given="own"), plain("a", 2))
        assert isinstance(first, Appended)
        assert isinstance(second, Appended)
        [again] = await append(store, plain("a", 1, given="own"))
        assert again == Repeated(first.event)
        assert [event.id for event in await whole_log(store)] == [first.event.id, second.event.id]


@LOST
async def test_a_position_that_another_process_took_is_not_taken_for_ones_own(
    postgres18_url: str, monkeypatch: pytest.MonkeyPatch, lose: Lose
) -> None:
    async with losing(postgres18_url, monkeypatch, lose) as (store, arm):
        arm()
        async with opened(postgres18_url) as other:
            outcomes = await asyncio.gather(
                append(store, plain("a", 1)), *(append(other, plain("a", 2)) for _ in range(3))
            )
        assert {type(outcome) for [outcome] in outcomes} == {Appended}
        events = await whole_log(store)
        assert sorted(event.data for event in events) == [b'{"number":1}'] + 3 * [b'{"number":2}']
        assert sequences(events, "a") == [1, 2, 3, 4]


@LOST
async def test_an_append_that_changes_nothing_says_so(
    postgres18_url: str, monkeypatch: pytest.MonkeyPatch, lose: Lose
) -> None:
    at = FakeClock().now()
    async with losing(postgres18_url, monkeypatch, lose) as (store, arm):
        [first] = await append(store, call_fact("1", at=at))
        assert isinstance(first, Appended)
        arm()
        assert await append(store, call_fact("1", at=at)) == [Unchanged(first.event)]
        assert sequences(await whole_log(store), call_named("1")) == [1]


async def test_while_nothing_can_be_known_nothing_is_claimed(
    postgres18_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "_VERIFY_PAUSE_S", 0.01)
    async with losing(postgres18_url, monkeypatch, stay_away) as (store, arm):
        arm()
        with pytest.raises(Unavailable, match="unknown"):
            await append(store, plain("a"))
