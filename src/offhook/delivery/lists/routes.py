"""The API of deliveries: list, read, their attempts, and one more try."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from offhook.api.auth import Gate, Scope
from offhook.api.pages import (
    AttemptCursor,
    DeliveryCursor,
    Page,
    PageQuery,
    read_cursor,
    write_cursor,
)
from offhook.api.routing import Asking, keyed_router
from offhook.delivery.entries import (
    LAST_ATTEMPT,
    AttemptRecord,
    DeliveryFilter,
    DeliveryStatus,
    DeliveryView,
)
from offhook.delivery.lists.answers import DeliveryAnswer, delivery_answer
from offhook.delivery.lists.entries import Rest
from offhook.delivery.lists.filters import DeliveryQuery, RetryRequest
from offhook.delivery.lists.listing import Listing
from offhook.delivery.loading import document_of
from offhook.delivery.ports import DeliveryQueries, WebhookStore
from offhook.delivery.webhooks.attempt_answers import AttemptAnswer, attempt_answer
from offhook.delivery.webhooks.finding import disabled, found
from offhook.log.ports import FeedStore
from offhook.model.errors import Conflict, FieldError, NotFound
from offhook.model.ids import AccountId, EventId, WebhookId, parse_delivery_id

MOST_RETRIED = 10_000
"""Deliveries that one request asks to be retried."""


class RetriedAnswer(BaseModel):
    """How many deliveries were asked to be retried, and whether there are more to ask for."""

    requested: int
    more: bool


def delivery_router(
    *,
    gate: Gate,
    deliveries: DeliveryQueries,
    listing: Listing,
    webhooks: WebhookStore,
    feed: FeedStore,
) -> APIRouter:
    """``/v1/deliveries`` and ``/v1/events/{id}/deliveries``."""
    router = keyed_router(
        gate, read=Scope.READ, write=Scope.WEBHOOKS_WRITE, tag="deliveries", prefix="/v1"
    )

    at = DeliveryRoutes(deliveries, listing, webhooks, feed)
    one = "/deliveries/{delivery_id}"
    router.add_api_route("/deliveries", at.list_deliveries, methods=["GET"])
    router.add_api_route("/events/{event_id}/deliveries", at.list_event_deliveries, methods=["GET"])
    router.add_api_route(
        "/deliveries/retry", at.retry_deliveries, methods=["POST"], status_code=202
    )
    router.add_api_route(one, at.get_delivery, methods=["GET"])
    router.add_api_route(f"{one}/attempts", at.list_attempts, methods=["GET"])
    router.add_api_route(f"{one}/retry", at.retry_delivery, methods=["POST"], status_code=202)
    return router


class DeliveryRoutes:
    """What each route does."""

    def __init__(
        self,
        deliveries: DeliveryQueries,
        listing: Listing,
        webhooks: WebhookStore,
        feed: FeedStore,
    ) -> None:
        self._deliveries = deliveries
        self._listing = listing
        self._webhooks = webhooks
        self._feed = feed

    async def list_deliveries(
        self, asking: Asking, query: Annotated[DeliveryQuery, Query()]
    ) -> Page[DeliveryAnswer]:
        """The account's deliveries, newest event first, also those that their endpoints have not
        come to yet. So many are looked at for one page, and no more: it may be short, even empty,
        and have a `next_cursor` all the same."""
        return await self._page(asking.account, query.filter(), query)

    async def list_event_deliveries(
        self, asking: Asking, event_id: EventId, query: Annotated[PageQuery, Query()]
    ) -> Page[DeliveryAnswer]:
        """The deliveries of one event, one per endpoint that takes it, come to it or not."""
        if await self._feed.event(asking.account, event_id) is None:
            raise NotFound(
                f"There is no event {event_id[:100]!r} in this account.",
                FieldError("path.event_id", "is no event of this account"),
            )
        return await self._page(asking.account, DeliveryFilter(event=event_id), query)

    async def get_delivery(self, asking: Asking, delivery_id: str) -> DeliveryAnswer:
        """One delivery."""
        return delivery_answer(await self._view(asking.account, delivery_id))

    async def list_attempts(
        self, asking: Asking, delivery_id: str, query: Annotated[PageQuery, Query()]
    ) -> Page[AttemptAnswer]:
        """Its attempts, newest first."""
        view = await self._view(asking.account, delivery_id)
        cursor = read_cursor(query.cursor, AttemptCursor)
        before = LAST_ATTEMPT if cursor is None else (cursor.started_ms, cursor.number)
        place = (view.webhook, view.partition, view.position)
        listed = await self._deliveries.attempts(asking.account, *place, before, query.limit + 1)
        shown = listed[: query.limit]
        more = len(listed) > query.limit
        return Page(
            data=[attempt_answer(record) for record in shown],
            next_cursor=_cursor_after_attempt(shown[-1]) if more else None,
        )

    async def retry_delivery(self, asking: Asking, delivery_id: str) -> DeliveryAnswer:
        """Try once more, now. A delivery that waits in its lane brings the lane's head forward."""
        view = await self._view(asking.account, delivery_id)
        _check_retry(view, delivery_id, await self._is_enabled(asking.account, view))
        canceled = view.status is DeliveryStatus.CANCELED
        await self._deliveries.request_retry(
            view.webhook,
            view.partition,
            view.position,
            self._listing.canceled_row(asking.account, view) if canceled else None,
        )
        return delivery_answer(view)

    async def retry_deliveries(self, asking: Asking, asked: RetryRequest) -> RetriedAnswer:
        """Try undelivered deliveries once more, now: up to 10,000 of those that pass the filter and
        were not asked for yet. Ask again while there are `more`."""
        wanted = asked.wanted()
        if wanted.webhook is not None:
            stored = await found(self._webhooks, asking.account, wanted.webhook)
            if not document_of(stored).enabled:
                raise disabled(wanted.webhook, "retry")
        made = await self._deliveries.request_retries(asking.account, wanted, MOST_RETRIED)
        return RetriedAnswer(requested=made.requested, more=made.more)

    async def _page(
        self, account: AccountId, wanted: DeliveryFilter, query: PageQuery
    ) -> Page[DeliveryAnswer]:
        cursor = read_cursor(query.cursor, DeliveryCursor)
        before = None if cursor is None else _rest(cursor)
        found = await self._listing.page(account, wanted, before, query.limit)
        return Page(
            data=[delivery_answer(view) for view in found.views],
            next_cursor=write_cursor(DeliveryCursor(dict(found.rest))) if found.rest else None,
        )

    async def _view(self, account: AccountId, delivery_id: str) -> DeliveryView:
        place = parse_delivery_id(delivery_id)
        view = None if place is None else await self._listing.one(account, place)
        if view is None:
            raise NotFound(
                f"There is no delivery {delivery_id[:100]!r} in this account.",
                FieldError("path.delivery_id", "is no delivery of this account"),
            )
        return view

    async def _is_enabled(self, account: AccountId, view: DeliveryView) -> bool:
        stored = await self._webhooks.webhook(account, view.webhook)
        if stored is None:
            raise NotFound(f"The webhook {view.webhook} of this delivery was deleted.")
        return document_of(stored).enabled


def _rest(cursor: DeliveryCursor) -> Rest:
    return {
        partition: (position, None if name is None else WebhookId(name))
        for partition, (position, name) in cursor.rest.items()
    }


def _cursor_after_attempt(record: AttemptRecord) -> str:
    return write_cursor(AttemptCursor(record.started_ms, record.number))


def _check_retry(view: DeliveryView, delivery_id: str, enabled: bool) -> None:
    if view.status is DeliveryStatus.DELIVERED:
        raise Conflict(
            f"{delivery_id} was accepted already; a retry would send it twice. "
            "Post the event again under a new id if the receiver lost it.",
            code="already_delivered",
        )
    if view.status is DeliveryStatus.UNKNOWN:
        raise Conflict(
            f"The attempts of {delivery_id} are past their retention, so it may have been "
            "accepted; post the event again under a new id if the receiver lacks it.",
            code="delivery_unknown",
        )
    if not enabled:
        raise disabled(view.webhook, "retry")
