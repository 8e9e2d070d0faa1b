"""What stats ask of a store."""

from collections.abc import Mapping
from typing import Protocol

from offhook.delivery.stats.figures import Backlog, Backlogs, Cell, SlotCount
from offhook.model.ids import WebhookId


class StatsStore(Protocol):
    """Counts of attempts, and of what waits."""

    async def add_attempts(self, cells: Mapping[Cell, int]) -> None:
        """Add to each cell; many processes may add to the same one."""
        ...

    async def forget_attempts(self, before_minute: int, limit: int) -> int:
        """Take away up to ``limit`` cells of minutes before this one; returns how many."""
        ...

    async def attempt_counts(
        self, webhook: WebhookId, since_minute: int, width: int
    ) -> list[SlotCount]:
        """Attempts since a minute, in slots of ``width`` minutes."""
        ...

    async def backlog(self, webhook: WebhookId, most: int) -> Backlog:
        """What waits for an endpoint; rows are counted up to ``most``."""
        ...

    async def backlogs(self, most: int) -> Backlogs:
        """What waits for all of them; rows are counted up to ``most``."""
        ...
