"""Opening the store that the settings name."""

from offhook.clock import Clock
from offhook.settings import Settings
from offhook.store.contract import Store
from offhook.store.keyring import Keyring, read_keys
from offhook.store.postgres import open_postgres
from offhook.store.postgres.reaching import shown
from offhook.store.sqlite import open_sqlite


async def open_store(settings: Settings, clock: Clock) -> Store:
    """The store on the database, else on the data folder. Raises ``OffhookError`` when it cannot be
    used. On PostgreSQL time is the database's own."""
    if settings.database is not None:
        return await open_postgres(
            settings.database, partitions=settings.partitions, keyring=keyring_of(settings)
        )
    return open_sqlite(settings.data, clock=clock, keyring=keyring_of(settings))


def keyring_of(settings: Settings) -> Keyring:
    """The keys of the secrets: those set, else those of the file in the data folder."""
    given = () if settings.secret_key is None else read_keys(settings.secret_key)
    return Keyring.in_folder(settings.data, given)


def place(settings: Settings) -> str:
    """Where everything is kept, for people: without a password."""
    return str(settings.data) if settings.database is None else shown(settings.database)
