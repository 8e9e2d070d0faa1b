"""Accounts and keys on PostgreSQL."""

import msgspec

from offhook.model.ids import AccountId, KeyId
from offhook.resources.ports import StoredKey
from offhook.store.postgres.database import Database

_SCOPES = msgspec.json.Decoder(tuple[str, ...])


class PostgresKeys:
    """The keys' port."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put_account(self, account: AccountId, name: str) -> None:
        """Make the account unless it is there."""
        async with self._database.transaction() as session:
            await session.run("account_put", account=account, name=name)

    async def put_key(self, key: StoredKey, digest: bytes) -> None:
        """Store a key under the SHA-256 of its secret; the same digest again changes nothing."""
        async with self._database.transaction() as session:
            await session.run(
                "key_put",
                digest=digest,
                id=key.id,
                account=key.account,
                test=key.test,
                scopes=msgspec.json.encode(key.scopes).decode(),
                rate_limit_per_s=key.rate_limit_per_s,
            )

    async def key(self, digest: bytes) -> StoredKey | None:
        """The key of this digest, if there is one."""
        async with self._database.reading() as session:
            row = await session.row("key", digest=digest)
        if row is None:
            return None
        id_, account, test, scopes, limit = row
        return StoredKey(KeyId(id_), AccountId(account), test, _SCOPES.decode(scopes), limit)

    async def has_keys(self) -> bool:
        """Whether any key was ever made: false on the first start."""
        async with self._database.reading() as session:
            return bool(await session.value("key_any"))
