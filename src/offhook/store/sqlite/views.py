"""A delivery as users see it, derived from its traces."""

import msgspec

from offhook.delivery.entries import AttemptRecord, DeliveryStatus, DeliveryView, PendingState
from offhook.model.ids import AccountId, EventId, WebhookId


class AttemptRow(msgspec.Struct, frozen=True):
    """An attempt as statements gather it: ``response`` is hexadecimal."""

    webhook: WebhookId
    partition: int
    position: int
    account: AccountId
    event_id: EventId
    event_type: str
    key: str
    number: int
    started_ms: int
    duration_ms: float
    accepted: bool
    status: int | None
    error: str | None
    response: str

    def record(self) -> AttemptRecord:
        """The attempt as the ports know it."""
        fields = msgspec.structs.asdict(self)
        return AttemptRecord(**{**fields, "response": bytes.fromhex(self.response) or None})


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
    latest: AttemptRow | None


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


def view_of(traces: Traces) -> DeliveryView | None:
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
        None if traces.latest is None else traces.latest.record(),
        traces.reason,
    )
