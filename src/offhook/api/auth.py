"""Who is asking, and what the key may do: bearer keys, known by their SHA-256 alone."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from starlette.types import Scope as AsgiScope

from offhook.api.problems import RateLimited, Unauthorized
from offhook.api.ratelimit import LocalRateLimit, RateLimit
from offhook.clock import Clock
from offhook.model.errors import FieldError, Forbidden
from offhook.model.ids import AccountId, KeyId

_CACHED_KEYS = 1_024
_CACHED_S = 5.0


class Scope(StrEnum):
    """What a key may do."""

    ADMIN = "admin"
    """Everything, keys and accounts among it."""
    READ = "read"
    """Read events, calls, webhooks (without secrets) and deliveries."""
    EVENTS_WRITE = "events:write"
    """Post events."""
    WEBHOOKS_WRITE = "webhooks:write"
    """Make, change and delete webhooks, read their secrets, retry deliveries."""
    METRICS = "metrics"
    """Read ``/metrics``."""


class KnownKey(Protocol):
    """An API key as it is stored."""

    @property
    def id(self) -> KeyId:
        """Names the key without opening anything."""
        ...

    @property
    def account(self) -> AccountId:
        """Whose key it is."""
        ...

    @property
    def test(self) -> bool:
        """Whether what it posts is test data."""
        ...

    @property
    def scopes(self) -> tuple[str, ...]:
        """What it may do."""
        ...

    @property
    def rate_limit_per_s(self) -> int | None:
        """Requests in any sliding second, 0 for no limit; ``None`` for what the settings say."""
        ...


class KeyLookup(Protocol):
    """Finds keys; the control plane's store does."""

    async def key(self, digest: bytes) -> KnownKey | None:
        """The key whose secret has this SHA-256."""
        ...


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking."""

    key: KeyId
    account: AccountId
    test: bool
    scopes: frozenset[str]
    rate_limit_per_s: int = 0

    def may(self, scope: Scope) -> bool:
        """Whether the key has the scope."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def require(self, scope: Scope) -> None:
        """Refuse with ``Forbidden`` unless the key has the scope."""
        if not self.may(scope):
            held = ", ".join(sorted(self.scopes)) or "none"
            raise Forbidden(
                f"This needs a key with the scope {scope}; the key {self.key} has: {held}.",
                FieldError("header.authorization", f"the key lacks the scope {scope}"),
            )


class Gate:
    """Tells a bearer key's owner, and holds the key to its rate. A key that was found is remembered
    for five seconds, so a revoked one works no longer than that.

    ``rate_limit_per_s`` is the limit of keys that have none of their own; 0 is none.
    """

    def __init__(
        self,
        keys: KeyLookup,
        clock: Clock,
        *,
        rate_limit: RateLimit | None = None,
        rate_limit_per_s: int = 0,
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._rate_limit = rate_limit or LocalRateLimit(clock)
        self._rate_limit_per_s = rate_limit_per_s
        self._found: dict[bytes, tuple[float, Principal]] = {}

    async def admit(self, scope: AsgiScope) -> Principal:
        """The principal of a request, which counts: its answer tells what the key has left.

        ``Unauthorized`` if nobody knows the key, ``RateLimited`` if it asked too often.
        """
        principal = await self.identify(scope["headers"])
        if principal.rate_limit_per_s > 0:
            quota = await self._rate_limit.take(principal.key, principal.rate_limit_per_s)
            scope["offhook.quota"] = quota
            if not quota.granted:
                raise RateLimited(principal.key, quota)
        return principal

    async def identify(self, headers: Iterable[tuple[bytes, bytes]]) -> Principal:
        """The principal of raw headers, without counting; ``Unauthorized`` if there is none."""
        digest = key_digest(_bearer(headers))
        found = self._found.get(digest)
        if found is not None and found[0] > self._clock.monotonic():
            return found[1]
        return await self._look_up(digest)

    async def _look_up(self, digest: bytes) -> Principal:
        self._found.pop(digest, None)
        stored = await self._keys.key(digest)
        if stored is None:
            raise _unauthorized("the API key is unknown", "check that it is whole and not revoked")
        limit = stored.rate_limit_per_s
        principal = Principal(
            stored.id,
            stored.account,
            stored.test,
            frozenset(stored.scopes),
            self._rate_limit_per_s if limit is None else limit,
        )
        if len(self._found) >= _CACHED_KEYS:
            del self._found[next(iter(self._found))]
        self._found[digest] = (self._clock.monotonic() + _CACHED_S, principal)
        return principal


def key_digest(secret: bytes) -> bytes:
    """What is stored of a key: the SHA-256 of its secret."""
    return hashlib.sha256(secret).digest()


def _bearer(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    for name, value in headers:
        if name == b"authorization":
            scheme, _, secret = value.partition(b" ")
            if scheme.lower() == b"bearer" and secret.strip():
                return secret.strip()
            raise _unauthorized(
                "the Authorization header holds no bearer key", "send 'Authorization: Bearer <key>'"
            )
    raise _unauthorized("the API key is missing", "send 'Authorization: Bearer <key>'")


def _unauthorized(what: str, remedy: str) -> Unauthorized:
    return Unauthorized(
        f"{what[0].upper()}{what[1:]}; {remedy}.", FieldError("header.authorization", what)
    )
