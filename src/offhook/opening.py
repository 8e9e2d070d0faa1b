"""Opening the store that the settings name."""

from offhook.clock import Clock
from offhook.settings import Settings
from offhook.store.contract import Store
from offhook.store.postgres import open_postgres
from offhook.store.postgres.reaching import shown
from offhook.store.sqlite import open_sqlite


async def open_store(settings: Settings, clock: Clock) -> Store:
    """The store on the database, else on the data folder. Raises ``OffhookError`` when it cannot be
    used. On PostgreSQL time is the database's own."""
    if settings.database is not None:
        return await open_postgres(settings.database, partitions=settings.partitions)
    return open_sqlite(settings.data, clock=clock)


def place(settings: Settings) -> str:
    """Where everything is kept, for people: without a password."""
    return str(settings.data) if settings.database is None else shown(settings.database)
