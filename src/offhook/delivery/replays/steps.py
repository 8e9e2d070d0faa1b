"""What a replay does with each delivery that it comes to. Pure."""

from enum import Enum, auto
from typing import assert_never

import msgspec

from offhook.delivery.entries import DuePending, PendingRow, PendingState
from offhook.delivery.queueing.progress import LivePath
from offhook.delivery.replays.entries import ReplayJob, ReplayScope, ReplayState, RowMark
from offhook.model import catalogue
from offhook.model.event import LogEvent

CANCELED = "its replay was canceled"

_LIVE = frozenset({PendingState.RETRY, PendingState.WAITING})
_GIVEN_UP = {
    ReplayScope.FAILED: frozenset({PendingState.FAILED}),
    ReplayScope.UNDELIVERED: frozenset({PendingState.FAILED, PendingState.CANCELED}),
    ReplayScope.ALL: frozenset({PendingState.FAILED, PendingState.CANCELED}),
}


class Standing(msgspec.Struct, frozen=True):
    """All that is known of one delivery: its event, the row it has, and whether an attempt was
    accepted, ever or by this very replay."""

    event: LogEvent
    row: PendingRow | None
    accepted: bool
    accepted_here: bool


class WaitingSlice(msgspec.Struct, frozen=True):
    """Rows that wait for a replay: those due now, when the next after them is due (which may have
    passed), and whether there is any row at all."""

    items: tuple[DuePending, ...]
    next_due_ms: int | None
    left: bool


class Step(Enum):
    """What to do with a delivery."""

    SEND = auto()
    HURRY = auto()
    """It is pending: its next attempt is to come now."""
    PASS = auto()
    WAIT = auto()
    """The store does not know yet what comes of it: it is to be looked at again."""


def step_for(job: ReplayJob, standing: Standing, live: LivePath, *, recorded_ms: int = 0) -> Step:
    """What to do with a delivery; of events created since ``recorded_ms`` all attempts are kept.

    Where a delivery has no trace at all, ``live`` decides: one that is on its way to be sent for
    the first time is left to that. One from before that time may have been accepted. What failed or
    was accepted under this replay was seen to before its owner died. What is still in flight though
    it was given up would overwrite what the replay makes of it.
    """
    row, event = standing.row, standing.event
    if not _in_time(job, event):
        return Step.PASS
    if row is not None and row.state in _LIVE:
        own = row.replay == job.id or job.scope is ReplayScope.FAILED
        return Step.PASS if own else Step.HURRY
    if row is not None and row.replay == job.id:
        return Step.PASS
    if standing.accepted and (row is None or row.replay is not None):
        again = job.scope is ReplayScope.ALL and not standing.accepted_here
        return Step.SEND if again else Step.PASS
    if row is not None:
        found = Step.SEND if row.state in _GIVEN_UP[job.scope] else Step.PASS
        return Step.WAIT if found is Step.SEND and live is LivePath.ENDING else found
    if job.scope is ReplayScope.UNDELIVERED and event.created_ms < recorded_ms:
        return Step.PASS
    return Step.PASS if job.scope is ReplayScope.FAILED else _untraced(live)


def _untraced(live: LivePath) -> Step:
    match live:
        case LivePath.PASSED:
            return Step.SEND
        case LivePath.AHEAD:
            return Step.PASS
        case LivePath.ENDING:
            return Step.WAIT
        case _:
            assert_never(live)


def may_concern(job: ReplayJob, mark: RowMark) -> bool:
    """Whether a delivery with this row is worth a closer look."""
    if not of_type(job, mark.event_type):
        return False
    if mark.state in _LIVE:
        return mark.replay != job.id and job.scope is not ReplayScope.FAILED
    return mark.replay != job.id and mark.state in _GIVEN_UP[job.scope]


def of_type(job: ReplayJob, type_: str) -> bool:
    """Whether the replay is of events of this type."""
    return job.types is None or any(catalogue.matches(pattern, type_) for pattern in job.types)


def state_of(*, canceled: bool, done: bool) -> ReplayState:
    """Where a replay as a whole stands; ``done`` if it is over in every partition."""
    if canceled:
        return ReplayState.CANCELED
    return ReplayState.COMPLETED if done else ReplayState.RUNNING


def _in_time(job: ReplayJob, event: LogEvent) -> bool:
    after = job.since_ms is None or event.created_ms >= job.since_ms
    return after and (job.until_ms is None or event.created_ms < job.until_ms)
