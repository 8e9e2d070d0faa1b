"""Where partitions end, found without looking through the tables of all days."""

from collections.abc import Sequence

from offhook.store.postgres.session import Row, Session


class Ends:
    """When the last event that this process knows of was created in each partition: the end is
    looked for from that day on."""

    def __init__(self) -> None:
        self._created_ms: dict[int, int] = {}

    def saw(self, partition: int, created_ms: int) -> None:
        """An event of the partition was created then, and is committed."""
        self._created_ms[partition] = max(created_ms, self._created_ms.get(partition, 0))

    async def read(
        self, session: Session, partitions: Sequence[int], now_ms: int | None = None
    ) -> list[Row]:
        """Partition, last position, when that was, and the moment now, for each of these that there
        is; in ascending order."""
        rows = await self._ask(session, partitions, now_ms)
        lost = [row["partition"] for row in rows if self._has_lost(row)]
        if lost:
            # A commit that was answered is gone, as after a failover to a standby that lagged; or
            # retention took all. Believed, this bound would have positions begin at 1 again.
            for partition in lost:
                del self._created_ms[partition]
            rows = await self._ask(session, partitions, now_ms)
        for row in rows:
            if row["found"]:
                self.saw(row["partition"], row["created_ms"])
        return rows

    def _has_lost(self, row: Row) -> bool:
        return not row["found"] and row["partition"] in self._created_ms

    async def _ask(
        self, session: Session, partitions: Sequence[int], now_ms: int | None
    ) -> list[Row]:
        return await session.rows(
            "heads_newest",
            partitions=partitions,
            since_ms=[self._created_ms.get(partition, 0) for partition in partitions],
            now_ms=now_ms,
        )
