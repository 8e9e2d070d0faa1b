"""The server goes and comes back, the network is cut, a process freezes: nothing is lost or there
twice, and callers hear of it in the store's own words."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import msgspec
import pytest
from asyncpg.transaction import Transaction
from processes import connected, opened, several

from offhook.delivery.entries import PartitionChanges
from offhook.log.entries import Appended, FeedFilter, Lease
from offhook.log.queries import CallFilter
from offhook.model.errors import OffhookError, Unavailable
from offhook.model.ids import DEFAULT_ACCOUNT, CallId, EventId, KeyId
from offhook.resources.ports import StoredKey
from offhook.store.postgres import PostgresStore, database
from offhook.store.postgres.session import Session
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import (
    WEBHOOK,
    append,
    appended,
    attempt_on,
    lease_for,
    make_webhook,
    placed,
    plain,
    whole_log,
)
from offhook.testing.faulty_wire import FaultyWire
from offhook.testing.servers.postgres import PostgresServer

OUTER_S = 90.0


@dataclass(slots=True)
class Account:
    """What some appenders were told of each of their facts, by number."""

    kept: list[int] = field(default_factory=list)
    doubtful: list[int] = field(default_factory=list)

    def check(self, found: list[int]) -> None:
        """What was answered is there once; of what was not, each at most once."""
        times = Counter(found)
        assert [number for number in self.kept if times[number] != 1] == []
        assert [number for number in times if times[number] > 1] == []
        assert set(found) - set(self.kept) <= set(self.doubtful)

    async def append_from(
        self, store: PostgresStore, numbers: Iterator[int], enough: asyncio.Event
    ) -> None:
        """Append one after the other, over a few keys; refusals are ``OffhookError`` alone."""
        while not enough.is_set():
            number = next(numbers)
            try:
                [outcome] = await append(store, plain(f"key-{number % 7}", number))
            except OffhookError:
                self.doubtful.append(number)
                await asyncio.sleep(0.02)
            else:
                assert isinstance(outcome, Appended)
                self.kept.append(number)

    async def until_kept(self, more: int) -> None:
        """Wait until so many more were answered."""
        wanted = len(self.kept) + more
        while len(self.kept) < wanted:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("immediate", [False, True], ids=["in-order", "as-in-a-crash"])
async def test_a_restart_of_the_server_loses_nothing_and_doubles_nothing(
    tmp_path: Path, immediate: bool
) -> None:
    account, enough = Account(), asyncio.Event()
    with PostgresServer(tmp_path) as server:
        async with asyncio.timeout(OUTER_S), several(server.url(), 3, partitions=4) as stores:
            numbers = count()
            async with asyncio.TaskGroup() as appending:
                for store in stores * 2:
                    appending.create_task(account.append_from(store, numbers, enough))
                for _ in range(2):
                    await account.until_kept(60)
                    await asyncio.to_thread(server.restart, immediate=immediate)
                await account.until_kept(60)
                enough.set()
            events = await whole_log(stores[0])
    assert account.doubtful
    account.check([msgspec.json.decode(event.data)["number"] for event in events])
    for key in {event.key for event in events}:
        sequences = [event.sequence for event in events if event.key == key]
        assert sequences == list(range(1, len(sequences) + 1))


Ask = Callable[[PostgresStore], Coroutine[object, object, object]]

LEASE = Lease("deliver", 0, "one", 1, 0, 0)
KEY = StoredKey(KeyId("key_a"), DEFAULT_ACCOUNT, False, ("*",), None)
ASKED: dict[str, Ask] = {
    "append": lambda store: append(store, plain("a")),
    "read": lambda store: store.log.read(0, 0, 10, 1 << 20),
    "head": lambda store: store.log.head(0),
    "feed": lambda store: store.feed.feed(DEFAULT_ACCOUNT, {}, 10, FeedFilter()),
    "event": lambda store: store.feed.event(DEFAULT_ACCOUNT, EventId("evt_a")),
    "call": lambda store: store.calls.call(DEFAULT_ACCOUNT, CallId("call_a")),
    "calls": lambda store: store.calls.calls(DEFAULT_ACCOUNT, CallFilter(), None, 10),
    "acquire": lambda store: store.leases.acquire("deliver", "one", 10.0),
    "renew": lambda store: store.leases.renew([LEASE], 10.0),
    "release": lambda store: store.leases.release([LEASE]),
    "leave": lambda store: store.leases.leave("deliver", "one"),
    "due_timers": lambda store: store.timers.due_timers([0], 10),
    "next_timer_ms": lambda store: store.timers.next_timer_ms([0]),
    "put_account": lambda store: store.keys.put_account(DEFAULT_ACCOUNT, "Default"),
    "put_key": lambda store: store.keys.put_key(KEY, b"digest"),
    "key": lambda store: store.keys.key(b"digest"),
    "has_keys": lambda store: store.keys.has_keys(),
    "trim_events": lambda store: store.retention.trim_events(1),
    "trim_given_up": lambda store: store.retention.trim_given_up(1),
    "trim_replays": lambda store: store.retention.trim_replays(1),
    "trim_deleted": lambda store: store.retention.trim_deleted(),
    "release_events": lambda store: store.retention.release_events(),
    "webhooks": lambda store: store.dispatch.webhooks(),
    "list_webhooks": lambda store: store.webhooks.list_webhooks(DEFAULT_ACCOUNT, None, 10),
}


async def test_without_the_database_every_port_says_so_and_goes_on_when_it_is_back(
    postgres18_url: str,
) -> None:
    async with FaultyWire(postgres18_url) as wire, opened(wire.url) as store:
        await appended(store, plain("a"))
        await wire.cut()
        async with asyncio.timeout(OUTER_S):
            for name, ask in ASKED.items():
                with pytest.raises(Unavailable):
                    raise AssertionError(f"{name} came to {await ask(store)}")
            await wire.mend()
            for ask in ASKED.values():
                await ask(store)


async def test_a_crash_in_a_commit_is_not_taken_for_the_commit_of_who_got_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a transaction that the server had not begun to write down, not even its number is left."""
    commit, numbers = Transaction.commit, list[int]()
    with PostgresServer(tmp_path) as server:
        async with asyncio.timeout(OUTER_S), opened(server.url()) as store:
            await make_webhook(store)
            [event] = await placed(store, plain("k"))
            lease = await lease_for(store, "k")
            changes = [PartitionChanges(lease, 1, (attempt_on(event, accepted=True),))]

            async def crash_and_commit(transaction: Transaction) -> None:
                if not numbers:
                    raw = transaction._connection
                    numbers.append(int(await raw.fetchval("SELECT pg_current_xact_id()::text")))
                    await asyncio.to_thread(server.restart, immediate=True)
                await commit(transaction)

            monkeypatch.setattr(Transaction, "commit", crash_and_commit)
            with pytest.raises(Unavailable):
                await store.dispatch.apply(changes)
            await use_up(server, numbers[0])
            await store.dispatch.apply(changes)
            made = await store.deliveries.attempts(
                DEFAULT_ACCOUNT, WEBHOOK, event.partition, event.position
            )
            assert made == list(changes[0].attempts)


