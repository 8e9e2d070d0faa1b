"""Ed25519 keys as Standard Webhooks writes them: ``whsk_`` for the seed, ``whpk_`` in public."""

import base64
import binascii
import hashlib

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from offhook.model.errors import FieldError, Invalid

SEED_PREFIX = "whsk_"
PUBLIC_PREFIX = "whpk_"
KEY_BYTES = 32


class Jwk(msgspec.Struct, frozen=True):
    """A public key as a JSON Web Key (RFC 8037). ``kid`` is its thumbprint (RFC 7638), so that
    anyone who has the key can find it."""

    x: str
    kid: str
    kty: str = "OKP"
    crv: str = "Ed25519"
    alg: str = "EdDSA"
    use: str = "sig"


def write_seed(seed: bytes) -> str:
    """The secret that stands for these 32 random bytes."""
    return SEED_PREFIX + _packed(seed)


def private_key(secret: str, path: str = "secret") -> Ed25519PrivateKey:
    """The key that signs; ``Invalid`` if the text is none."""
    return Ed25519PrivateKey.from_private_bytes(_unpacked(secret, SEED_PREFIX, path))


def public_bytes(text: str, path: str = "secret") -> bytes:
    """The 32 bytes of the public key, of itself or of the secret that it belongs to; ``Invalid`` if
    the text is neither."""
    if text.startswith(SEED_PREFIX):
        return private_key(text, path).public_key().public_bytes_raw()
    return _unpacked(text, PUBLIC_PREFIX, path)


def public_key(secret: str) -> str:
    """The public key of a secret, as receivers are given it."""
    return PUBLIC_PREFIX + _packed(public_bytes(secret))


def signs(public: bytes, signature: bytes, content: bytes) -> bool:
    """Whether the private key of this public one made the signature for this content (RFC 8032)."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True


def jwk_of(public: str) -> Jwk:
    """The public key (``whpk_...``) as a JSON Web Key."""
    x = _url_safe(_unpacked(public, PUBLIC_PREFIX, "public_key"))
    members = f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'
    return Jwk(x=x, kid=_url_safe(hashlib.sha256(members.encode()).digest()))


def _packed(key: bytes) -> str:
    if len(key) != KEY_BYTES:
        raise ValueError(f"an Ed25519 key is {KEY_BYTES} bytes, not {len(key)}")
    return base64.b64encode(key).decode()


def _unpacked(text: str, prefix: str, path: str) -> bytes:
    message = f"is no Ed25519 key; write {prefix!r} and the base64 of its {KEY_BYTES} bytes"
    try:
        key = base64.b64decode(text.removeprefix(prefix), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(prefix) or len(key) != KEY_BYTES:
        raise Invalid(f"{path} {message}.", FieldError(path, message))
    return key


def _url_safe(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).rstrip(b"=").decode()
