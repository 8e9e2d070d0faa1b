"""By which configuration the processes deliver, on PostgreSQL."""

from offhook.delivery.engine.dispatcher import CONSUMER
from offhook.store.postgres.database import Database


class PostgresRollout:
    """The rollout's port."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def config_version(self) -> int:
        """The version of what is committed now."""
        async with self._database.reading() as session:
            version: int = await session.value("config_version")
        return version

    async def engines_behind(self, version: int) -> int:
        """How many may still send something by an older configuration than this."""
        async with self._database.reading() as session:
            behind: int = await session.value(
                "members_behind",
                consumer=CONSUMER,
                now_ms=self._database.now_ms(),
                version=version,
            )
        return behind
