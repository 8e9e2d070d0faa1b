"""The API of webhooks: make, list, read, change and delete."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Body, Query, Request, Response

from offhook.api.auth import Gate, Principal, Scope
from offhook.api.pages import IdCursor, PageQuery, read_cursor, write_cursor
from offhook.api.routing import Asking, keyed_router
from offhook.clock import Clock
from offhook.delivery.answers import (
    ChangedWebhook,
    MadeWebhook,
    Page,
    WebhookAnswer,
    webhook_fields,
)
from offhook.delivery.entries import StoredWebhook
from offhook.delivery.filtering import filter_warnings
from offhook.delivery.finding import Entropy, IfMatch, being_changed, check_revision, found
from offhook.delivery.patching import check_unmasked, patched
from offhook.delivery.ports import WebhookStore
from offhook.delivery.targets import Targets
from offhook.delivery.webhook import NewWebhook, WebhookDocument
from offhook.model.event import to_ms
from offhook.model.ids import AccountId, WebhookId, made_id
from offhook.signing.secret import check_secret, make_secret, same_kind

Answer = TypeVar("Answer", bound=WebhookAnswer)

_TRIES = 5


def webhook_router(
    *,
    gate: Gate,
    webhooks: WebhookStore,
    targets: Targets,
    clock: Clock,
    entropy: Entropy,
    prefix: str = "/v1",
    documented: bool = True,
) -> APIRouter:
    """The routes under ``<prefix>/webhooks``."""
    router = keyed_router(
        gate,
        read=Scope.READ,
        write=Scope.WEBHOOKS_WRITE,
        tag="webhooks",
        prefix=f"{prefix}/webhooks",
        documented=documented,
    )
    at = WebhookRoutes(webhooks, targets, clock, entropy)
    one = "/{webhook_id}"
    router.add_api_route("", at.create_webhook, methods=["POST"], status_code=201)
    router.add_api_route("", at.list_webhooks, methods=["GET"])
    router.add_api_route(one, at.get_webhook, methods=["GET"])
    router.add_api_route(one, at.change_webhook, methods=["PATCH"])
    router.add_api_route(
        one, at.delete_webhook, methods=["DELETE"], status_code=204, response_class=Response
    )
    return router


class WebhookRoutes:
    """What each route does."""

    def __init__(
        self, store: WebhookStore, targets: Targets, clock: Clock, entropy: Entropy
    ) -> None:
        self._store = store
        self._targets = targets
        self._clock = clock
        self._entropy = entropy

    async def create_webhook(
        self, asking: Asking, new: NewWebhook, request: Request, response: Response
    ) -> MadeWebhook:
        """Make a webhook; it gets every matching event from now on. The secret is in the answer."""
        check_unmasked(new.headers)
        if new.secret is not None:
            check_secret(new.secret, new.signing.as_scheme())
        warnings = await self._targets.check(new.url)
        warnings += filter_warnings(new.filter, new.patterns())
        secret = new.secret or make_secret(self._entropy(32), new.signing.as_scheme())
        webhook = WebhookId(made_id("wh", to_ms(self._clock.now()), self._entropy(8)))
        document = new.document().model_dump_json().encode()
        await self._store.create_webhook(asking.account, webhook, document, secret)
        fields = webhook_fields(await found(self._store, asking.account, webhook))
        response.headers["Location"] = f"{request.url.path}/{webhook}"
        made = MadeWebhook.model_validate({**fields, "warnings": warnings, "secret": secret})
        return _tagged(response, made)

    async def list_webhooks(
        self, asking: Asking, query: Annotated[PageQuery, Query()]
    ) -> Page[WebhookAnswer]:
        """The account's webhooks, newest first."""
        cursor = read_cursor(query.cursor, IdCursor)
        before = None if cursor is None else WebhookId(cursor.id)
        found = await self._store.list_webhooks(asking.account, before, query.limit + 1)
        shown = found[: query.limit]
        more = len(found) > query.limit
        return Page(
            data=[_answer(asking, stored) for stored in shown],
            next_cursor=write_cursor(IdCursor(shown[-1].id)) if more else None,
        )

    async def get_webhook(
        self, asking: Asking, webhook_id: WebhookId, response: Response
    ) -> WebhookAnswer:
        """One webhook, without its secret. The values of its own headers are shown to keys with
        the scope `webhooks:write`."""
        stored = await found(self._store, asking.account, webhook_id)
        return _tagged(response, _answer(asking, stored))

    async def change_webhook(
        self,
        asking: Asking,
        webhook_id: WebhookId,
        patch: Annotated[dict[str, Any], Body()],
        response: Response,
        if_match: IfMatch = None,
    ) -> ChangedWebhook:
        """Change it by a JSON merge patch (RFC 7396); null puts a field back to its default."""
        changed = await self._change(asking.account, webhook_id, patch, if_match)
        return _tagged(response, changed)

    async def delete_webhook(
        self, asking: Asking, webhook_id: WebhookId, if_match: IfMatch = None
    ) -> None:
        """Delete it; what waits for it is dropped, its attempts stay."""
        for _ in range(_TRIES):
            stored = await found(self._store, asking.account, webhook_id)
            check_revision(stored, if_match)
            revision = None if if_match is None else stored.revision
            if await self._store.delete_webhook(asking.account, webhook_id, revision):
                return
        raise being_changed(webhook_id)

    async def _change(
        self, account: AccountId, webhook: WebhookId, patch: Mapping[str, Any], if_match: str | None
    ) -> ChangedWebhook:
        """Merge, check and replace; begun anew when another change came between."""
        for _ in range(_TRIES):
            stored = await found(self._store, account, webhook)
            check_revision(stored, if_match)
            document = patched(stored.document, patch)
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
        before = WebhookDocument.model_validate_json(stored.document)
        return [] if document.url == before.url else await self._targets.check(document.url)


def _new_secret(webhook: WebhookId, document: WebhookDocument) -> str:
    return (
        f"The scheme {document.signing.scheme} signs with another kind of secret than before: a "
        f"new one was made, and the old one signs no more. GET /v1/webhooks/{webhook}/secret shows "
        "it, and .../public-key what to verify by."
    )


def _answer(asking: Principal, stored: StoredWebhook) -> WebhookAnswer:
    fields = webhook_fields(stored, credentials=asking.may(Scope.WEBHOOKS_WRITE))
    return WebhookAnswer.model_validate(fields)


def _tagged(response: Response, answer: Answer) -> Answer:
    response.headers["ETag"] = f'"{answer.revision}"'
    return answer
