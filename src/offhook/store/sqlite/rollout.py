"""By which configuration the processes deliver, on SQLite."""

from offhook.delivery.engine.dispatcher import CONSUMER
from offhook.store.sqlite.database import Database


class SqliteRollout:
    """The rollout's port."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def config_version(self) -> int:
        """The version of what is committed now."""
        version: int = self._database.read(lambda it: it.value("config_version"))
        return version

    async def engines_behind(self, version: int) -> int:
        """How many may still send something by an older configuration than this."""
        now_ms = self._database.now_ms()
        behind: int = self._database.read(
            lambda it: it.value("members_behind", consumer=CONSUMER, now_ms=now_ms, version=version)
        )
        return behind
