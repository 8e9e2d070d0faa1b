"""The store on PostgreSQL, open: one object for each port, over one pool of connections."""

import secrets
from dataclasses import dataclass, field
from functools import partial

from offhook.clock import Clock
from offhook.model.event import to_ms
from offhook.store.keyring import PROCESS_OWN, Keyring
from offhook.store.postgres.announcements import PostgresAnnouncements
from offhook.store.postgres.bounds import PostgresBounds, PostgresHealth
from offhook.store.postgres.calls import PostgresCalls
from offhook.store.postgres.database import Database, Subscriber, connect, open_pool
from offhook.store.postgres.deliveries import PostgresDeliveries
from offhook.store.postgres.dispatch import PostgresDispatch
from offhook.store.postgres.ends import Ends
from offhook.store.postgres.feed import PostgresFeed
from offhook.store.postgres.filters import PostgresFilters
from offhook.store.postgres.keys import PostgresKeys
from offhook.store.postgres.leases import PostgresLeases
from offhook.store.postgres.lists import PostgresLists
from offhook.store.postgres.log import PostgresLog
from offhook.store.postgres.migrations import migrate, sole
from offhook.store.postgres.notices import Notices
from offhook.store.postgres.reaching import reaching
from offhook.store.postgres.replays import PostgresReplays
from offhook.store.postgres.retention import IMPATIENT, PostgresRetention
from offhook.store.postgres.rollout import PostgresRollout
from offhook.store.postgres.secrets import Installation, unlock
from offhook.store.postgres.session import Session
from offhook.store.postgres.stats import PostgresStats
from offhook.store.postgres.timers import PostgresTimers
from offhook.store.postgres.upkeep import Upkeep
from offhook.store.postgres.webhooks import PostgresWebhooks

PARTITIONS = 16
"""Of a log that is made without another number being asked for."""


@dataclass(frozen=True, slots=True)
class PostgresStore:
    """All ports. ``close`` when done.

    ``token_key`` signs what any process has to be able to check.
    """

    log: PostgresLog
    feed: PostgresFeed
    calls: PostgresCalls
    leases: PostgresLeases
    timers: PostgresTimers
    dispatch: PostgresDispatch
    deliveries: PostgresDeliveries
    lists: PostgresLists
    bounds: PostgresBounds
    health: PostgresHealth
    stats: PostgresStats
    replays: PostgresReplays
    announcements: PostgresAnnouncements
    filters: PostgresFilters
    webhooks: PostgresWebhooks
    rollout: PostgresRollout
    keys: PostgresKeys
    retention: PostgresRetention
    upkeep: Upkeep
    token_key: bytes = field(repr=False)
    _database: Database

    def subscribe(self, subscriber: Subscriber) -> None:
        """Have it called on the loop after commits of any process, with what they changed."""
        self._database.subscribe(subscriber)

    async def close(self) -> None:
        """Tell the others what is untold, and close all connections."""
        await self._database.close()


async def open_postgres(
    url: str,
    *,
    clock: Clock | None = None,
    partitions: int = PARTITIONS,
    keyring: Keyring | None = None,
) -> PostgresStore:
    """Open the store of a database, making its schema or bringing it up to date if need be.

    Time is the database's own, so that processes on several machines agree; with a ``clock``, that
    clock's. ``partitions`` counts only where the log is made. Without a ``keyring`` the key of its
    secrets is one that this process alone knows. Raises ``OffhookError`` when the database cannot
    be used, when the key is not that of its secrets, or when a newer release wrote it.
    """
    with reaching(url):
        return await _open(url, clock, partitions, keyring or PROCESS_OWN)


async def _open(url: str, clock: Clock | None, partitions: int, keyring: Keyring) -> PostgresStore:
    raw = await connect(url, patient=True)
    try:
        session = Session(raw)
        async with sole(raw):
            await migrate(raw, partitions, None if clock is None else to_ms(clock.now()))
            installation = await unlock(session, keyring)
        schema = await session.value("schema_name")
    finally:
        await raw.close()
    notices = Notices(partial(connect, url), f"offhook:{schema}", secrets.token_hex(8))
    database = Database(await open_pool(url), notices, clock)
    try:
        await notices.start()
    except BaseException:
        await database.close()
        raise
    return _assemble(url, database, installation)


def _assemble(url: str, database: Database, made: Installation) -> PostgresStore:
    partitions, ends, vault = made.partitions, Ends(), made.vault
    return PostgresStore(
        log=PostgresLog(database, partitions, ends),
        feed=PostgresFeed(database, partitions, made.generation, ends),
        calls=PostgresCalls(database),
        leases=PostgresLeases(database),
        timers=PostgresTimers(database),
        dispatch=PostgresDispatch(database, vault),
        deliveries=PostgresDeliveries(database, partitions),
        lists=PostgresLists(database, partitions, ends),
        bounds=PostgresBounds(database),
        health=PostgresHealth(database, partitions),
        stats=PostgresStats(database, partitions),
        replays=PostgresReplays(database, partitions, ends),
        announcements=PostgresAnnouncements(database),
        filters=PostgresFilters(database),
        webhooks=PostgresWebhooks(database, partitions, vault),
        rollout=PostgresRollout(database),
        keys=PostgresKeys(database),
        retention=PostgresRetention(database, partial(connect, url, settings=IMPATIENT)),
        upkeep=Upkeep(database),
        token_key=vault.token_key,
        _database=database,
    )
