"""The gate: a key opens for as long as it is there, and no further than its scopes go."""

import pytest

from offhook.api.auth import Gate, Principal, Scope, key_digest
from offhook.api.problems import Unauthorized
from offhook.model.errors import Forbidden
from offhook.model.ids import AccountId, KeyId
from offhook.resources.ports import StoredKey
from offhook.testing.clock import FakeClock


class Keys:
    """A store that counts how often it is asked."""

    def __init__(self) -> None:
        self.known: dict[bytes, StoredKey] = {}
        self.asked = 0

    def add(self, secret: str) -> None:
        key = StoredKey(KeyId(f"key_{secret}"), AccountId("acc_1"), False, ("read",))
        self.known[key_digest(secret.encode())] = key

    async def key(self, digest: bytes) -> StoredKey | None:
        self.asked += 1
        return self.known.get(digest)


@pytest.fixture
def keys() -> Keys:
    keys = Keys()
    keys.add("s1")
    return keys


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def gate(keys: Keys, clock: FakeClock) -> Gate:
    return Gate(keys, clock)


def bearing(secret: str, scheme: str = "Bearer") -> list[tuple[bytes, bytes]]:
    return [(b"host", b"x"), (b"authorization", f"{scheme} {secret}".encode())]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER "])
async def test_a_known_key_tells_its_principal(gate: Gate, scheme: str) -> None:
    asking = await gate.identify(bearing("s1", scheme))
    assert asking == Principal(KeyId("key_s1"), AccountId("acc_1"), False, frozenset({"read"}))


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"authorization", b"")],
        [(b"authorization", b"Bearer")],
        [(b"authorization", b"Bearer  ")],
        [(b"authorization", b"Basic czE=")],
        bearing("s2"),
        bearing("S1"),
    ],
)
async def test_anything_else_is_unauthorized(
    gate: Gate, headers: list[tuple[bytes, bytes]]
) -> None:
    with pytest.raises(Unauthorized, match=r"Authorization: Bearer|whole and not revoked"):
        await gate.identify(headers)


async def test_a_key_is_looked_up_once_in_five_seconds(
    gate: Gate, keys: Keys, clock: FakeClock
) -> None:
    for _ in range(3):
        await gate.identify(bearing("s1"))
    assert keys.asked == 1
    clock.advance(5.1)
    await gate.identify(bearing("s1"))
    assert keys.asked == 2


async def test_a_revoked_key_works_no_longer_than_that(
    gate: Gate, keys: Keys, clock: FakeClock
) -> None:
    await gate.identify(bearing("s1"))
    keys.known.clear()
    clock.advance(5.1)
    with pytest.raises(Unauthorized):
        await gate.identify(bearing("s1"))


async def test_an_unknown_key_is_never_remembered(gate: Gate, keys: Keys) -> None:
    with pytest.raises(Unauthorized):
        await gate.identify(bearing("s2"))
    keys.add("s2")
    assert (await gate.identify(bearing("s2"))).key == "key_s2"


async def test_many_keys_take_no_more_memory_than_a_bound(gate: Gate, keys: Keys) -> None:
    for number in range(1_500):
        keys.add(f"many{number}")
        await gate.identify(bearing(f"many{number}"))
    assert len(gate._found) == 1_024
    asked = keys.asked
    await gate.identify(bearing("many1499"))
    assert keys.asked == asked


def test_a_scope_lets_do_its_own_and_admin_everything() -> None:
    reader = Principal(KeyId("k"), AccountId("a"), False, frozenset({"read"}))
    admin = Principal(KeyId("k"), AccountId("a"), False, frozenset({"admin"}))
    reader.require(Scope.READ)
    for scope in Scope:
        admin.require(scope)
        if scope is not Scope.READ:
            with pytest.raises(Forbidden, match=f"scope {scope}; the key k has: read"):
                reader.require(scope)
