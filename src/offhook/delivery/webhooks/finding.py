"""What the routes of webhooks share: finding one of the caller's own, its revision, refusing what
is disabled, and random bytes."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Header

from offhook.api.problems import PreconditionFailed
from offhook.delivery.entries import StoredWebhook
from offhook.delivery.ports import WebhookStore
from offhook.model.errors import Conflict, FieldError, NotFound
from offhook.model.ids import AccountId, WebhookId

Entropy = Callable[[int], bytes]
"""Gives that many random bytes."""

IfMatch = Annotated[str | None, Header()]
"""The revision that a change is meant for; ``None`` or ``*``: any."""


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


def check_revision(stored: StoredWebhook, if_match: str | None) -> None:
    """Refuse a change that was meant for another revision."""
    if if_match is None or if_match.strip() == "*":
        return
    if if_match.strip().removeprefix("W/").strip('"') == str(stored.revision):
        return
    raise PreconditionFailed(
        f"{stored.id} is at revision {stored.revision}, not {if_match[:100]}; "
        "read it again and repeat the change.",
        FieldError("header.if-match", f"the object is at revision {stored.revision}"),
    )


def being_changed(webhook: str) -> Conflict:
    """Somebody else's change came between, again and again."""
    return Conflict(f"{webhook} is being changed by others all the time; send it again.")


def disabled(webhook: WebhookId, then: str) -> Conflict:
    """Nothing is sent to the webhook; ``then`` is what to do once it is enabled."""
    return Conflict(
        f"{webhook} is disabled, so nothing is sent to it; enable it with "
        f'PATCH /v1/webhooks/{webhook} {{"enabled": true}}, then {then}.',
        code="endpoint_disabled",
    )
