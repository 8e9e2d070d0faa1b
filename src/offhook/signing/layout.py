"""How a signature stands in a request: its headers, what is signed, how it is written.

Signing, verifying and explaining all read these, so that no two of them can disagree.
"""

import binascii
import hashlib
import hmac
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, assert_never

from offhook.signing import ed25519
from offhook.signing.schemes import (
    Scheme,
    Standard,
    StandardEd25519,
    TimestampedHex,
    Unsigned,
)
from offhook.signing.secret import standard_key, text_key
from offhook.signing.verdict import RejectReason

Sign = Callable[[bytes], str]
"""Makes the entry for some content, with one key that was prepared before."""


class Layout(Protocol):
    """One scheme. Header names are in lower case."""

    @property
    def id_header(self) -> str | None:
        """The header of the event id, where the scheme signs it."""
        ...

    @property
    def timestamp_header(self) -> str:
        """The header of the signing time, in Unix seconds."""
        ...

    @property
    def signature_header(self) -> str:
        """The header of the signatures."""
        ...

    @property
    def separator(self) -> str:
        """What stands between signatures, while several secrets are valid."""
        ...

    def key(self, secret: str, /) -> bytes:
        """The bytes that a secret is verified with; ``Invalid`` if it is none of this scheme."""
        ...

    def signing(self, secret: str, /) -> Sign:
        """What makes entries with this secret; ``Invalid`` if it is none of this scheme."""
        ...

    def matches(self, keys: Iterable[bytes], entries: Iterable[str], content: bytes, /) -> bool:
        """Whether one of the keys made one of the entries for this content; where the key is
        secret, in a time that does not tell how nearly."""
        ...

    def content(self, event_id: str, timestamp: str, body: bytes, /) -> bytes:
        """The bytes that are signed."""
        ...

    def fault(self, entry: str, /) -> RejectReason | None:
        """Why an entry can be no signature of this scheme, whatever the secret."""
        ...


class _Hmac(ABC):
    """HMAC-SHA256, however it is written."""

    __slots__ = ()

    @abstractmethod
    def key(self, secret: str, /) -> bytes:
        """The key bytes of a secret."""

    @abstractmethod
    def entry(self, digest: bytes, /) -> str:
        """One signature as it stands in the header."""

    def canonical(self, entry: str, /) -> str:
        """An entry as received, in the spelling of ``entry()``."""
        return entry

    def signing(self, secret: str, /) -> Sign:
        """A keyed HMAC is copied for each request: it spares hashing the key's two blocks again."""
        keyed, entry = hmac.new(self.key(secret), digestmod=hashlib.sha256), self.entry

        def sign(content: bytes) -> str:
            working = keyed.copy()
            working.update(content)
            return entry(working.digest())

        return sign

    def matches(self, keys: Iterable[bytes], entries: Iterable[str], content: bytes, /) -> bool:
        """Every key is tried on every entry, in constant time."""
        received = [self.canonical(entry).encode(errors="replace") for entry in entries]
        matched = False
        for key in keys:
            expected = self.entry(hmac.digest(key, content, "sha256")).encode()
            for entry in received:
                matched |= hmac.compare_digest(expected, entry)
        return matched


@dataclass(frozen=True, slots=True)
class StandardLayout(_Hmac):
    """Standard Webhooks 1.0.0: ``v1,`` and base64 over ``id.timestamp.body``."""

    id_header: str | None = "webhook-id"
    timestamp_header: str = "webhook-timestamp"
    signature_header: str = "webhook-signature"
    separator: str = " "

    def key(self, secret: str, /) -> bytes:
        """The base64 after ``whsec_``."""
        return standard_key(secret)

    def content(self, event_id: str, timestamp: str, body: bytes, /) -> bytes:
        """Id, timestamp and body, with dots between."""
        return f"{event_id}.{timestamp}.".encode() + body

    def entry(self, digest: bytes, /) -> str:
        """Version and base64."""
        return "v1," + _base64(digest)

    def fault(self, entry: str, /) -> RejectReason | None:
        """Entries of other versions may stand beside ours."""
        return _versioned_fault(entry, "v1,", 32)


