"""Values of replays that cross the ports: what was asked for, how far it is, what came of it."""

from enum import StrEnum

import msgspec

from offhook.model.ids import AccountId, ReplayId, WebhookId


class ReplayScope(StrEnum):
    """Which deliveries a replay sends again."""

    FAILED = "failed"
    """Those that were given up."""
    UNDELIVERED = "undelivered"
    """Those that were given up or canceled, and what matched while the webhook was disabled; what
    is pending is hurried."""
    ALL = "all"
    """Whatever matches, also what was accepted."""


class ReplayState(StrEnum):
    """Where a replay as a whole stands."""

    RUNNING = "running"
    COMPLETED = "completed"
    CANCELED = "canceled"


class ReplayJob(msgspec.Struct, frozen=True):
    """What somebody asked to have sent again: events created in [``since_ms``, ``until_ms``), Unix
    milliseconds, of these types or patterns (``None``: any), at most ``rate_per_s`` a second over
    all processes."""

    id: ReplayId
    account: AccountId
    webhook: WebhookId
    scope: ReplayScope
    since_ms: int | None
    until_ms: int | None
    types: tuple[str, ...] | None
    rate_per_s: float
    created_ms: int = 0

    @property
    def reaches_back(self) -> bool:
        """Whether events count that were appended before the webhook was made: to send those, all
        must be asked for, and since when."""
        return self.scope is ReplayScope.ALL and self.since_ms is not None


class ReplayCounts(msgspec.Struct, frozen=True):
    """Deliveries that a replay took on: how many, how many of these were accepted or given up since
    (the others wait for their next attempt); and how many were pending and only hurried."""

    matched: int = 0
    accepted: int = 0
    failed: int = 0
    hurried: int = 0

    @property
    def waiting(self) -> int:
        """How many neither were accepted nor given up yet."""
        return max(0, self.matched - self.accepted - self.failed)


class ReplayRange(msgspec.Struct, frozen=True):
    """A replay in one partition: all is settled, or has a row, that stands at ``position`` or
    before; it ends with ``to_position``. ``ranges`` of it are open, in so many partitions."""

    job: ReplayJob
    partition: int
    position: int
    to_position: int
    counts: ReplayCounts
    canceled: bool
    ranges: int


class ReplayProgress(msgspec.Struct, frozen=True):
    """How far a replay is now in the partition of the changes that this comes with. ``done`` once
    it is over there; with ``abandon`` it was canceled: rows that still wait for it are given up,
    and go where the delivery was accepted before."""

    replay: ReplayId
    webhook: WebhookId
    position: int
    counts: ReplayCounts
    done: bool = False
    abandon: bool = False


class ReplayView(msgspec.Struct, frozen=True):
    """A replay as users see it. ``read`` of ``positions`` places in the log were looked at;
    ``ended_ms`` is when it was over, ``reason`` why it was canceled, ``updated_ms`` when any
    of this changed last."""

    job: ReplayJob
    state: ReplayState
    counts: ReplayCounts
    read: int
    positions: int
    ended_ms: int | None
    reason: str | None
    updated_ms: int


class RowMark(msgspec.Struct, frozen=True):
    """A delivery that has a row of its own, in short; ``state`` is a ``PendingState``."""

    position: int
    state: str
    event_type: str
    replay: ReplayId | None
