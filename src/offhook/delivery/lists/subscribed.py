"""Who wants which events, as it is now, for whoever only looks."""

from collections.abc import Sequence

from offhook.delivery.entries import StoredWebhook, WebhookSnapshot
from offhook.delivery.subscriptions import Subscriptions
from offhook.model.event import LogEvent
from offhook.model.ids import WebhookId


def subscribed(webhooks: Sequence[StoredWebhook]) -> Subscriptions:
    """The subscriptions of these webhooks, enabled or not; what cannot be evaluated is counted
    where it is sent, not here."""
    return Subscriptions.of(WebhookSnapshot(0, tuple(webhooks)), _ignored)


def _ignored(_webhook: WebhookId, _event: LogEvent, _reason: str) -> None:
    pass
