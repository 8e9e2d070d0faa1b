"""Tools for whoever integrates: why a request that was received does not verify."""

import asyncio
import base64
import binascii
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Self

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, model_validator

from offhook.api.auth import Gate, Scope
from offhook.api.routing import keyed_router
from offhook.clock import Clock
from offhook.model.errors import FieldError, Invalid
from offhook.signing import RejectReason, SignedRequest, explain
from offhook.signing.presets import Preset, preset_of

_MOST_SECRETS = 10


class ReceivedRequest(BaseModel):
    """A request as it was received, and what to verify it by.

    The body stands in ``body`` as text, or in ``body_base64`` where it is none; one of them is
    given, also where the body is empty. ``scheme`` is a
    name (``standard``, ``twilio``, ...) or an object with its options, such as
    ``{"scheme": "timestamped-hex", "prefix": "x-callcall"}``. ``url`` is the public URL that was
    called: Twilio and SignalWire sign it. ``now`` (Unix seconds) is for a request of the past.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    body: str | None = None
    body_base64: str | None = None
    headers: Annotated[dict[str, str], Field(max_length=200)]
    secret: str | list[str] = []
    scheme: str | dict[str, Any] = "standard"
    url: Annotated[str, Field(max_length=4096)] = ""
    now: Annotated[int | None, Field(ge=0)] = None

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if (self.body is None) == (self.body_base64 is None):
            raise ValueError("give body, or body_base64 where it is no text, and not both")
        if len(self.secrets()) > _MOST_SECRETS:
            raise ValueError(f"secret holds more than {_MOST_SECRETS}; give those that may sign")
        return self

    def request(self) -> SignedRequest:
        """The request to verify."""
        return SignedRequest(self.headers, self._bytes(), self.url)

    def secrets(self) -> list[str]:
        """The secrets to verify with; there may be none for the scheme ``none``."""
        return [self.secret] if isinstance(self.secret, str) else list(self.secret)

    def preset(self) -> Preset:
        """How it should be signed."""
        if isinstance(self.scheme, str):
            with _standing_in("body"):
                return preset_of(self.scheme)
        options = {str(name): value for name, value in self.scheme.items() if name != "scheme"}
        with _standing_in("body.scheme"):
            return preset_of(str(self.scheme.get("scheme")), **options)

    def _bytes(self) -> bytes:
        if self.body_base64 is None:
            return (self.body or "").encode(errors="surrogatepass")
        try:
            return base64.b64decode(self.body_base64, validate=True)
        except (binascii.Error, ValueError):
            raise Invalid(
                "body.body_base64 is not base64; give the body as text in body, or encode it.",
                FieldError("body.body_base64", "is not base64"),
            ) from None


@contextmanager
def _standing_in(path: str) -> Iterator[None]:
    """What is refused inside is named by where it stands in the request."""
    try:
        yield
    except Invalid as refused:
        errors = [FieldError(f"{path}.{each.path}", each.message) for each in refused.errors]
        raise Invalid(refused.detail, *errors, code=refused.code) from refused


class VerifyAnswer(BaseModel):
    """Whether the request is valid, and exactly why not. ``skew_s`` is the age of its signature in
    seconds, negative for one from the future, null where it does not say."""

    valid: bool
    reason: RejectReason | None
    explanation: str
    skew_s: int | None


def tools_router(*, gate: Gate, clock: Clock) -> APIRouter:
    """``POST /v1/tools/verify``."""
    router = keyed_router(gate, read=Scope.READ, write=Scope.READ, tag="tools", prefix="/v1/tools")
    one_at_a_time = asyncio.Semaphore()

    @router.post("/verify")
    async def verify_request(received: ReceivedRequest) -> VerifyAnswer:
        """Say whether a received request verifies, and why not: which header is missing, how far
        its time is off, a wrong secret, a body or URL that was altered. Nothing is kept of it."""
        now_s = received.now
        if now_s is None:
            now_s = int(clock.now().timestamp())
        preset, secrets, request = received.preset(), received.secrets(), received.request()
        # Hashing a large body by each secret is not for the loop.
        async with one_at_a_time:
            with _standing_in("body"):
                found = await asyncio.to_thread(explain, preset, secrets, request, now_s=now_s)
        return VerifyAnswer(
            valid=found.valid,
            reason=found.reason,
            explanation=found.explanation,
            skew_s=found.skew_s,
        )

    return router
