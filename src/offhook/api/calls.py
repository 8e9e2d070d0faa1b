"""Reading calls: each call's truth, lists and searches of them, and a call's timeline."""

from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query
from pydantic import AfterValidator, Field
from starlette.responses import Response

from offhook.api.auth import Gate, Scope
from offhook.api.feed import events_page, place_after, read_place
from offhook.api.pages import (
    CallCursor,
    PageQuery,
    WindowQuery,
    json_response,
    page,
    read_cursor,
    write_cursor,
)
from offhook.api.routing import Asking, keyed_router
from offhook.api.shapes import answers, pages_of
from offhook.log.entries import FeedFilter
from offhook.log.ports import FeedStore
from offhook.log.queries import CallFilter, CallQueries
from offhook.model.call import Call, Outcome, Status
from offhook.model.errors import FieldError, NotFound
from offhook.model.event import to_ms
from offhook.model.ids import AccountId, CallId

_Id = Annotated[str | None, Field(min_length=1, max_length=255)]


def _with_plus(number: str | None) -> str | None:
    """In a URL an unescaped + arrives as a space."""
    if number is not None and number[:1] == " " and number[1:].isdigit():
        return "+" + number[1:]
    return number


class CallQuery(WindowQuery):
    """Which calls to list; ``since`` and ``until`` go by the call's start."""

    status: Status | None = None
    outcome: Outcome | None = None
    campaign_id: _Id = None
    buyer_id: _Id = None
    caller_id: Annotated[_Id, AfterValidator(_with_plus)] = None
    include: Literal["duplicates"] | None = None

    def filter(self) -> CallFilter:
        """The same in the store's words."""
        return CallFilter(
            status=self.status,
            outcome=self.outcome,
            campaign_id=self.campaign_id,
            buyer_id=self.buyer_id,
            caller_id=self.caller_id,
            since=self.since,
            until=self.until,
            duplicates=self.include == "duplicates",
        )


def calls_router(*, gate: Gate, calls: CallQueries, feed: FeedStore) -> APIRouter:
    """``/v1/calls``: list, search, one call, and its events."""
    router = keyed_router(gate, read=Scope.READ, write=Scope.READ, tag="calls", prefix="/v1/calls")

    @router.get("", responses=pages_of("Call"))
    async def list_calls(asking: Asking, query: Annotated[CallQuery, Query()]) -> Response:
        """Calls, newest start first."""
        return await _page(calls, asking.account, query)

    @router.post("/search", responses=pages_of("Call"))
    async def search_calls(asking: Asking, query: CallQuery) -> Response:
        """The same list, with its filters in the body, where access logs do not see them."""
        return await _page(calls, asking.account, query)

    @router.get("/{call_id}", responses=answers("Call"))
    async def get_call(asking: Asking, call_id: CallId) -> Response:
        """One call as it stands now, with its legs."""
        return json_response(_rendered(await _known(calls, asking.account, call_id)))

    @router.get("/{call_id}/events", responses=pages_of("Event"))
    async def list_call_events(
        asking: Asking, call_id: CallId, query: Annotated[PageQuery, Query()]
    ) -> Response:
        """All that was said of the call, oldest first."""
        await _known(calls, asking.account, call_id)
        place = read_place(query.cursor, feed.generation)
        found = await feed.feed(asking.account, place.after, query.limit, FeedFilter(key=call_id))
        reached = place_after(place, found)
        return events_page(found, reached if found.more else None)

    return router


async def _page(calls: CallQueries, account: AccountId, query: CallQuery) -> Response:
    cursor = read_cursor(query.cursor, CallCursor)
    before = None if cursor is None else (cursor.started_ms, cursor.id)
    found = await calls.calls(account, query.filter(), before, query.limit + 1)
    shown = found[: query.limit]
    more = len(found) > query.limit
    return page((_rendered(call) for call in shown), _cursor_after(shown[-1]) if more else None)


async def _known(calls: CallQueries, account: AccountId, call_id: CallId) -> Call:
    call = await calls.call(account, call_id)
    if call is None:
        raise NotFound(
            f"There is no call {call_id[:100]!r} in this account.",
            FieldError("path.call_id", "is no call of this account"),
        )
    return call


def _cursor_after(call: Call) -> str:
    started = call.data.started_at
    return write_cursor(CallCursor(0 if started is None else to_ms(started), call.data.call_id))


def _rendered(call: Call) -> bytes:
    """The call's data, with its ``id`` and whether it is a test before it."""
    test = b"true" if call.test else b"false"
    identity = b'{"id":' + msgspec.json.encode(call.data.call_id) + b',"test":' + test + b","
    return identity + msgspec.json.encode(call.data)[1:]