@dataclass(frozen=True, slots=True)
class Ed25519Layout:
    """Standard Webhooks 1.0.0: ``v1a,`` and base64 of Ed25519 over ``id.timestamp.body``."""

    id_header: str | None = "webhook-id"
    timestamp_header: str = "webhook-timestamp"
    signature_header: str = "webhook-signature"
    separator: str = " "

    def key(self, secret: str, /) -> bytes:
        """The public key, given as it is or by its secret."""
        return ed25519.public_bytes(secret)

    def signing(self, secret: str, /) -> Sign:
        """The private key is loaded once."""
        key = ed25519.private_key(secret)
        return lambda content: "v1a," + _base64(key.sign(content))

    def matches(self, keys: Iterable[bytes], entries: Iterable[str], content: bytes, /) -> bool:
        """Nothing here is secret, so the first that fits is enough."""
        signatures = [
            binascii.a2b_base64(entry[4:], strict_mode=True)
            for entry in entries
            if self.fault(entry) is None
        ]
        return any(ed25519.signs(key, made, content) for key in keys for made in signatures)

    def content(self, event_id: str, timestamp: str, body: bytes, /) -> bytes:
        """As for the symmetric one."""
        return STANDARD_LAYOUT.content(event_id, timestamp, body)

    def fault(self, entry: str, /) -> RejectReason | None:
        """Entries of other versions may stand beside ours."""
        return _versioned_fault(entry, "v1a,", 64)


@dataclass(frozen=True, slots=True)
class TimestampedHexLayout(_Hmac):
    """Hexadecimal over ``timestamp.body``; the id is not signed."""

    timestamp_header: str
    signature_header: str
    id_header: str | None = None
    separator: str = ","

    def key(self, secret: str, /) -> bytes:
        """The whole secret as UTF-8."""
        return text_key(secret)

    def content(self, _event_id: str, timestamp: str, body: bytes, /) -> bytes:
        """Timestamp and body, with a dot between."""
        return timestamp.encode() + b"." + body

    def entry(self, digest: bytes, /) -> str:
        """Lower-case hexadecimal."""
        return digest.hex()

    def canonical(self, entry: str, /) -> str:
        """Either case is read, and a space after the comma."""
        return entry.strip().lower()

    def fault(self, entry: str, /) -> RejectReason | None:
        """Anything but hexadecimal digits is of another scheme."""
        digits = self.canonical(entry)
        if not digits or digits.strip("0123456789abcdef"):
            return RejectReason.UNKNOWN_SIGNATURE
        return None if len(digits) == 64 else RejectReason.MALFORMED_SIGNATURE


STANDARD_LAYOUT = StandardLayout()
ED25519_LAYOUT = Ed25519Layout()


def layout_of(scheme: Scheme) -> Layout | None:
    """The layout of a scheme; ``None`` where nothing is signed."""
    match scheme:
        case Standard():
            return STANDARD_LAYOUT
        case StandardEd25519():
            return ED25519_LAYOUT
        case TimestampedHex(prefix):
            return TimestampedHexLayout(f"{prefix}-timestamp", f"{prefix}-signature")
        case Unsigned():
            return None
        case _:
            assert_never(scheme)


def _versioned_fault(entry: str, version: str, size: int) -> RejectReason | None:
    if not entry.startswith(version):
        return RejectReason.UNKNOWN_SIGNATURE
    try:
        signature = binascii.a2b_base64(entry[len(version) :], strict_mode=True)
    except ValueError:
        return RejectReason.MALFORMED_SIGNATURE
    return None if len(signature) == size else RejectReason.MALFORMED_SIGNATURE


def _base64(signature: bytes) -> str:
    return binascii.b2a_base64(signature, newline=False).decode()
