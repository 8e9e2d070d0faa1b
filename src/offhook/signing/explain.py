"""Explaining a verification to whoever integrates: what ``verify`` finds, and what can be proved.

A mismatch alone does not tell a wrong secret from an altered body. But where the signature is right
for a body, a key or a content that is easily taken for the true one, that is the proof.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from offhook.model.errors import FieldError, Invalid
from offhook.signing.bodies import before_changes
from offhook.signing.layout import (
    ED25519_LAYOUT,
    STANDARD_LAYOUT,
    Layout,
    TimestampedHexLayout,
    layout_of,
)
from offhook.signing.presets.checking import check
from offhook.signing.presets.proofs import proved
from offhook.signing.presets.values import KNOWN_HEADERS, Preset, Sender
from offhook.signing.request import SignedRequest, Trial
from offhook.signing.schemes import StandardEd25519, Unsigned
from offhook.signing.secret import PREFIX, standard_key
from offhook.signing.verdict import Rejected, RejectReason, Verified
from offhook.signing.verify import (
    DEFAULT_TOLERANCE_S,
    MAX_ENTRIES,
    Signature,
    is_signed_by,
    lowered,
    read_signature,
)

_MOST_TRIED: Final = 32 << 20
"""Bytes to hash for one look at a request: beyond this, fewer secrets must be given."""

_MOST_PROVED: Final = 4 << 20
"""Bytes to hash for one form that a request may have had: beyond this, none is looked for."""


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
    sentence holds a secret. ``Invalid`` if so many secrets and signatures of so large a body were
    to be tried that it would take long."""
    unreadable = _no_text(secrets, request)
    if unreadable is not None:
        return Explanation(False, unreadable.reason, unreadable.explanation, None)
    tried = _tried(preset, secrets, request)
    if tried > _MOST_TRIED:
        raise Invalid(
            f"A body of {len(request.body)} bytes, hashed for each secret ({len(secrets)}) and "
            f"signature, is over {_MOST_TRIED >> 20} MiB; give fewer secrets, or a smaller body.",
            FieldError("secret", "holds too many for a body of this size"),
        )
    verdict = check(preset, secrets, request, now_s=now_s, tolerance_s=tolerance_s)
    if isinstance(verdict, Verified):
        return Explanation(True, None, _accepted(preset, verdict), verdict.skew_s)
    if tried <= _MOST_PROVED:
        verdict = _sharpened(verdict, preset, Trial(request, secrets, now_s, tolerance_s))
    return Explanation(False, verdict.reason, verdict.explanation, verdict.skew_s)


def _sharpened(verdict: Rejected, preset: Preset, trial: Trial) -> Rejected:
    if isinstance(preset, Sender):
        return _other_sender(verdict, preset, trial.request) or proved(preset, trial, verdict)
    layout = layout_of(preset)
    if layout is None:
        return verdict
    headers = lowered(trial.request.headers)
    return _refine(verdict, layout, trial.secrets, headers, trial.request.body)


def _no_text(secrets: Sequence[str], request: SignedRequest) -> Rejected | None:
    """Why this can be no request that anyone signed: a part of it cannot be written as UTF-8."""
    parts = [
        *((RejectReason.UNUSABLE_KEY, "The secret", it) for it in secrets),
        (RejectReason.URL_DIFFERS, "The URL", request.url),
        *(
            (RejectReason.MALFORMED_SIGNATURE, f"The header {name[:60]!r}", name + value)
            for name, value in request.headers.items()
        ),
    ]
    for reason, what, text in parts:
        try:
            text.encode()
        except UnicodeEncodeError:
            return Rejected(reason, f"{what} is not text in UTF-8; give it as the sender wrote it.")
    return None


def _tried(preset: Preset, secrets: Sequence[str], request: SignedRequest) -> int:
    """How many bytes are hashed to verify: asymmetric signatures for each pair of a key and a
    signature, the others for each key."""
    pairs = len(secrets)
    if isinstance(preset, StandardEd25519):
        pairs *= min(MAX_ENTRIES, 1 + request.header(ED25519_LAYOUT.signature_header).count(" "))
    return pairs * len(request.body)


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
