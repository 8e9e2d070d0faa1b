"""The route that every REST path is made of: admitted, bounded, read as JSON, then handled."""

from collections import Counter
from collections.abc import Callable, Collection, Coroutine
from typing import Annotated, Any, cast, get_origin

from fastapi import APIRouter, Depends, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.datastructures import QueryParams
from starlette.responses import Response

from offhook.api.auth import Gate, Principal, Scope
from offhook.api.bodies import BATCH_BYTES, REQUEST_BYTES, parse_json, read_body
from offhook.model.errors import FieldError, Invalid

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
_BODILESS = frozenset({"GET", "HEAD", "DELETE"})
_JSON = (b"content-type", b"application/json")


class _JsonRequest(Request):
    """A request whose body is already read, bounded and parsed; what it said of the body's type is
    set aside: it came with a bearer key, so it is JSON, under curl's default type too."""

    def __init__(self, request: Request, raw: bytes, parsed: object) -> None:
        headers = [pair for pair in request.scope["headers"] if pair[0] != _JSON[0]]
        super().__init__({**request.scope, "headers": [*headers, _JSON]}, request.receive)
        self._raw = raw
        self._parsed = parsed

    async def body(self) -> bytes:
        """The bytes as they came."""
        return self._raw

    async def json(self) -> Any:
        """The parsed value."""
        return self._parsed


def keyed_router(
    gate: Gate, *, read: Scope, write: Scope, tag: str, prefix: str = "", documented: bool = True
) -> APIRouter:
    """A router whose routes need a key: with the scope ``read`` for GET, ``write`` for the rest.

    The key is looked at before the body is read, and the body before it is validated.
    """

    class KeyedRoute(APIRoute):
        def get_route_handler(self) -> Handler:
            handle = super().get_route_handler()
            several = _lists_in_query(self)

            async def admitted(request: Request) -> Response:
                principal = await gate.admit(request.scope)
                principal.require(read if request.method == "GET" else write)
                request.scope["offhook.principal"] = principal
                check_given_once(request.query_params, several)
                return await handle(await _with_body(request))

            return admitted

    return APIRouter(
        route_class=KeyedRoute, prefix=prefix, tags=[tag], include_in_schema=documented
    )


def check_given_once(params: QueryParams, several: Collection[str]) -> None:
    """Refuse a parameter that is given again: only those in ``several`` are lists, and of any other
    all but the last would be lost."""
    counts = Counter(name for name, _ in params.multi_items())
    again = [name for name, count in counts.items() if count > 1 and name not in several]
    if again:
        message = "is given more than once; give it once"
        errors = [FieldError(f"query.{name[:100]}", message) for name in again]
        raise Invalid(f"{errors[0].path} {message}.", *errors)


def _lists_in_query(route: APIRoute) -> frozenset[str]:
    models = [param.field_info.annotation for param in route.dependant.query_params]
    return frozenset(
        name
        for model in models
        if isinstance(model, type) and issubclass(model, BaseModel)
        for name, field in model.model_fields.items()
        if get_origin(field.annotation) is list
    )


async def _with_body(request: Request) -> Request:
    if request.method in _BODILESS:
        return request
    bound = BATCH_BYTES if request.url.path.endswith("/batch") else REQUEST_BYTES
    raw = await read_body(request.scope, request.receive, bound)
    # An empty body too was read: asked for it again, the server would wait for one.
    return _JsonRequest(request, raw, parse_json(raw) if raw else None)


async def _principal(request: Request) -> Principal:
    return cast("Principal", request.scope["offhook.principal"])


Asking = Annotated[Principal, Depends(_principal)]
"""The principal, in a handler of a keyed router."""
