"""How far replays are is written in the order of locks that deletions of webhooks keep."""

import asyncio

import asyncpg
from msgspec.structs import replace
from processes import connected, several

from offhook.delivery.entries import HeldRange, PartitionChanges, PendingState
from offhook.delivery.replays.entries import (
    ReplayCounts,
    ReplayJob,
    ReplayProgress,
    ReplayScope,
)
from offhook.log.entries import Lease
from offhook.model.ids import DEFAULT_ACCOUNT, ReplayId
from offhook.store.postgres import PostgresStore
from offhook.testing.conformance.material import (
    WEBHOOK,
    lease_for,
    make_webhook,
    pending_for,
    placed,
    plain,
)

OUTER_S = 60.0
REPLAY = ReplayId("rpl_1")
JOB = ReplayJob(
    id=REPLAY,
    account=DEFAULT_ACCOUNT,
    webhook=WEBHOOK,
    scope=ReplayScope.ALL,
    since_ms=None,
    until_ms=None,
    types=None,
    rate_per_s=1,
)


async def test_a_canceled_replay_is_closed_while_its_webhook_is_deleted(
    postgres18_url: str,
) -> None:
    """The deletion has the rows and is kept from the ranges until the owner has come to wait; had
    the owner a range by then, they would wait for each other."""
    async with (
        several(postgres18_url, 2) as (owner, control),
        connected(postgres18_url) as holder,
        connected(postgres18_url) as beside,
        asyncio.timeout(OUTER_S),
    ):
        lease = await _replaying(owner)
        held = holder.transaction()
        await held.start()
        await holder.execute("SELECT 1 FROM held FOR UPDATE")
        deletion = asyncio.create_task(control.webhooks.delete_webhook(DEFAULT_ACCOUNT, WEBHOOK))
        await _waits(beside, holder, behind=0)
        progress = ReplayProgress(REPLAY, WEBHOOK, 0, ReplayCounts(), done=True, abandon=True)
        closing = asyncio.create_task(
            owner.dispatch.apply([PartitionChanges(lease, 0, replays=(progress,))])
        )
        await _waits(beside, holder, behind=1)
        await held.rollback()
        assert await deletion
        assert not (await closing).lost
        assert await owner.replays.open_replays(range(owner.log.partitions)) == []


async def _replaying(store: PostgresStore) -> Lease:
    """A replay for which a row waits, of an endpoint that has a range."""
    await make_webhook(store)
    [event] = await placed(store, plain("k"))
    lease = await lease_for(store, "k")
    assert await store.replays.create_replay(JOB, most=9) is not None
    row = replace(pending_for(event, PendingState.RETRY, due_ms=1, laned=False), replay=REPLAY)
    held = HeldRange(WEBHOOK, lease.partition, event.position)
    await store.dispatch.apply([PartitionChanges(lease, 0, rows=(row,), held=(held,))])
    return lease


async def _waits(beside: asyncpg.Connection, holder: asyncpg.Connection, *, behind: int) -> None:
    """Return once somebody waits for the holder, with so many between them who wait as well."""
    asked = """
        WITH RECURSIVE queue (pid, place) AS (
            SELECT $1::integer, -1
            UNION ALL
            SELECT other.pid, queue.place + 1 FROM queue
            JOIN pg_stat_activity AS other ON queue.pid = ANY(pg_blocking_pids(other.pid))
            WHERE queue.place < $2::integer
        )
        SELECT max(place) FROM queue
    """
    while await beside.fetchval(asked, holder.get_server_pid(), behind) < behind:
        await asyncio.sleep(0.01)
