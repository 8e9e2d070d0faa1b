"""Processed events in a PostgreSQL."""

from typing import Final

from offhook.receiver.ports import TTL_S, Claim
from offhook.receiver.postgres.database import SQL, Database, Session
from offhook.receiver.processed import LEASE_S

_FORGET_AT_MOST: Final = 100


class PostgresProcessedEvents:
    """Processed events in a PostgreSQL, which any process that reaches it may share.

    A claim runs out after ``lease_s``, which must be longer than a handler ever takes; a handled
    event is forgotten after ``ttl_s``; both by the server's clock. The table ``receiver_processed``
    is made in the first schema of the URL's ``search_path``. While the server does not answer,
    every method raises ``Unavailable``: answer 503, so that the sender comes back.
    """

    def __init__(self, url: str, *, ttl_s: float = TTL_S, lease_s: float = LEASE_S) -> None:
        self._database = Database(url, "processed_schema")
        self._ttl_s = ttl_s
        self._lease_s = lease_s

    async def claim(self, event_id: str) -> Claim:
        """Claim an event for ``lease_s``."""

        async def claim(session: Session) -> Claim:
            await session.execute(SQL["processed_forget"], _FORGET_AT_MOST)
            granted = await session.fetchval(SQL["processed_claim"], event_id, self._lease_s)
            if granted is not None:
                return Claim.GRANTED
            handled = await session.fetchval(SQL["processed_state"], event_id)
            return Claim.HANDLED if handled else Claim.BUSY

        return await self._database.transact(claim)

    async def handled(self, event_id: str) -> None:
        """The event's effect is done; remembered for ``ttl_s``."""
        await self._database.transact(
            lambda session: session.execute(SQL["processed_handled"], event_id, self._ttl_s)
        )

    async def release(self, event_id: str) -> None:
        """Give a claim back at once."""
        await self._database.transact(
            lambda session: session.execute(SQL["processed_release"], event_id)
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._database.close()
