"""The receiver in FastAPI."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from starlette.routing import Route

from offhook.receiver.asgi import Receive, Scope, Send, serve
from offhook.receiver.receiving import Receiver


def webhook_router(receiver: Receiver) -> APIRouter:
    """A router that takes webhooks at the receiver's path; it runs while the app does.

    ``app.include_router(webhook_router(receiver))``, with a prefix if you like.
    """

    @asynccontextmanager
    async def running(_app: FastAPI) -> AsyncIterator[None]:
        async with receiver.running():
            yield

    router = APIRouter(lifespan=running)
    router.routes.append(Route(receiver.path, _Endpoint(receiver), include_in_schema=False))
    return router


class _Endpoint:
    """An ASGI app, which is given all methods and the body unread."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await serve(self._receiver, scope, receive, send)
