"""What replays ask of a store."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from offhook.delivery.replays.entries import ReplayJob, ReplayRange, ReplayView, RowMark
from offhook.delivery.replays.steps import Standing, WaitingSlice
from offhook.model.ids import AccountId, ReplayId, WebhookId


class ReplayStore(Protocol):
    """What the API asks."""

    async def create_replay(self, job: ReplayJob, *, most: int) -> ReplayView | None:
        """Make it, of what stands in the log now; ``None`` where so many replays of the webhook are
        running already, or the webhook is not there at that moment, or disabled: whoever disables
        or deletes it cancels those that were made before. ``created_ms`` is the store's to say.

        It begins where the webhook does; one of scope ``all`` that says since when, there.
        """
        ...

    async def replay(self, account: AccountId, replay: ReplayId) -> ReplayView | None:
        """One replay of the account."""
        ...

    async def list_replays(
        self, account: AccountId, webhook: WebhookId | None, before: ReplayId | None, limit: int
    ) -> list[ReplayView]:
        """Replays of the account, or of one webhook, newest first; ids sort by when they were
        made."""
        ...

    async def cancel_replay(self, account: AccountId, replay: ReplayId) -> bool:
        """Cancel it unless it is over; false where there is none. Its owners see to the rest."""
        ...


class ReplaySource(Protocol):
    """What the owner of a partition asks."""

    async def open_replays(self, partitions: Collection[int]) -> list[ReplayRange]:
        """The ranges in these partitions that are not done, oldest job first."""
        ...

    async def row_marks(
        self, webhook: WebhookId, partition: int, after: int, through: int, limit: int
    ) -> list[RowMark]:
        """The webhook's rows at positions in (``after``, ``through``], in order."""
        ...

    async def accepted_among(
        self, webhook: WebhookId, partition: int, positions: Sequence[int]
    ) -> set[int]:
        """Those of the positions that the endpoint has accepted."""
        ...

    async def standings(
        self, webhook: WebhookId, partition: int, positions: Sequence[int], replay: ReplayId
    ) -> Mapping[int, Standing]:
        """What is known of these deliveries, by position; without those whose event is gone."""
        ...

    async def waiting_for_replay(
        self,
        partition: int,
        replay: ReplayId,
        limit: int,
        busy: Collection[int],
        *,
        early: bool = False,
    ) -> WaitingSlice:
        """Rows that wait for this replay: at most ``limit`` that are due by the store's clock, or
        whenever they are if ``early``, without those at the ``busy`` positions, which count as
        being there."""
        ...
