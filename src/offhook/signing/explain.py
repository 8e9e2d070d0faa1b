"""Explaining a verification to whoever integrates: what ``verify`` finds, and what can be proved.

A mismatch alone does not tell a wrong secret from an altered body. But where the signature is right
for a body, a key or a content that is easily taken for the true one, that is the proof.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from offhook.model.errors import Invalid
from offhook.signing.bodies import before_changes
from offhook.signing.layout import STANDARD_LAYOUT, Layout, TimestampedHexLayout, layout_of
from offhook.signing.presets.checking import check
from offhook.signing.presets.proofs import proved
from offhook.signing.presets.values import KNOWN_HEADERS, Preset, Sender
from offhook.signing.request import SignedRequest, Trial
from offhook.signing.schemes import Unsigned
from offhook.signing.secret import PREFIX, standard_key
from offhook.signing.verdict import Rejected, RejectReason, Verified
from offhook.signing.verify import (
    DEFAULT_TOLERANCE_S,
    Signature,
    is_signed_by,
    lowered,
    read_signature,
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer of ``offhook verify``. ``skew_s`` is the age of the signature in seconds, negative
    for one from the future, ``None`` where the request does not say."""

    valid: bool
    reason: RejectReason | None
    explanation: str
    skew_s: int | None


@dataclass(frozen=True, slots=True)
class _Given:
    """What is verified, once its headers were readable."""

    layout: Layout
    secrets: Sequence[str]
    signature: Signature
    body: bytes

    def holds_for(self, key: bytes, body: bytes) -> bool:
        return is_signed_by(self.layout, (key,), self.signature, body)


def explain(
    preset: Preset,
    secrets: Sequence[str],
    request: SignedRequest,
    *,
    now_s: int,
    tolerance_s: int = DEFAULT_TOLERANCE_S,
) -> Explanation:
    """Verify a request, and say in full sentences what came out and what to do about it. No
    sentence holds a secret."""
    verdict = check(preset, secrets, request, now_s=now_s, tolerance_s=tolerance_s)
    if isinstance(verdict, Verified):
        return Explanation(True, None, _accepted(preset, verdict), verdict.skew_s)
    if isinstance(preset, Sender):
        verdict = _other_sender(verdict, preset, request) or proved(
            preset, Trial(request, secrets, now_s, tolerance_s), verdict
        )
        return Explanation(False, verdict.reason, verdict.explanation, verdict.skew_s)
    layout = layout_of(preset)
    if layout is not None:
        verdict = _refine(verdict, layout, secrets, lowered(request.headers), request.body)
    return Explanation(False, verdict.reason, verdict.explanation, verdict.skew_s)


def _accepted(preset: Preset, verdict: Verified) -> str:
    if isinstance(preset, Unsigned):
        return "Scheme none signs nothing, so there is nothing to check."
    if verdict.skew_s is None:
        return "The request is valid; its sender does not say when it was made."
    age = f"{abs(verdict.skew_s)} s {'ago' if verdict.skew_s >= 0 else 'ahead of this clock'}"
    return f"The signature is valid; it was made {age}."


def _refine(
    verdict: Rejected,
    layout: Layout,
    secrets: Sequence[str],
    headers: Mapping[str, str],
    body: bytes,
) -> Rejected:
    if verdict.reason is RejectReason.MISSING_HEADER:
        return _other_headers(layout, headers) or verdict
    if verdict.reason is not RejectReason.MISMATCH:
        return verdict
    signature = read_signature(layout, headers)
    if isinstance(signature, Rejected):
        return verdict
    given = _Given(layout, secrets, signature, body)
    proved = _altered_body(given) or _misread_key(given) or _other_content(given)
    if proved is None:
        return verdict
    return Rejected(*proved, verdict.skew_s)


_Proof = tuple[RejectReason, str]


def _altered_body(given: _Given) -> _Proof | None:
    keys = [given.layout.key(secret) for secret in given.secrets]
    for change, original in before_changes(given.body):
        if any(given.holds_for(key, original) for key in keys):
            return RejectReason.BODY_ALTERED, (
                f"The secret is right, but the body was altered after signing: {change}. Verify "
                "the bytes as received, before any parsing."
            )
    return None


def _misread_key(given: _Given) -> _Proof | None:
    for secret in given.secrets:
        for reading, key in _readings(secret):
            if given.holds_for(key, given.body):
                return RejectReason.KEY_MISREAD, (
                    f"The body is unaltered, but the sender reads the secret differently: {reading}"
                    "."
                )
    return None


def _readings(secret: str) -> Iterator[tuple[str, bytes]]:
    yield "as the plain text of all of it", secret.encode()
    yield f"as the plain text after {PREFIX!r}", secret.removeprefix(PREFIX).encode()
    yield "without the white space around it", secret.strip().encode()
    try:
        yield f"as base64 after {PREFIX!r}", standard_key(secret.strip())
    except Invalid:
        return


def _other_content(given: _Given) -> _Proof | None:
    signed = given.signature
    contents = {
        "the body alone": given.body,
        "timestamp.body": f"{signed.timestamp}.".encode() + given.body,
        "id.timestamp.body": STANDARD_LAYOUT.content(signed.event_id, signed.timestamp, given.body),
    }
    keys = [given.layout.key(secret) for secret in given.secrets]
    for name, content in contents.items():
        if given.layout.matches(keys, signed.entries, content):
            return RejectReason.OTHER_SCHEME, (
                f"The secret and the body are right, but the sender signs {name}. Choose the "
                "scheme that it uses."
            )
    return None


def _other_headers(layout: Layout, headers: Mapping[str, str]) -> Rejected | None:
    for name, value in headers.items():
        if name.endswith("-signature") and name != layout.signature_header:
            return Rejected(
                RejectReason.OTHER_SCHEME,
                f"{layout.signature_header} is missing, but the request carries {name}: "
                f"{_scheme_guess(name, value)}",
            )
    return None


def _other_sender(verdict: Rejected, preset: Sender, request: SignedRequest) -> Rejected | None:
    """What the request carries in place of what this sender would send."""
    if verdict.reason is not RejectReason.MISSING_HEADER:
        return None
    own = preset.__struct_config__.tag
    carried = [name for name in lowered(request.headers) if KNOWN_HEADERS.get(name, own) != own]
    if not carried:
        return None
    return Rejected(
        RejectReason.OTHER_SCHEME,
        f"{verdict.explanation} The request carries {carried[0]} instead: it may be one of "
        f"{KNOWN_HEADERS[carried[0]]}.",
    )


def _scheme_guess(name: str, value: str) -> str:
    if name == STANDARD_LAYOUT.signature_header:
        asymmetric = value.startswith("v1a,")
        scheme = "standard-ed25519" if asymmetric else "standard"
        return f"it is signed by scheme {scheme}. Verify with that."
    prefix = name.removesuffix("-signature")
    hexadecimal = TimestampedHexLayout(f"{prefix}-timestamp", name)
    if hexadecimal.fault(value.split(",", maxsplit=1)[0]) is None:
        return f"it may be signed by scheme timestamped-hex with prefix {prefix!r}. Try that."
    if name in KNOWN_HEADERS:
        return f"it may be one of {KNOWN_HEADERS[name]}. Try that."
    return "it may be signed by another scheme. Look at what the sender's documentation says."
