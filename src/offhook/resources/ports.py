"""What the control plane asks of a store."""

from typing import Protocol

import msgspec

from offhook.model.ids import AccountId, KeyId


class StoredKey(msgspec.Struct, frozen=True):
    """An API key without its secret: that is stored as SHA-256 alone."""

    id: KeyId
    account: AccountId
    test: bool
    scopes: tuple[str, ...]
    rate_limit_per_s: int | None = None
    """Requests in any sliding second, 0 for no limit; ``None`` for what the settings say."""


class KeyStore(Protocol):
    """Accounts, and the keys that open them."""

    async def put_account(self, account: AccountId, name: str) -> None:
        """Make the account unless it is there."""
        ...

    async def put_key(self, key: StoredKey, digest: bytes) -> None:
        """Store a key under the SHA-256 of its secret; the same digest again changes nothing."""
        ...

    async def key(self, digest: bytes) -> StoredKey | None:
        """The key of this digest, if there is one."""
        ...

    async def has_keys(self) -> bool:
        """Whether any key was ever made: false on the first start."""
        ...
