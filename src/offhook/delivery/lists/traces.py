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
from offhook.model.catalogue import matches
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
AHEAD = "the endpoint has not come to it yet"
PASSED = "it was not sent: the endpoint was disabled, or did not ask for it, when its turn came"

_BY_STATE = {
    PendingState.RETRY: DeliveryStatus.PENDING,
    PendingState.WAITING: DeliveryStatus.PENDING,
    PendingState.FAILED: DeliveryStatus.FAILED,
    PendingState.CANCELED: DeliveryStatus.CANCELED,
}


def status_of(traces: Traces, *, wanted: bool = False) -> DeliveryStatus:
    """A row of its own says where it stands; else an accepted attempt; else it is still to come.
    What was accepted stays so, whatever comes of sending it again. What its endpoint is past, and
    left no trace, was never sent if it was ``wanted``: see ``was_passed``."""
    again = traces.accepted and traces.replay is not None
    if traces.state is not None and not again:
        return _BY_STATE[traces.state]
    if traces.accepted:
        return DeliveryStatus.DELIVERED
    if traces.ahead:
        return DeliveryStatus.PENDING
    return DeliveryStatus.CANCELED if wanted else DeliveryStatus.UNKNOWN


def was_passed(traces: Traces, recorded_ms: int) -> bool:
    """Whether the endpoint is past it, and nobody tried: of events created since ``recorded_ms``
    all attempts are kept."""
    traceless = traces.state is None and not traces.attempts
    recorded = traces.created_ms is not None and traces.created_ms >= recorded_ms
    return traceless and recorded and not traces.ahead


def fits(traces: Traces, wanted: DeliveryFilter, status: DeliveryStatus) -> bool:
    """Whether it is of the statuses, the type and the time that are listed; where the time is
    unknown, it is."""
    if wanted.statuses is not None and status not in wanted.statuses:
        return False
    if not of_type(traces.event_type or "", wanted.type):
        return False
    at_ms = traces.created_ms
    if at_ms is None:
        return True
    after = wanted.since_ms is None or at_ms >= wanted.since_ms
    return after and (wanted.until_ms is None or at_ms < wanted.until_ms)


def of_type(type_: str, pattern: str | None) -> bool:
    """Whether a list that asks for a pattern has this type; ``*`` has all, as in the feed."""
    return pattern is None or pattern == "*" or matches(pattern, type_)


def reason_of(traces: Traces, status: DeliveryStatus) -> str | None:
    """Why it is not delivered."""
    if traces.reason is None and traces.state is PendingState.WAITING:
        return _BEHIND
    if traces.state is None and status is DeliveryStatus.PENDING:
        return AHEAD
    if traces.state is None and status is DeliveryStatus.CANCELED:
        return PASSED
    return traces.reason


def view_of(
    traces: Traces, latest: AttemptRecord | None, status: DeliveryStatus
) -> DeliveryView | None:
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
        status,
        traces.attempts,
        traces.due_ms,
        latest,
        reason_of(traces, status),
        traces.created_ms,
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
    that have no row, where ``accepted`` is set, the accepted ones or those never accepted. In the
    log stands what left none: ``ahead`` of endpoints, or ``missed`` while they were disabled."""

    states: tuple[PendingState, ...] | None
    attempts: bool
    ahead: bool
    missed: bool
    accepted: bool | None = None


_EVERYWHERE = Sources(None, attempts=True, ahead=True, missed=True)
_BY_ATTEMPT = {DeliveryStatus.DELIVERED: True, DeliveryStatus.UNKNOWN: False}


def sources_of(statuses: Collection[DeliveryStatus] | None) -> Sources:
    """Where to look for deliveries of these statuses, or of any."""
    if statuses is None:
        return _EVERYWHERE
    states = tuple(state for state, status in _BY_STATE.items() if status in statuses)
    accepted = [accepted for status, accepted in _BY_ATTEMPT.items() if status in statuses]
    only = accepted[0] if len(accepted) == 1 else None
    return Sources(
        states,
        attempts=bool(accepted),
        ahead=DeliveryStatus.PENDING in statuses,
        missed=DeliveryStatus.CANCELED in statuses,
        accepted=only,
    )
