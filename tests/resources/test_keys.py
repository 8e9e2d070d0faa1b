"""Keys: made from randomness, stored as a digest, and one of them there from the first start."""

from collections.abc import AsyncIterator

import pytest

from offhook.api.auth import Scope, key_digest
from offhook.model.errors import Invalid
from offhook.model.ids import DEFAULT_ACCOUNT
from offhook.resources.keys import create_key, ensure_bootstrap, make_secret
from offhook.store.sqlite import SqliteStore, open_sqlite
from offhook.testing.clock import FakeClock

ENTROPY = bytes(range(32))
GIVEN = "g" * 32


@pytest.fixture
async def store() -> AsyncIterator[SqliteStore]:
    store = open_sqlite(None, clock=FakeClock())
    yield store
    await store.close()


def test_a_secret_tells_live_from_test_and_holds_all_its_randomness() -> None:
    live, test = make_secret(ENTROPY), make_secret(ENTROPY, test=True)
    assert live.startswith("ofh_live_")
    assert test == live.replace("live", "test", 1)
    assert len({make_secret(bytes([n]) + ENTROPY[1:]) for n in range(256)}) == 256
    with pytest.raises(ValueError, match="32 random bytes, not 16"):
        make_secret(ENTROPY[:16])


async def test_a_key_is_found_by_its_digest_and_holds_no_part_of_the_secret(
    store: SqliteStore,
) -> None:
    secret = make_secret(ENTROPY, test=True)
    made = await create_key(
        store.keys, secret, account=DEFAULT_ACCOUNT, scopes=(Scope.READ, Scope.METRICS)
    )
    assert await store.keys.key(key_digest(secret.encode())) == made
    assert (made.test, made.scopes) == (True, ("read", "metrics"))
    assert secret[9:] not in repr(made)


async def test_the_first_start_makes_an_admin_key_and_shows_it_once(store: SqliteStore) -> None:
    shown = await ensure_bootstrap(store.keys, given=None, entropy=ENTROPY)
    assert shown == make_secret(ENTROPY)
    key = await store.keys.key(key_digest(shown.encode()))
    assert key is not None
    assert (key.account, key.scopes, key.test) == (DEFAULT_ACCOUNT, ("admin",), False)
    assert await ensure_bootstrap(store.keys, given=None, entropy=bytes(32)) is None
    assert await store.keys.key(key_digest(make_secret(bytes(32)).encode())) is None


async def test_a_given_key_is_the_admin_key_however_often_it_is_given(store: SqliteStore) -> None:
    for _ in range(2):
        assert await ensure_bootstrap(store.keys, given=GIVEN, entropy=ENTROPY) is None
        key = await store.keys.key(key_digest(GIVEN.encode()))
        assert key is not None
        assert key.scopes == ("admin",)
    assert await store.keys.key(key_digest(make_secret(ENTROPY).encode())) is None


async def test_a_key_given_later_opens_the_same_account(store: SqliteStore) -> None:
    first = await ensure_bootstrap(store.keys, given=None, entropy=ENTROPY)
    assert first is not None
    await ensure_bootstrap(store.keys, given=GIVEN, entropy=ENTROPY)
    for secret in (first, GIVEN):
        assert await store.keys.key(key_digest(secret.encode())) is not None


@pytest.mark.parametrize("given", ["short", "g" * 31, "g" * 31 + "é", "g" * 31 + "\n", "g g" * 20])
async def test_a_key_that_no_header_could_carry_or_anybody_guess_is_refused(
    store: SqliteStore, given: str
) -> None:
    with pytest.raises(Invalid, match="OFFHOOK_BOOTSTRAP_KEY"):
        await ensure_bootstrap(store.keys, given=given, entropy=ENTROPY)
    assert not await store.keys.has_keys()
