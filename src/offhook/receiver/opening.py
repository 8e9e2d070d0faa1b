"""A queue by its URL: for settings, and for tools that look at dead letters from outside."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Final
from urllib.parse import urlsplit

from offhook.model.errors import FieldError, Invalid, NotFound
from offhook.receiver.ports import Queue

_REDIS: Final = ("redis", "rediss", "unix")
_POSTGRES: Final = ("postgresql", "postgres")


@asynccontextmanager
async def opened_queue(
    url: str, prefix: str | None = None, *, existing: bool = False
) -> AsyncIterator[Queue]:
    """The queue at a URL (see ``queue_at``), opened: to list, retry or drop dead letters beside the
    receivers that run on it, which see what is retried within ``poll_s``. If it has to be an
    ``existing`` one, nothing is made, and ``NotFound`` says that there is none."""
    queue = queue_at(url, prefix)
    try:
        if existing and not await queue.exists():
            raise NotFound(
                "There is no queue at that URL: no receiver has kept an event there yet. Give the "
                "URL that the receiver has, and its prefix if it is in a Redis."
            )
        await queue.open()
        yield queue
    finally:
        await queue.close()


def queue_at(url: str, prefix: str | None = None) -> Queue:
    """The queue at ``sqlite:PATH``, ``postgresql://...`` or ``redis://...``, not opened yet; in a
    Redis, the one whose keys begin with ``prefix``. ``Invalid`` for any other URL."""
    scheme = urlsplit(url).scheme
    if prefix is not None and scheme not in _REDIS:
        message = "is for a queue in a Redis; leave it out"
        raise Invalid(f"A prefix {message}.", FieldError("prefix", message))
    # A store is imported when it is named: nobody needs what another one needs.
    if scheme == "sqlite":
        path = url.removeprefix("sqlite:")
        found: Queue = import_module("offhook.receiver.sqlite").SqliteQueue(path)
    elif scheme in _POSTGRES:
        found = import_module("offhook.receiver.postgres").PostgresQueue(url)
    elif scheme in _REDIS:
        named = {} if prefix is None else {"prefix": prefix}
        found = import_module("offhook.receiver.redis").RedisQueue(url, **named)
    else:
        message = "must begin with sqlite:, postgresql:// or redis://"
        raise Invalid(f"The queue's URL {message}.", FieldError("queue", message))
    return found
