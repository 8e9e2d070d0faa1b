"""How an HMAC-SHA256 signature stands in a request: its headers, what is signed, how it is written.

Signing, verifying and explaining all read these, so that no two of them can disagree.
"""

import binascii
from dataclasses import dataclass
from typing import Protocol, assert_never

from offhook.signing.schemes import Scheme, Standard, TimestampedHex, Unsigned
from offhook.signing.secret import standard_key, text_key
from offhook.signing.verdict import RejectReason


class HmacLayout(Protocol):
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
        """The key bytes of a secret; ``Invalid`` if it is none of this scheme."""
        ...

    def content(self, event_id: str, timestamp: str, body: bytes, /) -> bytes:
        """The bytes that are signed."""
        ...

    def entry(self, digest: bytes, /) -> str:
        """One signature as it stands in the header."""
        ...

    def canonical(self, entry: str, /) -> str:
        """An entry as received, in the spelling of ``entry()``."""
        ...

    def fault(self, entry: str, /) -> RejectReason | None:
        """Why an entry can be no signature of this scheme, whatever the secret."""
        ...


@dataclass(frozen=True, slots=True)
class StandardLayout:
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
        return "v1," + binascii.b2a_base64(digest, newline=False).decode()

    def canonical(self, entry: str, /) -> str:
        """Padded base64 of 32 bytes has one spelling."""
        return entry

    def fault(self, entry: str, /) -> RejectReason | None:
        """Entries of other versions may stand beside ours."""
        if not entry.startswith("v1,"):
            return RejectReason.UNKNOWN_SIGNATURE
        try:
            size = len(binascii.a2b_base64(entry[3:], strict_mode=True))
        except ValueError:
            return RejectReason.MALFORMED_SIGNATURE
        return None if size == 32 else RejectReason.MALFORMED_SIGNATURE


@dataclass(frozen=True, slots=True)
class TimestampedHexLayout:
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


def layout_of(scheme: Scheme) -> HmacLayout | None:
    """The layout of a scheme; ``None`` where nothing is signed."""
    match scheme:
        case Standard():
            return STANDARD_LAYOUT
        case TimestampedHex(prefix):
            return TimestampedHexLayout(f"{prefix}-timestamp", f"{prefix}-signature")
        case Unsigned():
            return None
        case _:
            assert_never(scheme)
