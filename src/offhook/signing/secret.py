"""Secrets: how they are written, and which key bytes a scheme reads from them."""

import base64
import binascii
from typing import assert_never

from offhook.model.errors import FieldError, Invalid
from offhook.signing.schemes import STANDARD, Scheme, Standard, TimestampedHex, Unsigned

PREFIX = "whsec_"
_REMEDY = 'write "whsec_" and the base64 of 24 to 64 random bytes, or leave it out to get one'


def make_secret(random_bytes: bytes) -> str:
    """The secret that stands for these 24 to 64 random bytes; 32 are the usual number."""
    if not 24 <= len(random_bytes) <= 64:
        raise ValueError(f"a secret is made of 24 to 64 random bytes, not {len(random_bytes)}")
    return PREFIX + base64.b64encode(random_bytes).decode()


def check_secret(text: str, scheme: Scheme = STANDARD, path: str = "body.secret") -> None:
    """Refuse a secret that the scheme cannot use, with ``Invalid``.

    ``standard`` takes the base64 of 24 to 64 bytes, with or without ``whsec_``;
    ``timestamped-hex`` any text of 16 to 256 bytes. The message never holds the secret.
    """
    match scheme:
        case Standard():
            size = len(standard_key(text, path))
            if not 24 <= size <= 64:
                raise _refused(path, f"holds {size} bytes; {_REMEDY}")
        case TimestampedHex():
            size = len(text.encode())
            if not 16 <= size <= 256 or not text.isprintable():
                raise _refused(path, f"is {size} bytes long; use 16 to 256 printable ones")
        case Unsigned():
            return
        case _:
            assert_never(scheme)


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
