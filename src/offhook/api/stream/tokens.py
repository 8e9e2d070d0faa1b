"""Tokens for clients that cannot send a header: signed, so any process can check them. Pure."""

import base64
import hashlib
import hmac

import msgspec

from offhook.api.problems import Unauthorized
from offhook.model.errors import FieldError
from offhook.model.ids import AccountId

VALID_MS = 60_000

_PREFIX = "ofh_stream_"
_PURPOSE = b"offhook stream token\x00"
_SEAL_BYTES = 32


class StreamGrant(msgspec.Struct, frozen=True, array_like=True):
    """What somebody may do: open streams of the account with this scope, of these types (``None``:
    all) and, if it names one, of this key."""

    account: AccountId
    scope: str
    types: tuple[str, ...] | None = None
    key: str | None = None


class _Sealed(msgspec.Struct, frozen=True, array_like=True):
    grant: StreamGrant
    until_ms: int


def seal(grant: StreamGrant, secret: bytes, until_ms: int) -> str:
    """A token for the grant, valid until a time in Unix milliseconds. Whoever holds it can read
    what it allows; its HMAC-SHA256 stands before that."""
    packed = msgspec.msgpack.encode(_Sealed(grant, until_ms))
    text = base64.urlsafe_b64encode(_signature(packed, secret) + packed)
    return _PREFIX + text.decode().rstrip("=")


def unseal(token: str, secret: bytes, now_ms: int) -> StreamGrant:
    """The grant of a token; ``Unauthorized`` unless this secret signed it and it is still valid."""
    try:
        opened = msgspec.msgpack.decode(_signed(token, secret), type=_Sealed)
    except ValueError as error:
        raise _unauthorized("the stream token is not one of ours, or was damaged") from error
    if now_ms >= opened.until_ms:
        raise _unauthorized("the stream token has expired")
    return opened.grant


def _signed(token: str, secret: bytes) -> bytes:
    """What the secret signed; ``ValueError`` if it did not."""
    if not token.startswith(_PREFIX):
        raise ValueError("the prefix is missing")
    text = token.removeprefix(_PREFIX)
    sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    signature, packed = sealed[:_SEAL_BYTES], sealed[_SEAL_BYTES:]
    if not hmac.compare_digest(signature, _signature(packed, secret)):
        raise ValueError("the signature does not fit")
    return packed


def _signature(packed: bytes, secret: bytes) -> bytes:
    return hmac.digest(secret, _PURPOSE + packed, hashlib.sha256)


def _unauthorized(what: str) -> Unauthorized:
    return Unauthorized(
        f"{what[0].upper()}{what[1:]}; get a new one by POST /v1/stream/tokens.",
        FieldError("query.token", what),
    )
