"""Verifying: is this request signed by one of these secrets, and is it fresh?"""

import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from offhook.model.errors import Invalid
from offhook.signing.layout import HmacLayout, layout_of
from offhook.signing.schemes import Scheme
from offhook.signing.verdict import Rejected, RejectReason, Verdict, Verified

DEFAULT_TOLERANCE_S = 300
_MAX_ENTRIES = 16


@dataclass(frozen=True, slots=True)
class Signature:
    """What a request says of its signature; ``timestamp`` is as sent, for that is signed."""

    event_id: str
    timestamp: str
    entries: tuple[str, ...]


def verify(
    scheme: Scheme,
    secrets: Sequence[str],
    *,
    headers: Mapping[str, str],
    body: bytes,
    now_s: int,
    tolerance_s: int = DEFAULT_TOLERANCE_S,
) -> Verdict:
    """Check a request against each secret. Header names are read in any case.

    Freshness is judged last, so that ``too_old`` and ``too_new`` say that the signature itself is
    right. With scheme ``none`` everything passes, for nothing can be checked.
    """
    layout = layout_of(scheme)
    if layout is None:
        return Verified(None, None, None)
    try:
        keys = keys_of(layout, secrets)
    except Invalid as error:
        return Rejected(RejectReason.UNUSABLE_KEY, error.detail)
    signature = read_signature(layout, lowered(headers))
    if isinstance(signature, Rejected):
        return signature
    skew_s = now_s - int(signature.timestamp)
    if not is_signed_by(layout, keys, signature, body):
        return _mismatch(layout, signature, skew_s)
    if abs(skew_s) > tolerance_s:
        return _stale(skew_s, tolerance_s)
    signed_id = None if layout.id_header is None else signature.event_id
    return Verified(signed_id, int(signature.timestamp), skew_s)


def lowered(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers under lower-case names."""
    return {name.lower(): value for name, value in headers.items()}


def keys_of(layout: HmacLayout, secrets: Sequence[str]) -> list[bytes]:
    """The keys of these secrets; ``Invalid`` if there are none or one cannot be used."""
    if not secrets:
        raise Invalid("No secret to verify with; give the one that the sender signs with.")
    return [layout.key(secret) for secret in secrets]


def read_signature(layout: HmacLayout, headers: Mapping[str, str]) -> Signature | Rejected:
    """What the headers (names in lower case) say, or why they cannot be a signature."""
    names = [layout.id_header, layout.timestamp_header, layout.signature_header]
    missing = [name for name in names if name is not None and not headers.get(name)]
    if missing:
        return _missing(missing)
    timestamp = headers[layout.timestamp_header]
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 11):
        return _malformed_timestamp(layout.timestamp_header, timestamp)
    entries = headers[layout.signature_header].split(layout.separator)
    event_id = "" if layout.id_header is None else headers[layout.id_header]
    # More entries than any rotation needs would only buy a sender our time.
    return Signature(event_id, timestamp, tuple(entries[:_MAX_ENTRIES]))


def is_signed_by(
    layout: HmacLayout, keys: Iterable[bytes], signature: Signature, body: bytes
) -> bool:
    """Whether one of the keys made one of the entries for this body."""
    try:
        content = layout.content(signature.event_id, signature.timestamp, body)
    except UnicodeEncodeError:  # half of a surrogate pair: no sender can have signed it
        return False
    return matches(layout, keys, signature.entries, content)


def matches(
    layout: HmacLayout, keys: Iterable[bytes], entries: Iterable[str], content: bytes
) -> bool:
    """Whether one of the keys made one of the entries for this content, in constant time."""
    received = [layout.canonical(entry).encode(errors="replace") for entry in entries]
    matched = False
    for key in keys:
        expected = layout.entry(hmac.digest(key, content, "sha256")).encode()
        for entry in received:
            matched |= hmac.compare_digest(expected, entry)
    return matched


def _missing(names: list[str]) -> Rejected:
    listed = " and ".join(names)
    be = "is" if len(names) == 1 else "are"
    return Rejected(
        RejectReason.MISSING_HEADER,
        f"{listed} {be} missing. Check that the request was signed by this scheme, and that no "
        "proxy on the way drops headers.",
    )


def _malformed_timestamp(name: str, value: str) -> Rejected:
    hint = " It looks like milliseconds." if value.isdigit() and len(value) == 13 else ""
    return Rejected(
        RejectReason.MALFORMED_TIMESTAMP,
        f"{name} is {value[:40]!r}; it must be Unix seconds, in digits alone.{hint}",
    )


def _stale(skew_s: int, tolerance_s: int) -> Rejected:
    reason, where = (
        (RejectReason.TOO_OLD, "old") if skew_s > 0 else (RejectReason.TOO_NEW, "in the future")
    )
    return Rejected(
        reason,
        f"The signature is right, but its timestamp is {abs(skew_s)} s {where}; {tolerance_s} s "
        "are allowed. Compare the clocks of both machines, or it is an old request sent again.",
        skew_s,
    )


def _mismatch(layout: HmacLayout, signature: Signature, skew_s: int) -> Rejected:
    faults = {layout.fault(entry) for entry in signature.entries}
    if None in faults:
        return Rejected(
            RejectReason.MISMATCH,
            "The signature is well formed, but no secret given makes it for this body, timestamp "
            "and id. Check that the secret is this endpoint's own, and that the bytes verified are "
            "those received, before any parsing.",
            skew_s,
        )
    shown = layout.separator.join(signature.entries)[:60]
    if RejectReason.MALFORMED_SIGNATURE in faults:
        return Rejected(
            RejectReason.MALFORMED_SIGNATURE,
            f"{layout.signature_header} is {shown!r}; it does not hold a whole signature of 32 "
            "bytes. Check that the header was not cut off or re-encoded.",
            skew_s,
        )
    return Rejected(
        RejectReason.UNKNOWN_SIGNATURE,
        f"{layout.signature_header} is {shown!r}; no entry is of this scheme. Check which scheme "
        "the sender signs with.",
        skew_s,
    )
