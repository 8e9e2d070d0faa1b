"""The store on PostgreSQL: any number of processes over one database."""

from offhook.store.postgres.store import PostgresStore, open_postgres

__all__ = ["PostgresStore", "open_postgres"]
