"""API keys: how they are made, and the first one of all."""

import base64

from offhook.api.auth import Scope, key_digest
from offhook.model.errors import Invalid
from offhook.model.ids import DEFAULT_ACCOUNT, AccountId, KeyId
from offhook.resources.ports import KeyStore, StoredKey

LIVE_PREFIX = "ofh_live_"
TEST_PREFIX = "ofh_test_"
SHORTEST_GIVEN = 32


def make_secret(entropy: bytes, *, test: bool = False) -> str:
    """The secret of a key, of 32 random bytes. It is shown once; only its digest is stored."""
    if len(entropy) != 32:
        raise ValueError(f"a key is made of 32 random bytes, not {len(entropy)}")
    packed = base64.urlsafe_b64encode(entropy).decode().rstrip("=")
    return (TEST_PREFIX if test else LIVE_PREFIX) + packed


async def create_key(
    keys: KeyStore, secret: str, *, account: AccountId, scopes: tuple[Scope, ...]
) -> StoredKey:
    """Store a key by its secret; a secret that begins ``ofh_test_`` posts test data."""
    digest = key_digest(secret.encode())
    # The id must not help to find the secret: it shows a part of the digest, which is no secret.
    key = StoredKey(
        id=KeyId(f"key_{digest[:10].hex()}"),
        account=account,
        test=secret.startswith(TEST_PREFIX),
        scopes=tuple(scope.value for scope in scopes),
    )
    await keys.put_key(key, digest)
    return key


async def ensure_bootstrap(keys: KeyStore, *, given: str | None, entropy: bytes) -> str | None:
    """See to it that the default account exists and can be opened.

    ``given`` (``OFFHOOK_BOOTSTRAP_KEY``) becomes its admin key. Without it, the first start makes
    one of ``entropy`` and returns it, to be shown this once; ``None`` when nothing was made.
    """
    first_start = not await keys.has_keys()
    await keys.put_account(DEFAULT_ACCOUNT, "Default")
    if given is None and not first_start:
        return None
    secret = make_secret(entropy) if given is None else _checked(given)
    await create_key(keys, secret, account=DEFAULT_ACCOUNT, scopes=(Scope.ADMIN,))
    return secret if given is None else None


def _checked(given: str) -> str:
    if len(given) < SHORTEST_GIVEN or not given.isascii() or not given.isprintable():
        raise Invalid(
            f"OFFHOOK_BOOTSTRAP_KEY has {len(given)} characters; use {SHORTEST_GIVEN} or more, "
            "printable ASCII without spaces, such as the output of 'openssl rand -hex 32'."
        )
    if " " in given:
        raise Invalid("OFFHOOK_BOOTSTRAP_KEY holds a space, which no header carries; take it out.")
    return given
