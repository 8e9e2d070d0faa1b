"""Reads what there is to know about a Redis."""

import time

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from offhook.doctor.redis_rules import RedisFacts

UNREACHABLE = (RedisError, OSError, TimeoutError, ValueError, TypeError)
"""What is raised where it cannot be asked."""

_WITHIN_S = 3.0


async def read_redis(url: str) -> RedisFacts:
    """The server at this URL. Raises what redis-py raises."""
    redis = Redis.from_url(
        url,
        protocol=2,
        socket_connect_timeout=_WITHIN_S,
        socket_timeout=_WITHIN_S,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        await redis.ping()
        began_s = time.monotonic()
        await redis.ping()
        answer_ms = (time.monotonic() - began_s) * 1000
        told = await redis.info("everything")
    finally:
        await redis.aclose()
    return RedisFacts(
        version=str(told.get("redis_version", "unknown")),
        answer_ms=answer_ms,
        role=str(told.get("role", "unknown")),
        clustered=int(told.get("cluster_enabled", 0)) == 1,
        policy=str(told.get("maxmemory_policy", "unknown")),
        used_bytes=int(told.get("used_memory", 0)),
        max_bytes=int(told.get("maxmemory", 0)),
    )