async def use_up(server: PostgresServer, number: int) -> None:
    """Have other transactions commit until one of them has, or had, this number."""
    async with connected(server.url()) as beside:
        while int(await beside.fetchval("SELECT pg_current_xact_id()::text")) < number:
            pass


async def test_a_process_that_freezes_in_the_middle_of_an_append_keeps_its_locks_for_seconds_only(
    postgres18_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Well before anybody who waits for the lock gives up, however busy the machine is.
    monkeypatch.setitem(database.SERVER_SETTINGS, "idle_in_transaction_session_timeout", "2000")
    commit = Transaction.commit
    frozen = asyncio.Event()
    async with (
        asyncio.timeout(OUTER_S),
        FaultyWire(postgres18_url) as wire,
        opened(wire.url) as one,
        opened(postgres18_url) as other,
    ):

        async def freeze_and_commit(transaction: Transaction) -> None:
            if transaction._connection._addr[1] == wire.port:
                await wire.freeze()
                frozen.set()
            await commit(transaction)

        monkeypatch.setattr(Transaction, "commit", freeze_and_commit)
        stuck = asyncio.create_task(append(one, plain("a", 1)))
        await frozen.wait()
        [second] = await append(other, plain("a", 2))
        assert isinstance(second, Appended)
        assert second.event.sequence == 1
        monkeypatch.undo()
        await wire.mend()
        [first] = await stuck
        assert isinstance(first, Appended)
        assert first.event.sequence == 2
        assert [event.data for event in await whole_log(other)] == [
            b'{"number":2}',
            b'{"number":1}',
        ]


async def test_positions_go_on_where_the_log_ends_also_after_commits_were_lost(
    postgres18_url: str,
) -> None:
    """As after a failover to a standby that lagged: the process remembers what is no more."""
    clock = FakeClock()
    async with (
        connected(postgres18_url) as beside,
        opened(postgres18_url, clock=clock, partitions=1) as store,
    ):
        await appended(store, plain("a", 1), plain("a", 2))
        clock.advance(86_400)
        await appended(store, plain("b", 3))
        await beside.execute("DELETE FROM event WHERE position = 3")
        await beside.execute("DELETE FROM key_head WHERE key = 'b'")
        assert await store.log.head(0) == 2
        clock.advance(1)
        await appended(store, plain("b", 4))
        assert [event.position for event in await whole_log(store)] == [1, 2, 3]
        assert await store.log.head(0) == 3


async def test_sessions_are_bounded_whatever_the_database_says(postgres_url: str) -> None:
    """A snapshot taken before a lock was waited for would show where a partition ended before."""
    theirs = "&default_transaction_isolation=serializable&lock_timeout=0&statement_timeout=0"
    async with opened(postgres_url + theirs) as store, store._database.transaction() as session:
        shown = {name: await shown_by(session, name) for name in BOUNDS}
    assert shown == BOUNDS


BOUNDS = {
    "transaction_isolation": "read committed",
    "lock_timeout": "5s",
    "statement_timeout": "15s",
    "idle_in_transaction_session_timeout": "4s",
    "tcp_keepalives_idle": "5",
}


async def shown_by(session: Session, setting: str) -> str:
    """What the server says that holds."""
    value: str = await session._raw.fetchval("SELECT current_setting($1)", setting)
    return value


async def test_what_is_open_for_too_long_is_ended_also_if_it_is_not_idle(
    postgres18_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LONGEST_TRANSACTION_MS", 500)
    async with asyncio.timeout(OUTER_S), opened(postgres18_url) as store:
        with pytest.raises(Unavailable, match="cannot be used now"):
            async with store._database.transaction() as session:
                await session._raw.fetchval("SELECT pg_sleep(10)")
        assert await append(store, plain("a", 1))
