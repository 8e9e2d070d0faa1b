"""Processed events on Redis or Valkey."""

import secrets
from collections.abc import Awaitable
from typing import Final

from offhook.receiver.ports import TTL_S, Claim
from offhook.receiver.processed import LEASE_S
from offhook.receiver.redis.connection import T, answered, connect, script

_PREFIX: Final = "offhook:processed:"
_HANDLED: Final = b"handled"


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
        self._redis = connect(url)
        self._claim = self._redis.register_script(script("processed_claim"))
        self._release = self._redis.register_script(script("processed_release"))
        self._ttl_ms = int(ttl_s * 1000)
        self._lease_ms = int(lease_s * 1000)
        self._prefix = prefix

    async def claim(self, event_id: str) -> Claim:
        """Claim an event for ``lease_s``."""
        # Each claim has a name of its own: one whose answer was lost on the way knows itself again.
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


async def _answered(asking: Awaitable[T]) -> T:
    return await answered(asking, "Whether the event was handled cannot be told")
