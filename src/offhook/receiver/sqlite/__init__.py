"""The receiver's stores in an SQLite file, which any process of one machine may share."""

from offhook.receiver.sqlite.processed import SqliteProcessedEvents
from offhook.receiver.sqlite.queue import SqliteQueue

__all__ = ["SqliteProcessedEvents", "SqliteQueue"]
