"""Applies on PostgreSQL: few statements, none twice, and what others change meanwhile counts."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import msgspec
import pytest

from offhook.delivery.entries import Disabling, Lane, PartitionChanges, PendingState
from offhook.log.entries import Lease
from offhook.model.errors import Unavailable
from offhook.model.event import LogEvent
from offhook.model.ids import DEFAULT_ACCOUNT, WebhookId
from offhook.store.postgres import PostgresStore, open_postgres
from offhook.store.postgres.session import Row, Session, Value
from offhook.testing.conformance.material import (
    CONSUMER,
    WEBHOOK,
    attempt_on,
    lease_for,
    make_webhook,
    pending_for,
    placed,
    plain,
)
from offhook.testing.faulty_wire import FaultyWire

RETRY, WAITING, FAILED = PendingState.RETRY, PendingState.WAITING, PendingState.FAILED
LANE = Lane(WEBHOOK, "k")
HOUR_S = 3600.0
OUTER_S = 90.0
KEYS = [f"key-{number}" for number in range(64)]
DISABLED = msgspec.json.encode({"url": "https://crm.example/hook", "enabled": False})


@pytest.fixture
async def store(postgres18_url: str) -> AsyncIterator[PostgresStore]:
    opened = await open_postgres(postgres18_url)
    yield opened
    await opened.close()


@pytest.fixture
async def raw(postgres18_url: str, store: PostgresStore) -> AsyncIterator["asyncpg.Connection"]:
    """Somebody else's connection."""
    connection = await asyncpg.connect(postgres18_url)
    yield connection
    await connection.close()


async def waiting(raw: "asyncpg.Connection", count: int) -> None:
    """Return once so many others wait for a lock."""
    asked = """
        SELECT count(DISTINCT blocked.pid) FROM pg_locks AS blocked
        WHERE NOT blocked.granted AND blocked.pid IN (
            SELECT own.pid FROM pg_locks AS own JOIN pg_class ON pg_class.oid = own.relation
            WHERE pg_class.relnamespace = current_schema()::regnamespace
        )
    """
    async with asyncio.timeout(OUTER_S):
        while await raw.fetchval(asked) < count:
            await asyncio.sleep(0.01)


async def leases_of(store: PostgresStore, owner: str = "suite") -> dict[int, Lease]:
    share = await store.leases.acquire(CONSUMER, owner, HOUR_S)
    return {lease.partition: lease for lease in share.taken}


async def accepted(store: PostgresStore, event: LogEvent) -> int:
    made = await store.deliveries.attempts(
        DEFAULT_ACCOUNT, WEBHOOK, event.partition, event.position
    )
    return len(made)


