"""How the receiver reaches a Redis: it tries again for a while, then says so."""

import asyncio
from collections.abc import Awaitable
from importlib.resources import files
from typing import Final, TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import RedisError

from offhook.model.errors import Overloaded

T = TypeVar("T")

_ANSWER_WITHIN_S: Final = 3.0
_TRY_WITHIN_S: Final = 1.0
_RETRIES: Final = 3


def connect(url: str) -> Redis:
    """A client that connects when it is first asked. ``ValueError`` if the URL is no Redis's."""
    return Redis.from_url(
        url,
        protocol=2,
        socket_connect_timeout=_TRY_WITHIN_S,
        socket_timeout=_TRY_WITHIN_S,
        retry=Retry(ExponentialWithJitterBackoff(base=0.02, cap=0.2), _RETRIES),
    )


def script(name: str) -> str:
    """The Lua script of this name."""
    return (files("offhook.receiver.redis") / f"{name}.lua").read_text("utf-8")


async def answered(asking: Awaitable[T], what: str) -> T:
    """What Redis answers; ``Overloaded`` if it does not, saying what cannot be done."""
    try:
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            return await asking
    except (RedisError, OSError) as error:
        raise Overloaded(
            f"{what}, for Redis gives no answer ({type(error).__name__}: {error}); "
            "try again in a moment."
        ) from error
