"""Sealing what must not be read at rest: AES-256-GCM, bound to the place that a value stands in."""

import base64
import binascii
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from offhook.model.errors import OffhookError

SHORTEST_KEY: Final = 32
"""Characters of a key as it is written. It is taken for random: nothing slows a guess down."""

_MARK = "sealed"
_NONCE_BYTES = 12
_USE = b"offhook: secrets at rest"


class CannotOpen(OffhookError):
    """A sealed value is not to be read: its key is not here, or it was changed or moved."""

    code = "secret_unreadable"


@dataclass(frozen=True, slots=True)
class SealingKey:
    """A key, and the fingerprint by which values name it, which says nothing of the key."""

    fingerprint: str
    cipher: AESGCM = field(repr=False)

    @classmethod
    def of(cls, written: str) -> "SealingKey":
        """The key as operators write it: any text of 32 characters or more."""
        derived = HKDF(SHA256(), 32, None, _USE).derive(written.encode())
        return cls(hashlib.sha256(_USE + derived).hexdigest()[:12], AESGCM(derived))


class Sealer:
    """Seals with the first key, and opens what any of them sealed.

    ``place`` names what a value is and which row it belongs to: put into another row, it cannot be
    opened there.
    """

    def __init__(self, keys: Sequence[SealingKey]) -> None:
        self._keys = {key.fingerprint: key for key in keys}
        self._first = keys[0]

    @property
    def fingerprint(self) -> str:
        """That of the key that seals."""
        return self._first.fingerprint

    def knows(self, fingerprint: str) -> bool:
        """Whether the key of this fingerprint is among these."""
        return fingerprint in self._keys

    def seal(self, value: bytes, place: str) -> str:
        """The value as it may be stored: another text each time."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        packed = nonce + self._first.cipher.encrypt(nonce, value, place.encode())
        return f"{_MARK}.{self._first.fingerprint}.{base64.b64encode(packed).decode()}"

    def open(self, sealed: str, place: str) -> bytes:
        """The value again; ``CannotOpen`` says why it is not to be had."""
        mark, _, rest = sealed.partition(".")
        fingerprint, _, text = rest.partition(".")
        if mark != _MARK:
            raise CannotOpen(f"The {place} is not sealed: it was written past Offhook.")
        key = self._keys.get(fingerprint)
        if key is None:
            raise CannotOpen(
                f"The {place} is sealed with the key {fingerprint}, which is not here: add it to "
                "OFFHOOK_SECRET_KEY."
            )
        try:
            packed = base64.b64decode(text, validate=True)
            return key.cipher.decrypt(packed[:_NONCE_BYTES], packed[_NONCE_BYTES:], place.encode())
        except (InvalidTag, binascii.Error, ValueError):
            raise CannotOpen(
                f"The {place} was changed or moved in the database: restore it from a backup."
            ) from None
