"""Writing how far replays are, on PostgreSQL."""

from collections.abc import Sequence

from msgspec.structs import astuple

from offhook.delivery.entries import PartitionChanges
from offhook.delivery.replays.steps import CANCELED
from offhook.store.postgres.session import Session, named

_PROGRESS = (
    *("replays", "partitions", "positions"),
    *("matched", "accepted", "failed", "hurried", "done"),
)


async def store_progress(
    session: Session, changes: Sequence[PartitionChanges], now_ms: int
) -> None:
    """Write how far replays are now; what waits for those that were canceled is given up."""
    progress = [(change.lease.partition, it) for change in changes for it in change.replays]
    if not progress:
        return
    rows = [(it.replay, at, it.position, *astuple(it.counts), it.done) for at, it in progress]
    await session.run("replay_progress", **named(_PROGRESS, rows), now_ms=now_ms)
    abandoned = [(at, it.replay) for at, it in progress if it.abandon]
    if abandoned:
        over = named(("partitions", "replays"), abandoned)
        await session.run("replay_rows_drop", **over)
        await session.run("replay_rows_fail", **over, reason=CANCELED)
