"""What the API says of webhooks, and how it is made from what is stored."""

from typing import Any

from pydantic import BaseModel

from offhook.delivery.document import WebhookDocument
from offhook.delivery.entries import (
    StoredWebhook,
)
from offhook.delivery.filter_faults import FilterFaults
from offhook.delivery.health import EndpointHealth, HealthStatus
from offhook.delivery.loading import told_of
from offhook.model.event import rfc3339_ms
from offhook.model.headers import MASK


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
