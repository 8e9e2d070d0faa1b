"""What the API says of webhooks and deliveries, and how it is made from what is stored."""

from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from offhook.delivery.attempt_answers import AttemptAnswer, attempt_answer
from offhook.delivery.entries import (
    DeliveryStatus,
    DeliveryView,
    StoredWebhook,
)
from offhook.delivery.filter_faults import FilterFaults
from offhook.delivery.health import EndpointHealth, HealthStatus
from offhook.delivery.loading import told_of
from offhook.delivery.webhook import WebhookDocument
from offhook.model.event import rfc3339_ms
from offhook.model.headers import MASK
from offhook.model.ids import delivery_id

Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    """A page of a list; ``next_cursor`` is null on the last one."""

    data: list[Item]
    next_cursor: str | None


class Stored(BaseModel):
    """What every stored object has."""

    id: str
    created_at: str
    updated_at: str
    revision: int


class HealthAnswer(BaseModel):
    """How an endpoint does, as all processes see it together, a few seconds late. Failures are
    attempts that were not accepted since the last one that was."""

    status: HealthStatus
    consecutive_failures: int
    failing_since: str | None
    last_success_at: str | None


class FilterErrorAnswer(BaseModel):
    """Why a filter could not be evaluated, on which event, and when."""

    message: str
    event_id: str
    at: str


class WebhookAnswer(WebhookDocument, Stored):
    """A webhook. ``disabled_reason`` is there if Offhook disabled it. ``filter_errors`` counts the
    events that its filter could not be evaluated on; none of them was sent. ``fault`` says why it
    cannot be loaded as it is stored, null as a rule: it gets nothing then, and what cannot be read
    of it is shown as if it had not been said."""

    disabled_reason: str | None
    health: HealthAnswer
    filter_errors: int
    last_filter_error: FilterErrorAnswer | None
    fault: str | None


class ChangedWebhook(WebhookAnswer):
    """A webhook after a change, and what its owner should know."""

    warnings: list[str]


class MadeWebhook(ChangedWebhook):
    """A new webhook, with its secret."""

    secret: str


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


def webhook_answer(stored: StoredWebhook, *, credentials: bool) -> WebhookAnswer:
    """A webhook for its reader, also one that cannot be loaded."""
    fields = webhook_fields(stored, credentials=credentials)
    if fields["fault"] is None:
        return WebhookAnswer.model_validate(fields)
    return WebhookAnswer.model_construct(**fields)


def webhook_fields(stored: StoredWebhook, *, credentials: bool = True) -> dict[str, Any]:
    """The fields of a ``WebhookAnswer``. Without ``credentials`` the values of its own headers are
    left out: they may be such."""
    faults = stored.filter_faults
    document, fault = told_of(stored)
    seen = credentials and stored.sealed is None
    shown = document.headers if seen else dict.fromkeys(document.headers, MASK)
    return {
        **dict(document),
        "headers": shown,
        "id": stored.id,
        "created_at": rfc3339_ms(stored.created_ms),
        "updated_at": rfc3339_ms(stored.updated_ms),
        "revision": stored.revision,
        "disabled_reason": stored.disabled_reason,
        "health": health_answer(stored.health),
        "filter_errors": 0 if faults is None else faults.errors,
        "last_filter_error": None if faults is None else _filter_error_answer(faults),
        "fault": fault,
    }


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


def health_answer(health: EndpointHealth) -> HealthAnswer:
    """An endpoint's health for its reader."""
    return HealthAnswer(
        status=health.status,
        consecutive_failures=health.failures,
        failing_since=_time(health.failing_since_ms),
        last_success_at=_time(health.last_success_ms),
    )


def _filter_error_answer(faults: FilterFaults) -> FilterErrorAnswer:
    return FilterErrorAnswer(
        message=faults.last_error, event_id=faults.last_event, at=rfc3339_ms(faults.last_ms)
    )


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else rfc3339_ms(at_ms)
