"""Making, changing and deleting webhooks: checked first, then applied where nobody came between."""

from collections.abc import Callable, Mapping
from typing import Any

from offhook.api.problems import PreconditionFailed
from offhook.clock import Clock
from offhook.delivery.document import NewWebhook, WebhookDocument
from offhook.delivery.entries import StoredWebhook
from offhook.delivery.loading import check_opened, document_of, fields_of, told_of
from offhook.delivery.ports import WebhookStore
from offhook.delivery.webhooks.answers import ChangedWebhook, MadeWebhook, webhook_fields
from offhook.delivery.webhooks.filtering import filter_warnings
from offhook.delivery.webhooks.finding import Entropy, being_changed, check_revision, found
from offhook.delivery.webhooks.patching import check_unmasked, patched
from offhook.delivery.webhooks.targets import Targets
from offhook.model.errors import Conflict, FieldError, Invalid, NotFound
from offhook.model.event import to_ms
from offhook.model.ids import AccountId, WebhookId, made_id
from offhook.signing.secret import check_secret, make_secret, same_kind

_TRIES = 5


class WebhookChanges:
    """What may be done to an account's webhooks. Each refuses what may not be, and then leaves
    everything as it was."""

    def __init__(
        self, store: WebhookStore, targets: Targets, clock: Clock, entropy: Entropy
    ) -> None:
        self._store = store
        self._targets = targets
        self._clock = clock
        self._entropy = entropy

    async def create(self, account: AccountId, new: NewWebhook) -> MadeWebhook:
        """Make a webhook; it gets every matching event from now on."""
        check_unmasked(new.headers)
        if new.secret is not None:
            check_secret(new.secret, new.signing.as_scheme())
        warnings = await self._targets.check(new.url)
        warnings += filter_warnings(new.filter, new.patterns())
        secret = new.secret or make_secret(self._entropy(32), new.signing.as_scheme())
        webhook = WebhookId(made_id("wh", to_ms(self._clock.now()), self._entropy(8)))
        document = new.document().model_dump_json().encode()
        await self._store.create_webhook(account, webhook, document, secret)
        fields = webhook_fields(await found(self._store, account, webhook))
        return MadeWebhook.model_validate({**fields, "warnings": warnings, "secret": secret})

    async def change(
        self,
        account: AccountId,
        webhook: WebhookId,
        patch: Mapping[str, Any],
        if_match: str | None = None,
    ) -> ChangedWebhook:
        """Change it by a merge patch."""
        return await self._replace(
            account, webhook, lambda stored: _patched(stored, patch), if_match
        )

    async def put(
        self, account: AccountId, external_id: str, new: NewWebhook, if_match: str | None = None
    ) -> MadeWebhook | ChangedWebhook:
        """Make the webhook of this ``external_id``, or have it be as ``new`` says, all of it."""
        if new.external_id not in (None, external_id):
            message = f"is another one than that of the path, {external_id[:100]!r}; leave it out"
            raise Invalid(f"body.external_id {message}.", FieldError("body.external_id", message))
        check_unmasked(new.headers)
        named = new.model_copy(update={"external_id": external_id})
        for _ in range(_TRIES):
            try:
                return await self._put(account, external_id, named, if_match)
            except (Conflict, NotFound):
                # Somebody else made or deleted it meanwhile.
                continue
        raise being_changed(external_id)

    async def delete(
        self, account: AccountId, webhook: WebhookId, if_match: str | None = None
    ) -> None:
        """Delete it; what waits for it is dropped, its attempts stay."""
        for _ in range(_TRIES):
            stored = await found(self._store, account, webhook)
            check_revision(stored, if_match)
            revision = None if if_match is None else stored.revision
            if await self._store.delete_webhook(account, webhook, revision):
                return
        raise being_changed(webhook)

    async def _put(
        self, account: AccountId, external_id: str, new: NewWebhook, if_match: str | None
    ) -> MadeWebhook | ChangedWebhook:
        standing = await self._store.list_webhooks(account, None, 1, external_id)
        if standing:
            return await self._replace(
                account, standing[0].id, lambda stored: _instead(stored, new), if_match
            )
        if if_match is not None:
            raise PreconditionFailed(
                f"There is no webhook with the external_id {external_id[:100]!r} to be at a "
                "revision; send it without If-Match to make one.",
                FieldError("header.if-match", "there is no such webhook"),
            )
        return await self.create(account, new)

    async def _replace(
        self,
        account: AccountId,
        webhook: WebhookId,
        decide: Callable[[StoredWebhook], WebhookDocument],
        if_match: str | None,
    ) -> ChangedWebhook:
        """Decide, check and replace; begun anew when another change came between."""
        for _ in range(_TRIES):
            stored = await found(self._store, account, webhook)
            check_revision(stored, if_match)
            check_opened(stored)
            document = decide(stored)
            secret, warnings = self._secret_for(stored, document)
            warnings += await self._check_target(stored, document)
            warnings += filter_warnings(document.filter, document.patterns())
            packed = document.model_dump_json().encode()
            if await self._store.replace_webhook(
                account, webhook, packed, stored.revision, secret=secret
            ):
                fields = webhook_fields(await found(self._store, account, webhook))
                return ChangedWebhook.model_validate({**fields, "warnings": warnings})
        raise being_changed(webhook)

    def _secret_for(
        self, stored: StoredWebhook, document: WebhookDocument
    ) -> tuple[str | None, list[str]]:
        """The secret that a change of the scheme needs, if another kind, and what to say of it."""
        scheme = document.signing.as_scheme()
        if all(same_kind(secret.text, scheme) for secret in stored.secrets):
            for secret in stored.secrets:
                check_secret(secret.text, scheme, path="body.signing: the webhook's secret")
            return None, []
        return make_secret(self._entropy(32), scheme), [_new_secret(stored.id, document)]

    async def _check_target(self, stored: StoredWebhook, document: WebhookDocument) -> list[str]:
        before, _ = told_of(stored)
        return [] if document.url == before.url else await self._targets.check(document.url)


def _patched(stored: StoredWebhook, patch: Mapping[str, Any]) -> WebhookDocument:
    """What it is after the patch; a fault that was there before is told of as such."""
    fields = fields_of(stored)
    try:
        return patched(fields, patch)
    except Invalid:
        document_of(stored)
        raise


def _instead(stored: StoredWebhook, new: NewWebhook) -> WebhookDocument:
    if new.secret not in (None, stored.secrets[0].text):
        message = (
            "is not the secret that the webhook has; leave it out, and change it by "
            f"POST /v1/webhooks/{stored.id}/secret/rotate"
        )
        raise Invalid(f"body.secret {message}.", FieldError("body.secret", message))
    return new.document()


def _new_secret(webhook: WebhookId, document: WebhookDocument) -> str:
    return (
        f"The scheme {document.signing.scheme} signs with another kind of secret than before: a "
        f"new one was made, and the old one signs no more. GET /v1/webhooks/{webhook}/secret shows "
        "it, and .../public-key what to verify by."
    )
