"""The store on SQLite, open: one object for each port, over one database."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import apsw

from offhook.clock import Clock
from offhook.model.event import to_ms
from offhook.store.keyring import Keyring
from offhook.store.sqlite.announcements import SqliteAnnouncements
from offhook.store.sqlite.append import read_end
from offhook.store.sqlite.bounds import SqliteBounds, SqliteHealth
from offhook.store.sqlite.calls import SqliteCalls
from offhook.store.sqlite.connection import Connection, open_writer
from offhook.store.sqlite.database import Database, Subscriber
from offhook.store.sqlite.deliveries import SqliteDeliveries
from offhook.store.sqlite.dispatch import SqliteDispatch
from offhook.store.sqlite.feed import SqliteFeed
from offhook.store.sqlite.filters import SqliteFilters
from offhook.store.sqlite.folder import DATABASE, FolderLock, lock_folder, unusable
from offhook.store.sqlite.keys import SqliteKeys
from offhook.store.sqlite.leases import SqliteLeases
from offhook.store.sqlite.lists import SqliteLists
from offhook.store.sqlite.log import SqliteLog
from offhook.store.sqlite.migrations import migrate
from offhook.store.sqlite.replays import SqliteReplays
from offhook.store.sqlite.retention import SqliteRetention
from offhook.store.sqlite.rollout import SqliteRollout
from offhook.store.sqlite.secrets import Installation, unlock
from offhook.store.sqlite.stats import SqliteStats
from offhook.store.sqlite.tail import Tail
from offhook.store.sqlite.timers import SqliteTimers
from offhook.store.sqlite.webhooks import SqliteWebhooks


@dataclass(frozen=True, slots=True)
class SqliteStore:
    """All ports. ``close`` when done: it writes what waits and gives the folder back.

    ``token_key`` signs what any process has to be able to check.
    """

    log: SqliteLog
    feed: SqliteFeed
    calls: SqliteCalls
    leases: SqliteLeases
    timers: SqliteTimers
    dispatch: SqliteDispatch
    deliveries: SqliteDeliveries
    lists: SqliteLists
    bounds: SqliteBounds
    health: SqliteHealth
    stats: SqliteStats
    replays: SqliteReplays
    announcements: SqliteAnnouncements
    filters: SqliteFilters
    webhooks: SqliteWebhooks
    rollout: SqliteRollout
    keys: SqliteKeys
    retention: SqliteRetention
    token_key: bytes = field(repr=False)
    _database: Database
    _lock: FolderLock | None

    @property
    def upkeep(self) -> None:
        """Nothing is to be done now and then."""

    def subscribe(self, subscriber: Subscriber) -> None:
        """Have it called on the loop after commits, with what they changed."""
        self._database.subscribe(subscriber)

    def leased_as(self, partitions: int) -> "SqliteStore":
        """The same store with leases on so many partitions, for those who see its log as divided
        (``testing.partitioned``)."""
        return replace(self, leases=SqliteLeases(self._database, partitions))

    async def close(self) -> None:
        """Do the writes that wait, close the files, and let another process have the folder."""
        await self._database.close()
        if self._lock is not None:
            self._lock.release()


def open_sqlite(
    folder: Path | None, *, clock: Clock, keyring: Keyring | None = None
) -> SqliteStore:
    """Open the store in a data folder, making it if need be; ``None`` is one in memory.

    Without a ``keyring`` the key of its secrets is in the folder too. Belongs to the running loop.
    Raises ``OffhookError`` when another process has the folder, when it or the database cannot be
    used, when the key is not that of its secrets, or when a newer release wrote it.
    """
    lock = None if folder is None else lock_folder(folder)
    path = None if folder is None else folder / DATABASE
    try:
        return _open(path, clock, lock, keyring or _keyring(folder), inline=False)
    except Exception as error:
        if lock is not None:
            lock.release()
        if isinstance(error, apsw.Error):
            raise unusable(path, error) from error
        raise


def open_inline(*, clock: Clock) -> SqliteStore:
    """A store in memory that uses no threads and never waits: what happens on it follows from what
    is asked, and from nothing else. Belongs to the running loop."""
    return _open(None, clock, None, Keyring(), inline=True)


def _keyring(folder: Path | None) -> Keyring:
    return Keyring() if folder is None else Keyring.in_folder(folder)


def _open(
    path: Path | None, clock: Clock, lock: FolderLock | None, keyring: Keyring, *, inline: bool
) -> SqliteStore:
    main = open_writer(path)
    try:
        tail = _prepare(main, clock)
        installation = unlock(main, keyring)
    except Exception:
        main.close()
        raise
    database = Database(clock, path, main, inline=inline)
    return _assemble(database, tail, installation, lock)


def _prepare(connection: Connection, clock: Clock) -> Tail:
    """Bring the schema up to date, and take note of where the log ends.

    The folder has one owner, so leases that somebody holds are a dead process's: they are free
    from now on, and count as taken over. For the same reason nobody takes part any more.
    """
    migrate(connection, to_ms(clock.now()))
    connection.run("leases_expire")
    connection.run("members_forget_all")
    return Tail(read_end(connection).position, connection.value("config_version"))


def _assemble(
    database: Database, tail: Tail, installation: Installation, lock: FolderLock | None
) -> SqliteStore:
    vault = installation.vault
    return SqliteStore(
        log=SqliteLog(database, tail),
        feed=SqliteFeed(database, installation.generation),
        calls=SqliteCalls(database),
        leases=SqliteLeases(database),
        timers=SqliteTimers(database),
        dispatch=SqliteDispatch(database, tail, vault),
        deliveries=SqliteDeliveries(database),
        lists=SqliteLists(database),
        bounds=SqliteBounds(database),
        health=SqliteHealth(database),
        stats=SqliteStats(database),
        replays=SqliteReplays(database),
        announcements=SqliteAnnouncements(database),
        filters=SqliteFilters(database),
        webhooks=SqliteWebhooks(database, tail, vault),
        rollout=SqliteRollout(database),
        keys=SqliteKeys(database),
        retention=SqliteRetention(database, tail),
        token_key=vault.token_key,
        _database=database,
        _lock=lock,
    )
