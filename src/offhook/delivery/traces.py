"""A delivery as users see it, derived from its traces."""

from collections.abc import Collection
from dataclasses import dataclass

import msgspec

from offhook.delivery.entries import (
    UNDELIVERED,
    AttemptRecord,
    DeliveryFilter,
    DeliveryStatus,
    DeliveryView,
    PendingState,
)
from offhook.model.ids import AccountId, EventId, ReplayId, WebhookId


class Traces(msgspec.Struct, frozen=True):
    """What the store knows of one delivery.

    ``replay`` is the job that its row waits for, or was given up by; ``created_ms`` of the event.
    ``known`` says whether the account has the webhook, ``ahead`` whether the cursor or range that
    is to bring the event has not come to it yet.
    """

    webhook: WebhookId
    partition: int
    position: int
    account: AccountId | None
    event_id: EventId | None
    event_type: str | None
    key: str | None
    state: PendingState | None
    due_ms: int | None
    reason: str | None
    replay: ReplayId | None
    created_ms: int | None
    known: bool
    ahead: bool
    attempts: int
    accepted: bool


_BEHIND = "an earlier one of its key is not delivered yet"
_AHEAD = "the endpoint has not come to it yet"

_BY_STATE = {
    PendingState.RETRY: DeliveryStatus.PENDING,
    PendingState.WAITING: DeliveryStatus.PENDING,
    PendingState.FAILED: DeliveryStatus.FAILED,
    PendingState.CANCELED: DeliveryStatus.CANCELED,
}


def status_of(traces: Traces) -> DeliveryStatus:
    """A row of its own says where it stands; else an accepted attempt; else it is still to come.
    What was accepted stays so, whatever comes of sending it again."""
    again = traces.accepted and traces.replay is not None
    if traces.state is not None and not again:
        return _BY_STATE[traces.state]
    if traces.accepted:
        return DeliveryStatus.DELIVERED
    return DeliveryStatus.PENDING if traces.ahead else DeliveryStatus.UNKNOWN


def fits(traces: Traces, wanted: DeliveryFilter) -> bool:
    """Whether it is of the statuses and the time that are listed; where that is unknown, it is."""
    if wanted.statuses is not None and status_of(traces) not in wanted.statuses:
        return False
    at_ms = traces.created_ms
    if at_ms is None:
        return True
    after = wanted.since_ms is None or at_ms >= wanted.since_ms
    return after and (wanted.until_ms is None or at_ms < wanted.until_ms)


def reason_of(traces: Traces) -> str | None:
    """Why it is not delivered."""
    if traces.reason is None and traces.state is PendingState.WAITING:
        return _BEHIND
    if traces.state is None and status_of(traces) is DeliveryStatus.PENDING:
        return _AHEAD
    return traces.reason


def view_of(traces: Traces, latest: AttemptRecord | None) -> DeliveryView | None:
    """The view; ``None`` where neither the event nor anything that names it is left."""
    if traces.event_id is None or traces.event_type is None or traces.key is None:
        return None
    return DeliveryView(
        traces.webhook,
        traces.partition,
        traces.position,
        traces.event_id,
        traces.event_type,
        traces.key,
        status_of(traces),
        traces.attempts,
        traces.due_ms,
        latest,
        reason_of(traces),
    )


def retryable_states(statuses: Collection[DeliveryStatus] | None) -> tuple[PendingState, ...]:
    """The states of rows of these statuses that another attempt may be asked for: what waits in its
    lane goes when the head of the lane does."""
    wanted = UNDELIVERED if statuses is None else statuses
    return tuple(
        state
        for state, status in _BY_STATE.items()
        if status in wanted and state is not PendingState.WAITING
    )


@dataclass(frozen=True, slots=True)
class Sources:
    """Where deliveries of some statuses leave traces: rows in these states, and attempts; of those
    that have no row, where ``accepted`` is set, the accepted ones or those never accepted."""

    states: tuple[PendingState, ...] | None
    attempts: bool
    accepted: bool | None = None


_EVERYWHERE = Sources(None, attempts=True)
_BY_ATTEMPT = {DeliveryStatus.DELIVERED: True, DeliveryStatus.UNKNOWN: False}


def sources_of(statuses: Collection[DeliveryStatus] | None) -> Sources:
    """Where to look for deliveries of these statuses, or of any."""
    if statuses is None:
        return _EVERYWHERE
    states = tuple(state for state, status in _BY_STATE.items() if status in statuses)
    accepted = [accepted for status, accepted in _BY_ATTEMPT.items() if status in statuses]
    only = accepted[0] if len(accepted) == 1 else None
    return Sources(states, attempts=bool(accepted), accepted=only)
