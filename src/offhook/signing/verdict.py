"""What the verification of a request comes to."""

from dataclasses import dataclass
from enum import StrEnum


class RejectReason(StrEnum):
    """Why a request was not accepted as signed."""

    MISSING_HEADER = "missing_header"
    MALFORMED_TIMESTAMP = "malformed_timestamp"
    TOO_OLD = "too_old"
    """The signature is right, but it was made too long ago."""
    TOO_NEW = "too_new"
    """The signature is right, but its time has not come yet."""
    UNKNOWN_SIGNATURE = "unknown_signature"
    """No entry of the signature header is of this scheme."""
    MALFORMED_SIGNATURE = "malformed_signature"
    MISMATCH = "mismatch"
    """Another secret, or a body or header altered after signing: which of them, nobody can tell
    from the request."""
    BODY_ALTERED = "body_altered"
    """The signature is right for another form of the body."""
    URL_DIFFERS = "url_differs"
    """The signature is right for another form of the URL."""
    KEY_MISREAD = "key_misread"
    """The signature is right for another reading of the secret."""
    OTHER_SCHEME = "other_scheme"
    """The signature is right, or stands, in the form of another scheme."""
    UNUSABLE_KEY = "unusable_key"
    """The secret to verify with is none of this scheme."""


@dataclass(frozen=True, slots=True)
class Verified:
    """Signed by one of the secrets, and fresh. What the scheme does not sign is ``None``;
    ``skew_s`` is the age of the signature, negative for one from the future. ``content`` is the
    JSON that the body holds, where the body itself is a token around it."""

    event_id: str | None
    timestamp_s: int | None
    skew_s: int | None
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """Not accepted; ``explanation`` says in full sentences why, and what to check."""

    reason: RejectReason
    explanation: str
    skew_s: int | None = None


Verdict = Verified | Rejected
