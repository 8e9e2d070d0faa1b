"""The receiver's stores in a Redis or Valkey, for handlers that run on several machines."""

from offhook.receiver.redis.processed import RedisProcessedEvents
from offhook.receiver.redis.queue import RedisQueue

__all__ = ["RedisProcessedEvents", "RedisQueue"]
