"""For whoever runs the server: is it alive, is it ready, and what its counters say."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from offhook.api.auth import Gate, Scope
from offhook.api.pages import json_response
from offhook.api.problems import NotReady

Readiness = Callable[[], Awaitable[str | None]]
"""Tells what still keeps the server from serving, in a few words, or ``None``."""


def operations_router(
    *, readiness: Readiness, registry: CollectorRegistry, gate: Gate, open_metrics: bool
) -> APIRouter:
    """``/healthz``, ``/readyz`` and ``/metrics``; the last needs a key unless it is open."""
    router = APIRouter(tags=["operations"])

    @router.head("/healthz", include_in_schema=False)
    @router.get("/healthz")
    async def healthz() -> Response:
        """Alive: the process answers."""
        return json_response(b'{"status":"ok"}')

    @router.head("/readyz", include_in_schema=False)
    @router.get("/readyz")
    async def readyz() -> Response:
        """Ready: the store can be written and every part runs; otherwise 503 says what is not."""
        missing = await readiness()
        if missing is not None:
            raise NotReady(f"Not ready: {missing}. Try again in a moment.")
        return json_response(b'{"status":"ready"}')

    @router.get("/metrics")
    async def metrics(request: Request) -> Response:
        """Counters in Prometheus' text format."""
        if not open_metrics:
            (await gate.admit(request.scope)).require(Scope.METRICS)
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router
