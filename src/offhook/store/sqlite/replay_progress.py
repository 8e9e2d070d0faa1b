"""Writing how far replays are, on SQLite."""

from collections.abc import Sequence

from offhook.delivery.replays.entries import ReplayProgress
from offhook.delivery.replays.steps import CANCELED
from offhook.store.sqlite.connection import Connection, as_json


def store_progress(
    connection: Connection, partition: int, progress: Sequence[ReplayProgress], now_ms: int
) -> None:
    """Write how far replays are now; what waits for those that were canceled is given up."""
    if not progress:
        return
    rows = [
        (
            it.replay,
            it.position,
            it.counts.matched,
            it.counts.accepted,
            it.counts.failed,
            it.counts.hurried,
            it.done,
        )
        for it in progress
    ]
    connection.run("replay_progress", partition=partition, progress=as_json(rows), now_ms=now_ms)
    abandoned = [it.replay for it in progress if it.abandon]
    if abandoned:
        replays = as_json(abandoned)
        connection.run("replay_rows_drop", partition=partition, replays=replays)
        connection.run("replay_rows_fail", partition=partition, replays=replays, reason=CANCELED)