async def test_successes_of_all_partitions_are_three_statements(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_webhook(store)
    events = await placed(store, *(plain(key) for key in KEYS))
    leases = await leases_of(store)
    said: list[str] = []
    rows, run = Session.rows, Session.run

    async def heard_rows(self: Session, name: str, /, **bindings: Value) -> list[Row]:
        said.append(name)
        return await rows(self, name, **bindings)

    async def heard_run(self: Session, name: str, /, **bindings: Value) -> int:
        said.append(name)
        return await run(self, name, **bindings)

    changes = [
        PartitionChanges(
            lease,
            max((it.position for it in events if it.partition == at), default=0),
            tuple(attempt_on(it, accepted=True) for it in events if it.partition == at),
        )
        for at, lease in leases.items()
    ]
    await store.dispatch.apply(changes[:1])
    monkeypatch.setattr(Session, "rows", heard_rows)
    monkeypatch.setattr(Session, "run", heard_run)
    await store.dispatch.apply(changes[1:])
    assert said == ["lease_held", "attempt_add", "lease_advance"]
    assert [await accepted(store, event) for event in events] == [1] * len(events)


async def test_a_lease_that_is_lost_takes_its_own_partition_alone_out_of_an_apply(
    store: PostgresStore,
) -> None:
    await make_webhook(store)
    events = {event.partition: event for event in await placed(store, *map(plain, KEYS))}
    leases = await leases_of(store)
    lost = [leases[at] for at in sorted(events)[::2]]
    await store.leases.release(lost)
    await leases_of(store, "another")
    report = await store.dispatch.apply(
        [
            PartitionChanges(
                leases[at], event.position, rows=(pending_for(event, RETRY, due_ms=1),)
            )
            for at, event in events.items()
        ]
    )
    assert report.lost == {lease.partition for lease in lost}
    written = {at: event for at, event in events.items() if at not in report.lost}
    assert report.closed == {Lane(WEBHOOK, event.key) for event in written.values()}
    for at in events:
        due = (await store.dispatch.due([at], 9, [])).items
        assert [item.event for item in due] == ([written[at]] if at in written else [])


async def test_a_text_that_the_database_refuses_costs_its_own_attempt_alone_its_details(
    store: PostgresStore,
) -> None:
    await make_webhook(store)
    events = await placed(store, *(plain("k") for _ in range(5)))
    lease = await lease_for(store, "k")
    attempts = [attempt_on(event) for event in events]
    attempts[1] = msgspec.structs.replace(attempts[1], error="reset \x00 by peer")
    attempts[4] = msgspec.structs.replace(attempts[4], error="\ud800")
    rows = [pending_for(event, RETRY, due_ms=1, laned=False) for event in events]
    rows[2] = msgspec.structs.replace(rows[2], reason="\x00")
    changes = PartitionChanges(lease, events[-1].position, tuple(attempts), rows=tuple(rows))
    report = await store.dispatch.apply([changes])
    assert (report.stubs, report.lost) == (2, frozenset())
    assert [await accepted(store, event) for event in events] == [1] * 5
    due = (await store.dispatch.due([lease.partition], 10, [])).items
    assert [item.row.reason for item in due] == [None] * 5
    assert [item.event for item in due] == events


async def test_a_day_whose_table_went_gets_it_back(
    store: PostgresStore, raw: "asyncpg.Connection"
) -> None:
    await make_webhook(store)
    events = await placed(store, plain("k"), plain("k"))
    lease = await lease_for(store, "k")
    await store.dispatch.apply([PartitionChanges(lease, 1, (attempt_on(events[0]),))])
    asked = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'attempt'::regclass"
    for (name,) in await raw.fetch(asked):
        await raw.execute(f"DROP TABLE {name}")
    report = await store.dispatch.apply([PartitionChanges(lease, 2, (attempt_on(events[1]),))])
    assert report.stubs == 0
    assert await accepted(store, events[1]) == 1


@pytest.mark.parametrize("attempts", [1, 0])
@pytest.mark.parametrize("committed", [True, False])
async def test_an_apply_whose_commit_was_lost_sight_of_is_done_once(
    store: PostgresStore,
    raw: "asyncpg.Connection",
    postgres18_url: str,
    committed: bool,
    attempts: int,
) -> None:
    """The commit hangs on a lock while the wire is cut; then the server goes on, or gives up."""
    await make_webhook(store)
    events = await placed(store, plain("k"), plain("k"))
    lease = await lease_for(store, "k")
    await raw.execute("""
        CREATE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NULL; END'
    """)
    await raw.execute("""
        CREATE CONSTRAINT TRIGGER hang AFTER UPDATE ON lease DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (old.cursor < new.cursor) EXECUTE FUNCTION hang()
    """)
    await raw.execute("SELECT pg_advisory_lock(4711)")
    rows = (pending_for(events[0], RETRY, due_ms=1), pending_for(events[1], WAITING))
    made = (attempt_on(events[0]),) * attempts
    changes = [PartitionChanges(lease, 1, made, rows=rows)]
    async with FaultyWire(postgres18_url) as wire:
        far = await open_postgres(wire.url)
        applying = asyncio.create_task(far.dispatch.apply(changes))
        await waiting(raw, 1)
        await wire.cut()
        with pytest.raises(Unavailable):
            await applying
        await wire.mend()
        if committed:
            again = asyncio.create_task(far.dispatch.apply(changes))
            await waiting(raw, 2)
        else:
            await raw.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks"
                " WHERE locktype = 'advisory' AND objid = 4711 AND NOT granted"
            )
            again = asyncio.create_task(far.dispatch.apply(changes))
        await raw.execute("SELECT pg_advisory_unlock(4711)")
        report = await again
        await far.close()
    assert report.closed == {LANE}
    assert await accepted(store, events[0]) == attempts
    assert [item.event for item in (await store.dispatch.due([lease.partition], 9, [])).items] == [
        events[0]
    ]


