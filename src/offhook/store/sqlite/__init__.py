"""The store on SQLite: one process, one file, one writer."""

from offhook.store.sqlite.store import SqliteStore, open_inline, open_sqlite

__all__ = ["SqliteStore", "open_inline", "open_sqlite"]
