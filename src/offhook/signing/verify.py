"""Verifying: is this request signed by one of these secrets, and is it fresh?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from offhook.model.errors import Invalid
from offhook.signing.layout import Layout, layout_of
from offhook.signing.reasons import judged, malformed, mismatch, missing, read_unix_s
from offhook.signing.schemes import Scheme
from offhook.signing.verdict import Rejected, RejectReason, Verdict, Verified

DEFAULT_TOLERANCE_S = 300
MAX_ENTRIES = 16
"""More than any rotation needs would only buy a sender our time."""


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
    signed_id = None if layout.id_header is None else signature.event_id
    return judged(Verified(signed_id, int(signature.timestamp), skew_s), tolerance_s)


def lowered(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers under lower-case names."""
    return {name.lower(): value for name, value in headers.items()}


def keys_of(layout: Layout, secrets: Sequence[str]) -> list[bytes]:
    """The keys of these secrets; ``Invalid`` if there are none or one cannot be used."""
    if not secrets:
        raise Invalid("No secret to verify with; give the one that the sender signs with.")
    return [layout.key(secret) for secret in secrets]


def read_signature(layout: Layout, headers: Mapping[str, str]) -> Signature | Rejected:
    """What the headers (names in lower case) say, or why they cannot be a signature."""
    names = [layout.id_header, layout.timestamp_header, layout.signature_header]
    absent = [name for name in names if name is not None and not headers.get(name)]
    if absent:
        return missing(*absent)
    timestamp = headers[layout.timestamp_header]
    read = read_unix_s(layout.timestamp_header, timestamp)
    if isinstance(read, Rejected):
        return read
    entries = headers[layout.signature_header].split(layout.separator)
    event_id = "" if layout.id_header is None else headers[layout.id_header]
    return Signature(event_id, timestamp, tuple(entries[:MAX_ENTRIES]))


def is_signed_by(layout: Layout, keys: Iterable[bytes], signature: Signature, body: bytes) -> bool:
    """Whether one of the keys made one of the entries for this body."""
    try:
        content = layout.content(signature.event_id, signature.timestamp, body)
    except UnicodeEncodeError:  # half of a surrogate pair: no sender can have signed it
        return False
    return layout.matches(keys, signature.entries, content)


def _mismatch(layout: Layout, signature: Signature, skew_s: int) -> Rejected:
    faults = {layout.fault(entry) for entry in signature.entries}
    if None in faults:
        return mismatch("body, timestamp and id", skew_s)
    shown = layout.separator.join(signature.entries)
    if RejectReason.MALFORMED_SIGNATURE in faults:
        cut = "it does not hold a whole signature. Check that the header was not cut off."
        return replace(malformed(layout.signature_header, shown, cut), skew_s=skew_s)
    other = "no entry is of this scheme. Check which scheme the sender signs with."
    unknown = malformed(layout.signature_header, shown, other)
    return replace(unknown, reason=RejectReason.UNKNOWN_SIGNATURE, skew_s=skew_s)
