"""A queue by its URL: for settings, and for tools that look at dead letters from outside."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Final
from urllib.parse import urlsplit

from offhook.model.errors import FieldError, Invalid
from offhook.receiver.ports import Queue

_REDIS: Final = ("redis", "rediss", "unix")
_POSTGRES: Final = ("postgresql", "postgres")


@asynccontextmanager
async def opened_queue(url: str) -> AsyncIterator[Queue]:
    """The queue at a URL (see ``queue_at``), opened: to list, retry or drop dead letters beside the
    receivers that run on it, which see what is retried within ``poll_s``."""
    queue = queue_at(url)
    await queue.open()
    try:
        yield queue
    finally:
        await queue.close()


def queue_at(url: str) -> Queue:
    """The queue at ``sqlite:PATH``, ``postgresql://...`` or ``redis://...``, not opened yet.
    ``Invalid`` for any other URL."""
    scheme = urlsplit(url).scheme
    # A store is imported when it is named: nobody needs what another one needs.
    if scheme == "sqlite":
        path = url.removeprefix("sqlite:")
        found: Queue = import_module("offhook.receiver.sqlite").SqliteQueue(path)
    elif scheme in _POSTGRES:
        found = import_module("offhook.receiver.postgres").PostgresQueue(url)
    elif scheme in _REDIS:
        found = import_module("offhook.receiver.redis").RedisQueue(url)
    else:
        message = "must begin with sqlite:, postgresql:// or redis://"
        raise Invalid(f"The queue's URL {message}.", FieldError("queue", message))
    return found
