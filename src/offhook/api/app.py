"""The ASGI application of the API, put together from its parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import msgspec
from fastapi import APIRouter, FastAPI
from prometheus_client import CollectorRegistry, Gauge
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp

from offhook import __version__
from offhook.api.auth import Gate
from offhook.api.calls import calls_router
from offhook.api.event_types import event_types_router
from offhook.api.feed import feed_router
from offhook.api.ingest import ingest_routes
from offhook.api.observed import HttpMetrics, Observed
from offhook.api.openapi import DESCRIPTION, document
from offhook.api.operations import Readiness, operations_router
from offhook.api.pages import json_response
from offhook.api.readable import Readable
from offhook.api.refusals import ANSWERED, answer
from offhook.api.stream.routes import stream_route, stream_tokens_router
from offhook.api.stream.serving import Streams
from offhook.api.tools import tools_router
from offhook.clock import Clock
from offhook.log.appender import Appender
from offhook.log.ports import FeedStore
from offhook.log.queries import CallQueries


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """What the operator decides about the API. ``open_metrics``: ``/metrics`` needs no key, as on
    a server that only this machine reaches. ``public_url`` is how the outside sees the server."""

    open_metrics: bool = False
    public_url: str | None = None


def build_api(
    *,
    appender: Appender,
    feed: FeedStore,
    calls: CallQueries,
    gate: Gate,
    routers: Sequence[APIRouter],
    streams: Streams,
    token_key: bytes,
    readiness: Readiness,
    registry: CollectorRegistry,
    clock: Clock,
    settings: ApiSettings = ApiSettings(),
) -> ASGIApp:
    """The whole API: events and calls, and the ``routers`` that the capabilities bring.
    ``token_key`` signs the tokens of streams."""
    app = _empty(settings)
    app.router.routes.extend(ingest_routes(appender, gate))
    app.router.routes.append(
        stream_route(gate=gate, streams=streams, feed=feed, token_key=token_key, clock=clock)
    )
    _count(streams, registry)
    for router in (
        feed_router(gate=gate, feed=feed),
        calls_router(gate=gate, calls=calls, feed=feed),
        event_types_router(gate=gate),
        tools_router(gate=gate, clock=clock),
        stream_tokens_router(gate=gate, token_key=token_key, clock=clock),
        *routers,
        operations_router(
            readiness=readiness,
            registry=registry,
            gate=gate,
            open_metrics=settings.open_metrics,
        ),
    ):
        app.include_router(router)
    _serve_reference(app)
    app.add_middleware(Readable)
    app.add_middleware(Observed, metrics=HttpMetrics(registry), clock=clock)
    return app


def build_operations(
    *,
    gate: Gate,
    readiness: Readiness,
    registry: CollectorRegistry,
    clock: Clock,
    settings: ApiSettings = ApiSettings(),
) -> ASGIApp:
    """What a process without the API answers: how it does."""
    app = _empty(settings)
    app.include_router(
        operations_router(
            readiness=readiness,
            registry=registry,
            gate=gate,
            open_metrics=settings.open_metrics,
        )
    )
    app.add_middleware(Observed, metrics=HttpMetrics(registry), clock=clock)
    return app


def _empty(settings: ApiSettings) -> FastAPI:
    return FastAPI(
        title="Offhook",
        version=__version__,
        description=DESCRIPTION,
        servers=[{"url": settings.public_url}] if settings.public_url else None,
        openapi_url=None,
        redirect_slashes=False,
        # FastAPI's own looks for providers at each request, and exports bodies and stack traces.
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
        generate_unique_id_function=lambda route: route.name,
        exception_handlers=dict.fromkeys(ANSWERED, answer),
    )


def _count(streams: Streams, registry: CollectorRegistry) -> None:
    gauge = Gauge("offhook_streams_open", "Streams that are open.", registry=registry)
    gauge.set_function(lambda: streams.open)


def _serve_reference(app: FastAPI) -> None:
    """The document, and a page that shows it; nothing is loaded from elsewhere."""
    shown = resources.files("offhook.api").joinpath("reference.html").read_text(encoding="utf-8")

    @cache
    def described() -> bytes:
        return msgspec.json.encode(document(app))

    async def openapi(_: Request) -> Response:
        return json_response(described())

    async def reference(_: Request) -> Response:
        return HTMLResponse(shown)

    async def home(_: Request) -> Response:
        return RedirectResponse("/docs", 307)

    app.add_route("/openapi.json", openapi, include_in_schema=False)
    app.add_route("/docs", reference, include_in_schema=False)
    app.add_route("/", home, include_in_schema=False)
