"""The API of webhooks: make, list, read, change and delete."""

from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Body, Path, Query, Request, Response
from pydantic import Field

from offhook.api.auth import Gate, Principal, Scope
from offhook.api.bodies import check_item_count
from offhook.api.pages import IdCursor, Page, PageQuery, read_cursor, write_cursor
from offhook.api.routing import Asking, keyed_router
from offhook.clock import Clock
from offhook.delivery.document import NewWebhook
from offhook.delivery.entries import StoredWebhook
from offhook.delivery.ports import WebhookStore
from offhook.delivery.webhooks.answers import (
    ChangedWebhook,
    MadeWebhook,
    WebhookAnswer,
    webhook_answer,
)
from offhook.delivery.webhooks.batch import WebhookBatch, WebhookBatchAnswer, run_batch
from offhook.delivery.webhooks.changes import WebhookChanges
from offhook.delivery.webhooks.finding import Entropy, IfMatch, found
from offhook.delivery.webhooks.secret_routes import UNCACHED
from offhook.delivery.webhooks.targets import Targets
from offhook.model.ids import WebhookId

Answer = TypeVar("Answer", bound=WebhookAnswer)


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
    at = WebhookRoutes(webhooks, WebhookChanges(webhooks, targets, clock, entropy))
    one = "/{webhook_id}"
    router.add_api_route("", at.create_webhook, methods=["POST"], status_code=201)
    router.add_api_route("", at.list_webhooks, methods=["GET"])
    router.add_api_route(
        "/batch", at.change_webhooks, methods=["POST"], response_model_exclude_unset=True
    )
    router.add_api_route(
        "/by-external-id/{external_id:path}",
        at.put_webhook,
        methods=["PUT"],
        responses={201: {"model": MadeWebhook}},
    )
    router.add_api_route(one, at.get_webhook, methods=["GET"])
    router.add_api_route(one, at.change_webhook, methods=["PATCH"])
    router.add_api_route(
        one, at.delete_webhook, methods=["DELETE"], status_code=204, response_class=Response
    )
    return router


class WebhookQuery(PageQuery):
    """Which webhooks to list."""

    external_id: Annotated[str | None, Field(min_length=1, max_length=255)] = None


class WebhookRoutes:
    """What each route does."""

    def __init__(self, store: WebhookStore, changes: WebhookChanges) -> None:
        self._store = store
        self._changes = changes

    async def create_webhook(
        self, asking: Asking, new: NewWebhook, request: Request, response: Response
    ) -> MadeWebhook:
        """Make a webhook; it gets every matching event from now on. The secret is in the answer."""
        made = await self._changes.create(asking.account, new)
        response.headers["Location"] = f"{request.url.path}/{made.id}"
        return _tagged(response, made)

    async def change_webhooks(self, asking: Asking, batch: WebhookBatch) -> WebhookBatchAnswer:
        """Make, change and delete up to 1,000 webhooks, each for itself and in this order: the
        answer has an item for each, with the status and body that it would have had alone."""
        check_item_count(len(batch.items))
        return await run_batch(self._changes, asking.account, batch.items)

    async def put_webhook(
        self,
        asking: Asking,
        external_id: Annotated[str, Path(min_length=1, max_length=255)],
        new: NewWebhook,
        request: Request,
        response: Response,
        if_match: IfMatch = None,
    ) -> MadeWebhook | ChangedWebhook:
        """Make the webhook with this `external_id` (201), or have the one that has it be as the
        body says, what it leaves out at its default; its secret stays (200)."""
        put = await self._changes.put(asking.account, external_id, new, if_match)
        if isinstance(put, MadeWebhook):
            response.status_code = 201
            path = request.url.path.partition("/by-external-id/")[0]
            response.headers["Location"] = f"{path}/{put.id}"
        return _tagged(response, put)

    async def list_webhooks(
        self, asking: Asking, query: Annotated[WebhookQuery, Query()]
    ) -> Page[WebhookAnswer]:
        """The account's webhooks, newest first."""
        cursor = read_cursor(query.cursor, IdCursor)
        before = None if cursor is None else WebhookId(cursor.id)
        found = await self._store.list_webhooks(
            asking.account, before, query.limit + 1, query.external_id
        )
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
        changed = await self._changes.change(asking.account, webhook_id, patch, if_match)
        return _tagged(response, changed)

    async def delete_webhook(
        self, asking: Asking, webhook_id: WebhookId, if_match: IfMatch = None
    ) -> None:
        """Delete it; what waits for it is dropped, its attempts stay."""
        await self._changes.delete(asking.account, webhook_id, if_match)


def _answer(asking: Principal, stored: StoredWebhook) -> WebhookAnswer:
    return webhook_answer(stored, credentials=asking.may(Scope.WEBHOOKS_WRITE))


def _tagged(response: Response, answer: Answer) -> Answer:
    response.headers["ETag"] = f'"{answer.revision}"'
    if isinstance(answer, MadeWebhook):
        response.headers["Cache-Control"] = UNCACHED
    return answer
