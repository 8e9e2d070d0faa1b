"""``GET /v1/stream`` and ``POST /v1/stream/tokens``."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from offhook.api.auth import Gate, Scope
from offhook.api.feed import read_place, read_types
from offhook.api.pages import FeedCursor, json_response
from offhook.api.routing import Asking, check_given_once, keyed_router
from offhook.api.shapes import answers
from offhook.api.stream import sse
from offhook.api.stream.interest import Interest, covers
from offhook.api.stream.serving import Streams
from offhook.api.stream.tokens import VALID_MS, StreamGrant, seal, unseal
from offhook.api.validation import invalid
from offhook.clock import Clock
from offhook.log.entries import FeedFilter
from offhook.log.ports import FeedStore
from offhook.model.errors import FieldError, Forbidden
from offhook.model.event import rfc3339_ms, to_ms

PATH = "/v1/stream"

_HEADERS = (
    (b"content-type", sse.MEDIA_TYPE),
    (b"cache-control", b"no-store"),
    # Or nginx would gather events until a buffer is full.
    (b"x-accel-buffering", b"no"),
)
_ANY_ORIGIN = (b"access-control-allow-origin", b"*")
"""With a token a page of any origin may read: a token is nothing that a browser adds by itself."""

_SEVERAL = frozenset({"types"})
_Types = Annotated[list[str], Field(default_factory=list, max_length=200)]
_Key = Annotated[str | None, Field(min_length=1, max_length=255)]
_Cursor = Annotated[str | None, Field(max_length=4096)]


class StreamQuery(BaseModel):
    """What a stream brings, and from where on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    types: _Types
    key: _Key = None
    last_event_id: _Cursor = None
    cursor: _Cursor = None
    token: _Cursor = None


class StreamTokenRequest(BaseModel):
    """What a token is to allow; without ``types``, all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    types: _Types
    key: _Key = None


class StreamToken(msgspec.Struct, frozen=True):
    """A token, and until when a stream can be opened with it."""

    token: str
    expires_at: str


def stream_route(
    *, gate: Gate, streams: Streams, feed: FeedStore, token_key: bytes, clock: Clock
) -> Route:
    """``GET /v1/stream``."""
    stream = GetStream(gate=gate, streams=streams, feed=feed, token_key=token_key, clock=clock)
    route = Route(PATH, stream, methods=["GET"], name="stream_events")
    # The framework adds HEAD, which would wait for the end of a stream.
    route.methods = {"GET"}
    return route


def stream_tokens_router(*, gate: Gate, token_key: bytes, clock: Clock) -> APIRouter:
    """``POST /v1/stream/tokens``."""
    router = keyed_router(gate, read=Scope.READ, write=Scope.READ, tag="events", prefix=PATH)

    @router.post("/tokens", responses=answers("StreamToken", 201))
    async def create_stream_token(asking: Asking, asked: StreamTokenRequest) -> Response:
        """Make a token that opens streams of these types, and of this key, for 60 seconds. A stream
        that was opened with it stays open."""
        types = read_types(asked.types, "body.types")
        grant = StreamGrant(asking.account, Scope.READ, types, asked.key)
        until_ms = to_ms(clock.now()) + VALID_MS
        token = StreamToken(seal(grant, token_key, until_ms), rfc3339_ms(until_ms))
        return json_response(msgspec.json.encode(token), 201)

    return router


class GetStream:
    """Serves one stream; plain ASGI, so that a client that leaves is noticed at once."""

    def __init__(
        self, *, gate: Gate, streams: Streams, feed: FeedStore, token_key: bytes, clock: Clock
    ) -> None:
        self._gate = gate
        self._streams = streams
        self._feed = feed
        self._token_key = token_key
        self._clock = clock

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        scope["offhook.route"] = PATH
        request = Request(scope)
        token = None if "authorization" in request.headers else request.query_params.get("token")
        grant = await self._grant(scope, token)
        query = read_query(request.query_params)
        interest = interest_of(grant, query)
        start, path = self._start(request.headers.get("last-event-id"), query)
        with self._streams.admitted():
            reader = await self._streams.reader(interest, start, path)
            headers = _HEADERS if token is None else (*_HEADERS, _ANY_ORIGIN)
            await self._streams.serve(reader, headers, receive, send)

    async def _grant(self, scope: AsgiScope, token: str | None) -> StreamGrant:
        """What the asking one may do: what the token allows, else what the key's account has."""
        if token is not None:
            return unseal(token, self._token_key, to_ms(self._clock.now()))
        principal = await self._gate.admit(scope)
        principal.require(Scope.READ)
        return StreamGrant(principal.account, Scope.READ)

    def _start(self, header: str | None, query: StreamQuery) -> tuple[FeedCursor | None, str]:
        """Where the stream goes on, ``None`` for the log's end, and the field that says so. A
        browser that connects again sends the header, with the query of the first time."""
        for path, cursor in (
            ("header.last-event-id", header),
            ("query.last_event_id", query.last_event_id),
            ("query.cursor", query.cursor),
        ):
            if cursor:
                return read_place(cursor, self._feed.generation, path), path
        return None, ""


def read_query(params: QueryParams) -> StreamQuery:
    """The query of a stream; ``Invalid`` names what is wrong with it."""
    check_given_once(params, _SEVERAL)
    given: dict[str, Any] = {**params, "types": params.getlist("types")}
    try:
        return StreamQuery.model_validate(given)
    except ValidationError as error:
        raise invalid(error.errors(), "query") from error


def interest_of(grant: StreamGrant, query: StreamQuery) -> Interest:
    """What a stream brings: what was asked for, else all that is granted; ``Forbidden`` where more
    was asked for than that."""
    if grant.scope != Scope.READ:
        raise _not_granted("token", "has no scope to read")
    types = read_types(query.types, "query.types") if query.types else grant.types
    if not covers(grant.types, types):
        raise _not_granted("types", "asks for types that the token does not allow")
    if grant.key not in (None, query.key or grant.key):
        raise _not_granted("key", "is another key than the token's")
    return Interest(grant.account, FeedFilter(types=types, key=query.key or grant.key))


def _not_granted(field: str, why: str) -> Forbidden:
    return Forbidden(
        f"query.{field} {why}; ask for less, or get a token for it by POST /v1/stream/tokens.",
        FieldError(f"query.{field}", why),
    )
