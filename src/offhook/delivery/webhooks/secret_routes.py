"""The API of what requests are signed with: show it, rotate it, and its public part."""

import asyncio
from typing import Annotated

import msgspec
from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from offhook.api.auth import Gate, Scope
from offhook.api.pages import json_response
from offhook.api.routing import Asking, keyed_router
from offhook.clock import Clock
from offhook.delivery.entries import StoredWebhook
from offhook.delivery.loading import check_opened, document_of
from offhook.delivery.ports import WebhookStore
from offhook.delivery.webhooks.finding import Entropy, IfMatch, being_changed, check_revision, found
from offhook.delivery.webhooks.rollout import LONGEST_WAIT_S, Rollout
from offhook.model.event import rfc3339_ms
from offhook.model.ids import AccountId, WebhookId
from offhook.signing.ed25519 import Jwk, jwk_of
from offhook.signing.secret import Secret, check_secret, make_secret, public_part

MOST_KEYS = 1_000
_TRIES = 5
_KEYS_FRESH_S = 5.0
UNCACHED = "no-store"
"""Of answers that hold a secret: nothing on the way keeps it."""

_CACHED = {"Cache-Control": "public, max-age=60"}


class Rotation(BaseModel):
    """A change of secret. The one before signs beside the new one for ``overlap_s``; ``secret`` is
    the new one, made if it is left out."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    overlap_s: Annotated[int, Field(ge=0, le=604_800)] = 86_400
    secret: Annotated[str | None, Field(max_length=512)] = None


class ValidSecret(BaseModel):
    """A secret that signs now; ``expires_at`` is null for the one in force."""

    secret: str
    expires_at: str | None


class SecretAnswer(BaseModel):
    """The secrets that sign now; ``secret`` is the one in force, and the first of ``secrets``."""

    secret: str
    secrets: list[ValidSecret]


class RotatedSecret(SecretAnswer):
    """The secrets after a rotation, and what its owner should know."""

    warnings: list[str]


class PublicKey(BaseModel):
    """A key that receivers verify by: as Standard Webhooks writes it, and as a JSON Web Key."""

    public_key: str
    jwk: dict[str, str]
    expires_at: str | None


class PublicKeyAnswer(BaseModel):
    """The keys to verify by; null and none where the scheme signs with a shared secret."""

    public_key: str | None
    public_keys: list[PublicKey]


class JsonWebKeys(msgspec.Struct, frozen=True):
    """A JSON Web Key Set (RFC 7517)."""

    keys: list[Jwk]


def secret_router(
    *,
    gate: Gate,
    webhooks: WebhookStore,
    rollout: Rollout,
    entropy: Entropy,
    prefix: str = "/v1",
    documented: bool = True,
) -> APIRouter:
    """The routes under ``<prefix>/webhooks/{id}`` for its secrets and public keys."""
    router = keyed_router(
        gate,
        read=Scope.READ,
        write=Scope.WEBHOOKS_WRITE,
        tag="webhooks",
        prefix=f"{prefix}/webhooks/{{webhook_id}}",
        documented=documented,
    )
    at = SecretRoutes(webhooks, rollout, entropy)
    router.add_api_route("/secret", at.get_webhook_secret, methods=["GET"])
    router.add_api_route("/secret/rotate", at.rotate_webhook_secret, methods=["POST"])
    router.add_api_route("/public-key", at.get_webhook_public_key, methods=["GET"])
    return router


def jwks_router(webhooks: WebhookStore, clock: Clock) -> APIRouter:
    """``/.well-known/jwks.json``, open to anyone: public keys are no secret."""
    router = APIRouter(tags=["webhooks"])
    keys = KeySet(webhooks, clock)

    @router.get("/.well-known/jwks.json")
    async def jwks() -> Response:
        """The public keys of all webhooks that sign with Ed25519 as a JSON Web Key Set: the newest
        thousand, of which each stays for as long as it signs."""
        response = json_response(await keys.document())
        response.headers.update(_CACHED)
        return response

    return router


class SecretRoutes:
    """What each route does."""

    def __init__(self, store: WebhookStore, rollout: Rollout, entropy: Entropy) -> None:
        self._store = store
        self._rollout = rollout
        self._entropy = entropy

    async def get_webhook_secret(
        self, asking: Asking, webhook_id: WebhookId, response: Response
    ) -> SecretAnswer:
        """The secrets that sign now, each with its end; needs the scope `webhooks:write`."""
        response.headers["Cache-Control"] = UNCACHED
        asking.require(Scope.WEBHOOKS_WRITE)
        stored = await found(self._store, asking.account, webhook_id)
        check_opened(stored)
        return SecretAnswer(secret=stored.secrets[0].text, secrets=_shown(stored))

    async def rotate_webhook_secret(
        self,
        asking: Asking,
        webhook_id: WebhookId,
        response: Response,
        rotation: Rotation | None = None,
        if_match: IfMatch = None,
    ) -> RotatedSecret:
        """Sign with a new secret, and with the one before until the overlap ends.

        When it answers, no request is signed with the old one alone any more: whoever verifies may
        go over to the new secret at any time before the overlap ends. An earlier rotation's secret
        keeps the end that it was given.
        """
        response.headers["Cache-Control"] = UNCACHED
        rotation = rotation or Rotation()
        stored = await self._rotated(asking.account, webhook_id, rotation, if_match)
        behind = await self._rollout.wait()
        secrets = _shown(stored)
        warnings = [_behind(behind)] if behind else []
        return RotatedSecret(secret=stored.secrets[0].text, secrets=secrets, warnings=warnings)

    async def get_webhook_public_key(
        self, asking: Asking, webhook_id: WebhookId
    ) -> PublicKeyAnswer:
        """The public keys that requests verify by now, the newest first."""
        stored = await found(self._store, asking.account, webhook_id)
        check_opened(stored)
        keys = [key for secret in stored.secrets if (key := _public(secret)) is not None]
        return PublicKeyAnswer(public_key=keys[0].public_key if keys else None, public_keys=keys)

    async def _rotated(
        self, account: AccountId, webhook: WebhookId, rotation: Rotation, if_match: str | None
    ) -> StoredWebhook:
        for _ in range(_TRIES):
            stored = await found(self._store, account, webhook)
            check_revision(stored, if_match)
            scheme = document_of(stored).signing.as_scheme()
            if rotation.secret is not None:
                check_secret(rotation.secret, scheme)
            secret = rotation.secret or make_secret(self._entropy(32), scheme)
            if await self._store.rotate_secret(
                account, webhook, secret, rotation.overlap_s, stored.revision
            ):
                return await found(self._store, account, webhook)
        raise being_changed(webhook)


class KeySet:
    """The set of public keys as a document, read anew at most every few seconds, however often
    anyone asks."""

    def __init__(self, store: WebhookStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._reading = asyncio.Lock()
        self._document = b""
        self._fresh_until_s = float("-inf")

    async def document(self) -> bytes:
        """The document, at most five seconds old."""
        async with self._reading:
            if self._clock.monotonic() >= self._fresh_until_s:
                public = await self._store.public_keys(MOST_KEYS)
                self._document = msgspec.json.encode(JsonWebKeys([jwk_of(key) for key in public]))
                self._fresh_until_s = self._clock.monotonic() + _KEYS_FRESH_S
            return self._document


def _shown(stored: StoredWebhook) -> list[ValidSecret]:
    return [ValidSecret(secret=secret.text, expires_at=_end(secret)) for secret in stored.secrets]


def _public(secret: Secret) -> PublicKey | None:
    public = public_part(secret.text)
    if public is None:
        return None
    jwk = msgspec.to_builtins(jwk_of(public))
    return PublicKey(public_key=public, jwk=jwk, expires_at=_end(secret))


def _end(secret: Secret) -> str | None:
    return None if secret.expires_ms is None else rfc3339_ms(secret.expires_ms)


def _behind(behind: int) -> str:
    engines = (
        "1 process that delivers has" if behind == 1 else f"{behind} processes that deliver have"
    )
    return (
        f"{engines} not said within {LONGEST_WAIT_S:.0f} s that everything is signed with the new "
        "secret too: a request that began before may still arrive signed with the old one alone. "
        "Let receivers take both until a minute has passed."
    )
