"""Reading events: the feed, which goes forward and never ends, and single events."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from offhook.api.auth import Gate, Scope
from offhook.api.pages import (
    FeedCursor,
    WindowQuery,
    json_response,
    page,
    read_cursor,
    write_cursor,
)
from offhook.api.problems import CursorExpired, CursorLoss
from offhook.api.routing import Asking, keyed_router
from offhook.api.shapes import answers, pages_of
from offhook.log.entries import FeedFilter, FeedSlice
from offhook.log.ports import FeedStore
from offhook.model.catalogue import read_pattern
from offhook.model.errors import FieldError, NotFound
from offhook.model.event import render
from offhook.model.ids import EventId


class FeedQuery(WindowQuery):
    """Which events to read. ``type`` takes types, aliases and ``prefix.*``, separated by commas or
    given several times."""

    type: Annotated[list[str], Field(default_factory=list, max_length=200)]
    key: Annotated[str | None, Field(min_length=1, max_length=255)] = None

    def filter(self) -> FeedFilter:
        """The same in the store's words."""
        types = read_types(self.type, "query.type")
        return FeedFilter(types=types, key=self.key, since=self.since, until=self.until)


def read_types(written: Sequence[str], path: str) -> tuple[str, ...] | None:
    """The patterns of types that are written there, one by one or with commas between; ``None`` for
    all types. ``Invalid`` (``unknown_event_type``) names the one that nothing could ever match."""
    names = [name for joined in written for name in joined.split(",")]
    patterns = tuple(dict.fromkeys(read_pattern(name, path) for name in names))
    return None if "*" in patterns else patterns or None


def feed_router(*, gate: Gate, feed: FeedStore) -> APIRouter:
    """``GET /v1/events`` and ``GET /v1/events/{id}``."""
    router = keyed_router(
        gate, read=Scope.READ, write=Scope.EVENTS_WRITE, tag="events", prefix="/v1/events"
    )

    @router.get("", responses=pages_of("Event"))
    async def list_events(asking: Asking, query: Annotated[FeedQuery, Query()]) -> Response:
        """Events, oldest first, in order per key. ``next_cursor`` is always given: a reader that
        goes on from it misses nothing, also what is committed later."""
        wanted = query.filter()
        place = read_place(query.cursor, feed.generation)
        found = await feed.feed(asking.account, place.after, query.limit, wanted)
        return events_page(found, place_after(place, found))

    @router.get("/{event_id}", responses=answers("Event"))
    async def get_event(asking: Asking, event_id: EventId) -> Response:
        """One event, as it is delivered."""
        event = await feed.event(asking.account, event_id)
        if event is None:
            raise NotFound(
                f"There is no event {event_id[:100]!r} in this account.",
                FieldError("path.event_id", "is no event of this account"),
            )
        return json_response(render(event))

    return router


def read_place(cursor: str | None, generation: int, path: str = "query.cursor") -> FeedCursor:
    """Where a reader goes on: at its cursor; without one, at the log's beginning.

    ``CursorExpired`` for the cursor of a log of another generation.
    """
    place = read_cursor(cursor, FeedCursor, path)
    if place is None:
        return FeedCursor(generation, {})
    if place.generation != generation:
        raise CursorExpired(path, place.at_ms)
    return place


def place_after(place: FeedCursor, found: FeedSlice, path: str = "query.cursor") -> FeedCursor:
    """Where a reader stands that read this page from there; ``CursorExpired`` if the log never
    came so far, as one that was restored from an older backup, or no longer goes back so far."""
    if found.past_head:
        raise CursorExpired(path, place.at_ms)
    if found.trimmed:
        raise CursorExpired(path, place.at_ms, CursorLoss.TRIMMED)
    after = {**place.after, **found.after}
    return FeedCursor(place.generation, after, max(place.at_ms, found.at_ms))


def events_page(found: FeedSlice, place: FeedCursor | None) -> Response:
    """Events of the log as a page, and the place after them if there is to be a next one."""
    next_cursor = None if place is None else write_cursor(place)
    return page((render(event) for event in found.events), next_cursor)
