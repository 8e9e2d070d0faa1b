"""What the API says of deliveries, and how it is made from what is stored."""

from pydantic import BaseModel

from offhook.delivery.entries import DeliveryStatus, DeliveryView
from offhook.delivery.webhooks.attempt_answers import AttemptAnswer, attempt_answer
from offhook.model.event import rfc3339_ms
from offhook.model.ids import delivery_id


class DeliveryAnswer(BaseModel):
    """One event on its way to one endpoint. ``created_at`` is when the event was made, null where
    that is past its retention."""

    id: str
    created_at: str | None
    webhook_id: str
    event_id: str
    event_type: str
    event_key: str
    status: DeliveryStatus
    attempts: int
    next_attempt_at: str | None
    last_attempt: AttemptAnswer | None
    reason: str | None


def delivery_answer(view: DeliveryView) -> DeliveryAnswer:
    """A delivery for its reader."""
    return DeliveryAnswer(
        id=delivery_id(view.webhook, view.partition, view.position),
        created_at=_time(view.created_ms),
        webhook_id=view.webhook,
        event_id=view.event_id,
        event_type=view.event_type,
        event_key=view.key,
        status=view.status,
        attempts=view.attempts,
        next_attempt_at=_time(view.next_attempt_ms),
        last_attempt=None if view.last_attempt is None else attempt_answer(view.last_attempt),
        reason=view.reason,
    )


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else rfc3339_ms(at_ms)
