"""What is to be done now and then: tables of days to come, and ids that have had their time."""

import structlog

from offhook.model.errors import Unavailable
from offhook.store.postgres.database import Database

_log = structlog.get_logger(__name__)

_DAYS_AHEAD = 7
_DAY_MS = 86_400_000
_IDS_KEPT_MS = 30 * _DAY_MS
_AT_ONCE = 1_000
_AGAIN_S = 3600.0
_SOON_S = 60.0
_PARENTS = ("event", "attempt")


class Upkeep:
    """A service of every process: whichever comes first does it, the others find it done."""

    name = "upkeep"

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run_once(self) -> float:
        """Do what is due; returns the seconds until it is to be looked at again. What the database
        cannot do now does not keep the rest from being done."""
        wait_s = _AGAIN_S
        for step in (self._make_days, self._forget_members, self._forget_ids):
            try:
                more = await step()
            except Unavailable as error:
                _log.warning("upkeep_delayed", step=step.__name__.strip("_"), error=repr(error))
                wait_s = min(wait_s, _SOON_S)
            else:
                wait_s = 0.0 if more else wait_s
        return wait_s

    def recover(self) -> None:
        """Nothing is kept in memory."""

    async def stop(self) -> None:
        """Nothing is under way between steps."""

    async def _make_days(self) -> bool:
        """A week ahead, so that no append ever waits for a table to be made."""
        for parent in _PARENTS:
            async with self._database.transaction() as session:
                now_ms = await session.value("now", now_ms=self._database.now_ms())
                days = [now_ms + ahead * _DAY_MS for ahead in range(_DAYS_AHEAD + 1)]
                await session.rows("day_make", parent=parent, days=days)
        return False

    async def _forget_members(self) -> bool:
        """Those of consumers that nobody asks for leases of any more have nobody else to do it."""
        async with self._database.transaction() as session:
            await session.run("members_forget", consumer=None, now_ms=self._database.now_ms())
        return False

    async def _forget_ids(self) -> bool:
        """Callers' own ids are remembered for 30 days; returns whether there may be more to go."""
        async with self._database.transaction() as session:
            gone = await session.run(
                "event_keys_forget",
                now_ms=self._database.now_ms(),
                kept_ms=_IDS_KEPT_MS,
                limit=_AT_ONCE,
            )
        return gone == _AT_ONCE