async def test_an_endpoint_disabled_while_its_result_is_written_leaves_nothing_live(
    store: PostgresStore, raw: "asyncpg.Connection"
) -> None:
    """Somebody holds the row that the result replaces, so that the two meet for certain."""
    await make_webhook(store)
    [event] = await placed(store, plain("k"))
    lease = await lease_for(store, "k")
    await store.dispatch.apply([PartitionChanges(lease, 1, rows=(pending_for(event, FAILED),))])
    held = raw.transaction()
    await held.start()
    await raw.execute("SELECT 1 FROM pending FOR UPDATE")
    late = PartitionChanges(lease, 1, rows=(pending_for(event, RETRY, due_ms=1),))
    applying = asyncio.create_task(store.dispatch.apply([late]))
    await waiting(raw, 1)
    disabling = asyncio.create_task(
        store.webhooks.replace_webhook(DEFAULT_ACCOUNT, WEBHOOK, DISABLED, 1)
    )
    await waiting(raw, 2)
    await held.rollback()
    await applying
    assert await disabling
    assert (await store.dispatch.due([lease.partition], 9, [])).items == ()
    assert await store.dispatch.lane_counts(lease.partition) == {}


@pytest.mark.parametrize("what", ["renew", "release", "apply"])
async def test_leases_are_locked_from_the_lowest_partition_on(
    store: PostgresStore, raw: "asyncpg.Connection", what: str
) -> None:
    """Whatever order they are named in: who has not got the seventh has none above it."""
    leases = list((await leases_of(store)).values())[::-1]
    changes = [PartitionChanges(lease, 1) for lease in leases]
    held = raw.transaction()
    await held.start()
    await raw.execute("SELECT 1 FROM lease WHERE partition = 7 FOR UPDATE")
    works = {
        "renew": lambda: store.leases.renew(leases, HOUR_S),
        "release": lambda: store.leases.release(leases),
        "apply": lambda: store.dispatch.apply(changes),
    }
    locking = asyncio.create_task(works[what]())
    await waiting(raw, 1)
    free = await raw.fetch("SELECT partition FROM lease FOR UPDATE SKIP LOCKED")
    await held.rollback()
    await locking
    assert {row[0] for row in free} == set(range(7, 16))


async def test_owners_and_the_control_plane_at_once_never_wait_in_a_ring(
    store: PostgresStore, postgres18_url: str
) -> None:
    """Two owners write for the same endpoints and disable them, while both are deleted."""
    other = await open_postgres(postgres18_url)
    names = [WebhookId(f"wh_{name}") for name in "abcd"]
    events = await placed(store, *(plain(key) for key in KEYS))
    leases = await leases_of(store)
    for _ in range(12):
        for name in names:
            await make_webhook(store, name)
        work = [
            it.dispatch.apply(_results(part, events, names[:: 1 if it is store else -1]))
            for it, part in (
                (store, list(leases.values())[:8]),
                (other, list(leases.values())[8:]),
            )
        ]
        deletions = [
            it.webhooks.delete_webhook(DEFAULT_ACCOUNT, name)
            for it, name in zip((store, other, store, other), names, strict=True)
        ]
        async with asyncio.timeout(OUTER_S):
            await asyncio.gather(*work, *deletions)
        for at in leases:
            assert await store.dispatch.lane_counts(at) == {}
            assert await store.dispatch.held(at) == []
    await other.close()


def _results(
    leases: list[Lease], events: list[LogEvent], names: list[WebhookId]
) -> list[PartitionChanges]:
    return [
        PartitionChanges(
            lease,
            0,
            rows=tuple(
                pending_for(event, RETRY, webhook=name, due_ms=1)
                for name in names
                for event in events
                if event.partition == lease.partition
            ),
            disable=(Disabling(names[lease.partition % 4], 1, "gone"),),
        )
        for lease in leases
    ]
