"""The database as one process sees it: a pool of connections, and what they are told to bear."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

import asyncpg
from asyncpg.transaction import Transaction

from offhook.clock import Clock
from offhook.log.entries import Topic
from offhook.model.errors import Unavailable
from offhook.model.event import to_ms
from offhook.store.postgres.notices import Notices
from offhook.store.postgres.session import Raw, Session

T = TypeVar("T")

Subscriber = Callable[[frozenset[Topic]], None]

POOL_SIZE = 12
_COMMAND_S = 15.0
_ACQUIRE_S = 5.0
_CONNECT_S = 5.0
_CACHED_STATEMENTS = 500

SERVER_SETTINGS = {
    "application_name": "offhook",
    # What a lock waited for is read by the next statement: its snapshot must be a new one.
    "default_transaction_isolation": "read committed",
    "jit": "off",
    # Planned once a session: with a table a day, planning costs ten times what is planned. A plan
    # may be older than most rows of a table, so it goes by indexes, row by row, not by sizes.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "lock_timeout": "5000",
    "statement_timeout": "15000",
    # A process that was suspended, or cut off, inside a transaction must not keep its locks.
    "idle_in_transaction_session_timeout": "4000",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}

LONGEST_TRANSACTION_MS = 15_000
_BOUNDS_TRANSACTIONS = 17
"""The first version of PostgreSQL that can."""

_PATIENT = {"statement_timeout": "0", "lock_timeout": "0"}

GONE = (
    asyncpg.PostgresConnectionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidTransactionStateError,
    asyncpg.TransactionRollbackError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.PostgresSystemError,
    asyncpg.LockNotAvailableError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
    EOFError,
)
"""What says that the database could not do it now, whatever was asked of it."""

_LEAVES_OPEN = (asyncpg.TransactionRollbackError, asyncpg.LockNotAvailableError)
"""After these the connection is as good as before."""


class CommitUnknown(Unavailable):
    """The connection was lost while the commit was under way."""


class Collided(Unavailable):
    """The transaction was undone for the sake of another one: done again, it may succeed."""


class _Connection(asyncpg.Connection):
    """A connection that is not reset when it goes back to the pool: nothing here changes one."""

    def get_reset_query(self) -> str:
        return ""


class Database:
    """Where transactions and reads go."""

    def __init__(self, pool: "asyncpg.Pool", notices: Notices, clock: Clock | None) -> None:
        self._pool = pool
        self._clock = clock
        self.notices = notices

    def now_ms(self) -> int | None:
        """The moment that statements count from; ``None`` is the database's own clock."""
        return None if self._clock is None else to_ms(self._clock.now())

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """A transaction: committed durably when the block ends, undone when it raises.

        Raises ``CommitUnknown`` when it may have been committed all the same, and ``Unavailable``
        when the database could not do it, and nothing was written.
        """
        async with self._lent() as raw:
            transaction = raw.transaction()
            await transaction.start()
            try:
                yield Session(raw)
            except BaseException:
                await _undo(raw, transaction)
                raise
            try:
                await transaction.commit()
            except GONE as error:
                raise CommitUnknown(_WHY.format(error=type(error).__name__)) from error

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Session]:
        """A connection for single statements, each a transaction of its own."""
        async with self._lent() as raw:
            yield Session(raw)

    def subscribe(self, subscriber: Subscriber) -> None:
        """Have it called on the loop, after commits of any process, with the topics."""
        self.notices.subscribe(subscriber)

    async def close(self) -> None:
        """Let what is under way end, then close all connections."""
        await self.notices.close()
        try:
            async with asyncio.timeout(_CONNECT_S):
                await self._pool.close()
        except GONE:
            self._pool.terminate()

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[Raw]:
        try:
            raw = await self._pool.acquire(timeout=_ACQUIRE_S)
        except GONE as error:
            raise Unavailable(_WHY.format(error=type(error).__name__)) from error
        try:
            yield raw
        except GONE as error:
            if not isinstance(error, _LEAVES_OPEN):
                _drop(raw)
            collided = isinstance(error, asyncpg.TransactionRollbackError)
            reason = _WHY.format(error=type(error).__name__)
            raise (Collided if collided else Unavailable)(reason) from error
        finally:
            with suppress(*GONE):
                await self._pool.release(raw, timeout=_CONNECT_S)


_WHY = "The database cannot be used now ({error}); send the request again in a moment."


async def _undo(raw: Raw, transaction: Transaction) -> None:
    try:
        await transaction.rollback()
    except GONE:
        _drop(raw)


def _drop(raw: Raw) -> None:
    # The pool takes a connection that was lost back by itself, and then complains.
    with suppress(asyncpg.InterfaceError):
        raw.terminate()


async def connect(
    url: str, *, patient: bool = False, settings: Mapping[str, str] | None = None
) -> "asyncpg.Connection":
    """A connection outside the pool; a ``patient`` one waits for whatever it runs; ``settings`` are
    the server's, in place of the usual ones. Raises what asyncpg raises."""
    own = {**SERVER_SETTINGS, **(_PATIENT if patient else {}), **(settings or {})}
    return await asyncpg.connect(url, timeout=_CONNECT_S, server_settings=own)


async def bound_transactions(raw: Raw) -> None:
    """Have the server end what is open for too long, where it can. Of a peer that was cut off in
    the midst of a request it knows no better: that is no statement, and is not idle either."""
    if raw.get_server_version().major >= _BOUNDS_TRANSACTIONS:
        await Session(raw).row("transaction_timeout", timeout_ms=LONGEST_TRANSACTION_MS)


async def open_pool(url: str, size: int = POOL_SIZE) -> "asyncpg.Pool":
    """The pool of a process. Raises what asyncpg raises."""
    return await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=size,
        timeout=_CONNECT_S,
        command_timeout=_COMMAND_S,
        max_inactive_connection_lifetime=60.0,
        statement_cache_size=_CACHED_STATEMENTS,
        max_cached_statement_lifetime=0,
        connection_class=_Connection,
        server_settings=SERVER_SETTINGS,
        init=bound_transactions,
    )
