"""What processes share over Redis or Valkey, if there is one: never the truth of anything."""

from offhook.store.redis.rate_limit import SharedRateLimit, shared_rate_limit

__all__ = ["SharedRateLimit", "shared_rate_limit"]
