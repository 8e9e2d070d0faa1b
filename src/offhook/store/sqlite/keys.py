"""Accounts and keys on SQLite."""

import msgspec

from offhook.model.ids import AccountId, KeyId
from offhook.resources.ports import StoredKey
from offhook.store.sqlite.database import Database

_SCOPES = msgspec.json.Decoder(tuple[str, ...])


class SqliteKeys:
    """The keys' port."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put_account(self, account: AccountId, name: str) -> None:
        """Make the account unless it is there."""
        await self._database.write(
            lambda it: it.connection.run("account_put", account=account, name=name)
        )

    async def put_key(self, key: StoredKey, digest: bytes) -> None:
        """Store a key under the SHA-256 of its secret; the same digest again changes nothing."""
        scopes = msgspec.json.encode(key.scopes).decode()
        await self._database.write(
            lambda it: it.connection.run(
                "key_put",
                digest=digest,
                id=key.id,
                account=key.account,
                test=key.test,
                scopes=scopes,
                rate_limit_per_s=key.rate_limit_per_s,
            )
        )

    async def key(self, digest: bytes) -> StoredKey | None:
        """The key of this digest, if there is one."""
        row = self._database.read(lambda it: it.row("key", digest=digest))
        if row is None:
            return None
        id_, account, test, scopes, rate_limit_per_s = row
        return StoredKey(
            KeyId(id_), AccountId(account), test == 1, _SCOPES.decode(scopes), rate_limit_per_s
        )

    async def has_keys(self) -> bool:
        """Whether any key was ever made: false on the first start."""
        return self._database.read(lambda it: bool(it.value("key_any")))
