"""The receiver's stores in a PostgreSQL, for handlers that run on several machines."""

from offhook.receiver.postgres.processed import PostgresProcessedEvents
from offhook.receiver.postgres.queue import PostgresQueue

__all__ = ["PostgresProcessedEvents", "PostgresQueue"]
