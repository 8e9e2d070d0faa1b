"""A delivery as users see it, derived from its traces."""

from dataclasses import dataclass

import msgspec

from offhook.delivery.entries import AttemptRecord, DeliveryStatus, DeliveryView, PendingState
from offhook.model.ids import AccountId, EventId, WebhookId


class Traces(msgspec.Struct, frozen=True):
    """What the store knows of one delivery.

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
    known: bool
    ahead: bool
    attempts: int
    accepted: bool


_BY_STATE = {
    PendingState.RETRY: DeliveryStatus.PENDING,
    PendingState.WAITING: DeliveryStatus.PENDING,
    PendingState.FAILED: DeliveryStatus.FAILED,
    PendingState.CANCELED: DeliveryStatus.CANCELED,
}


def status_of(traces: Traces) -> DeliveryStatus:
    """A row of its own says where it stands; else an accepted attempt; else it is still to come."""
    if traces.state is not None:
        return _BY_STATE[traces.state]
    if traces.accepted:
        return DeliveryStatus.DELIVERED
    return DeliveryStatus.PENDING if traces.ahead else DeliveryStatus.UNKNOWN


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
        traces.reason,
    )


@dataclass(frozen=True, slots=True)
class Sources:
    """Where deliveries of a status leave traces: rows in these states, and attempts; of those that
    have no row, where ``accepted`` is set, the accepted ones or those never accepted."""

    states: tuple[PendingState, ...] | None
    attempts: bool
    accepted: bool | None = None


_EVERYWHERE = Sources(None, attempts=True)
_SOURCES = {
    DeliveryStatus.PENDING: Sources((PendingState.RETRY, PendingState.WAITING), attempts=False),
    DeliveryStatus.FAILED: Sources((PendingState.FAILED,), attempts=False),
    DeliveryStatus.CANCELED: Sources((PendingState.CANCELED,), attempts=False),
    DeliveryStatus.DELIVERED: Sources((), attempts=True, accepted=True),
    DeliveryStatus.UNKNOWN: Sources((), attempts=True, accepted=False),
}


def sources_of(status: DeliveryStatus | None) -> Sources:
    """Where to look for deliveries of a status, or of any."""
    return _EVERYWHERE if status is None else _SOURCES[status]
