"""Processed events on Redis or Valkey, for handlers that run on several machines."""

import asyncio
import secrets
from collections.abc import Awaitable
from typing import Final, TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import RedisError

from offhook.model.errors import Overloaded
from offhook.receiver.inbox import TTL_S
from offhook.receiver.ports import Claim
from offhook.receiver.processed import LEASE_S

_PREFIX: Final = "offhook:processed:"
_HANDLED: Final = b"handled"
_ANSWER_WITHIN_S: Final = 3.0
_TRY_WITHIN_S: Final = 1.0
_RETRIES: Final = 3

# Each claim has a name of its own: one whose answer was lost on the way knows itself again.
_CLAIM: Final = """
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  return ARGV[1]
end
return redis.call('GET', KEYS[1])
"""
_RELEASE: Final = """
if redis.call('GET', KEYS[1]) ~= 'handled' then
  redis.call('DEL', KEYS[1])
end
"""

_T = TypeVar("_T")


class RedisProcessedEvents:
    """Processed events in a Redis, which any process that reaches it may share.

    A claim runs out after ``lease_s``, which must be longer than a handler ever takes; a handled
    event is forgotten after ``ttl_s``; both by Redis's clock.

    While Redis does not answer, every method raises ``Overloaded`` within three seconds: answer
    503, so that the sender comes back. An event that was handled when Redis went, before that was
    noted, is handled again: what must not happen twice carries the event's id. So does one that
    Redis forgot: let it keep what it is told (``appendonly yes``) and evict nothing
    (``maxmemory-policy noeviction``).

    ``url`` is like ``redis://:password@host:6379/0``, or with ``rediss://`` for TLS; ``ValueError``
    for any other. ``prefix`` begins the names of all keys: give each set of handlers its own.
    """

    def __init__(
        self, url: str, *, ttl_s: float = TTL_S, lease_s: float = LEASE_S, prefix: str = _PREFIX
    ) -> None:
        self._redis = Redis.from_url(
            url,
            protocol=2,
            socket_connect_timeout=_TRY_WITHIN_S,
            socket_timeout=_TRY_WITHIN_S,
            retry=Retry(ExponentialWithJitterBackoff(base=0.02, cap=0.2), _RETRIES),
        )
        self._claim = self._redis.register_script(_CLAIM)
        self._release = self._redis.register_script(_RELEASE)
        self._ttl_ms = int(ttl_s * 1000)
        self._lease_ms = int(lease_s * 1000)
        self._prefix = prefix

    async def claim(self, event_id: str) -> Claim:
        """Claim an event for ``lease_s``."""
        mine = secrets.token_bytes(16)
        holder = await _answered(self._claim([self._key(event_id)], [mine, self._lease_ms]))
        if holder == mine:
            return Claim.GRANTED
        return Claim.HANDLED if holder == _HANDLED else Claim.BUSY

    async def handled(self, event_id: str) -> None:
        """The event's effect is done; remembered for ``ttl_s``."""
        await _answered(self._redis.set(self._key(event_id), _HANDLED, px=self._ttl_ms))

    async def release(self, event_id: str) -> None:
        """Give a claim back at once."""
        await _answered(self._release([self._key(event_id)]))

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    def _key(self, event_id: str) -> str:
        return self._prefix + event_id


async def _answered(asking: Awaitable[_T]) -> _T:
    """What Redis answers; ``Overloaded`` if it does not."""
    try:
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            return await asking
    except (RedisError, OSError) as error:
        raise Overloaded(
            f"Whether the event was handled cannot be told, for Redis gives no answer "
            f"({type(error).__name__}: {error}); try again in a moment."
        ) from error
