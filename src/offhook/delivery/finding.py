"""What the routes of webhooks share: finding one of the caller's own, and random bytes."""

from collections.abc import Callable

from offhook.delivery.entries import StoredWebhook
from offhook.delivery.ports import WebhookStore
from offhook.model.errors import FieldError, NotFound
from offhook.model.ids import AccountId, WebhookId

Entropy = Callable[[int], bytes]
"""Gives that many random bytes."""


async def found(store: WebhookStore, account: AccountId, webhook: WebhookId) -> StoredWebhook:
    """The account's webhook of this id; ``NotFound`` if there is none."""
    stored = await store.webhook(account, webhook)
    if stored is None:
        raise no_webhook(webhook)
    return stored


def no_webhook(webhook: str) -> NotFound:
    """The account has no such webhook."""
    return NotFound(
        f"There is no webhook {webhook[:100]!r} in this account; GET /v1/webhooks lists them.",
        FieldError("path.webhook_id", "is no webhook of this account"),
    )
