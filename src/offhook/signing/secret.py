"""Secrets: how they are written, how long each signs, and which key bytes a scheme reads."""

import base64
import binascii
from collections.abc import Sequence
from typing import assert_never

import msgspec

from offhook.model.errors import Conflict, FieldError, Invalid
from offhook.signing import ed25519
from offhook.signing.schemes import (
    STANDARD,
    Scheme,
    Standard,
    StandardEd25519,
    TimestampedHex,
    Unsigned,
)

PREFIX = "whsec_"
MOST_VALID = 10
"""Secrets of one endpoint that may sign at the same time."""

_REMEDY = 'write "whsec_" and the base64 of 24 to 64 random bytes, or leave it out to get one'


class Secret(msgspec.Struct, frozen=True):
    """A secret that signs until ``expires_ms`` (Unix milliseconds; ``None``: until it is replaced).
    Its text is kept out of what is printed."""

    text: str
    expires_ms: int | None = None

    def __repr__(self) -> str:
        """Without the text."""
        return f"Secret(expires_ms={self.expires_ms})"

    def valid(self, now_ms: int) -> bool:
        """Whether it signs now."""
        return self.expires_ms is None or now_ms < self.expires_ms


def make_secret(random_bytes: bytes, scheme: Scheme = STANDARD) -> str:
    """The secret that stands for these 24 to 64 random bytes; 32 are the usual number, and the only
    one for Ed25519."""
    if isinstance(scheme, StandardEd25519):
        return ed25519.write_seed(random_bytes)
    if not 24 <= len(random_bytes) <= 64:
        raise ValueError(f"a secret is made of 24 to 64 random bytes, not {len(random_bytes)}")
    return PREFIX + base64.b64encode(random_bytes).decode()


def check_secret(text: str, scheme: Scheme = STANDARD, path: str = "body.secret") -> None:
    """Refuse a secret that the scheme cannot use, with ``Invalid``.

    ``standard`` takes the base64 of 24 to 64 bytes, with or without ``whsec_``;
    ``standard-ed25519`` ``whsk_`` and the base64 of a seed of 32 bytes; ``timestamped-hex`` any
    text of 16 to 256 bytes that is no Ed25519 key; ``none`` any text, but no broken Ed25519 key.
    The message never holds the secret.
    """
    match scheme:
        case Standard():
            size = len(standard_key(text, path))
            if not 24 <= size <= 64:
                raise _refused(path, f"holds {size} bytes; {_REMEDY}")
        case StandardEd25519():
            ed25519.private_key(text, path)
        case TimestampedHex():
            size = len(text.encode())
            if not 16 <= size <= 256 or not text.isprintable():
                raise _refused(path, f"is {size} bytes long; use 16 to 256 printable ones")
            if is_key_pair(text):
                raise _refused(path, "is an Ed25519 key; give a secret that both sides may know")
        case Unsigned():
            if not text:
                raise _refused(path, "is empty; leave it out to get one")
            if is_key_pair(text):
                ed25519.private_key(text, path)
        case _:
            assert_never(scheme)


def is_key_pair(text: str) -> bool:
    """Whether the text stands for a pair of keys, and not for a secret that both sides know."""
    return text.startswith(ed25519.SEED_PREFIX)


def public_part(text: str) -> str | None:
    """What receivers verify by, of a pair of keys; ``None`` where they need the secret itself."""
    return ed25519.public_key(text) if is_key_pair(text) else None


def same_kind(text: str, scheme: Scheme) -> bool:
    """Whether a secret is of the kind that the scheme signs with: shared, or a pair of keys."""
    if isinstance(scheme, Unsigned):
        return True
    return is_key_pair(text) == isinstance(scheme, StandardEd25519)


def rotated(
    secrets: Sequence[Secret], new: str, *, now_ms: int, overlap_ms: int
) -> tuple[Secret, ...]:
    """The secrets after a rotation, newest first: the new one, the one before for ``overlap_ms``
    from now, and those of earlier rotations for as long as they were promised. What has expired is
    left out; with no overlap, so is the one before.

    ``Conflict`` if the new one is the one that signs already, or if ten would sign together.
    """
    if secrets and secrets[0].text == new:
        raise Conflict(
            "That secret signs already; give another, or leave it out to get one.",
            FieldError("body.secret", "is the present secret"),
        )
    ends_ms = now_ms + overlap_ms
    kept = [
        old if old.expires_ms is not None else Secret(old.text, ends_ms)
        for old in secrets
        if old.text != new
    ]
    valid = sorted((old for old in kept if old.valid(now_ms)), key=_end_ms, reverse=True)
    if len(valid) >= MOST_VALID:
        raise Conflict(
            f"{len(valid)} secrets sign already, each until its overlap ends; wait for one to end, "
            "or rotate with an overlap_s of 0.",
            FieldError("body.overlap_s", "overlaps with too many secrets"),
        )
    return (Secret(new), *valid)


def _end_ms(secret: Secret) -> int:
    return secret.expires_ms or 0


def standard_key(text: str, path: str = "secret") -> bytes:
    """The key bytes of a Standard Webhooks secret; ``Invalid`` if it is no base64."""
    packed = text.removeprefix(PREFIX)
    try:
        key = base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise _refused(path, f"is not base64 after {PREFIX!r}; {_REMEDY}") from None
    if not key:
        raise _refused(path, f"is empty; {_REMEDY}")
    return key


def text_key(text: str, path: str = "secret") -> bytes:
    """The UTF-8 bytes of the whole secret; ``Invalid`` if there are none."""
    if not text:
        raise _refused(path, "is empty; give the secret that the sender signs with")
    return text.encode()


def _refused(path: str, message: str) -> Invalid:
    return Invalid(f"{path} {message}.", FieldError(path, message))
