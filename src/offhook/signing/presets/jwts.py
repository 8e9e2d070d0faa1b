"""Senders that sign with a JSON Web Token (RFC 7519), by HMAC-SHA256 and nothing else."""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from offhook.signing.presets.hmacs import is_hash, made_by
from offhook.signing.reasons import judged, malformed, mismatch, missing
from offhook.signing.request import Trial
from offhook.signing.verdict import Rejected, RejectReason, Verdict, Verified

_AUTHORIZATION = "authorization"
_VONAGE = "vonage-signature"
_BEARER = re.compile(r"\Abearer +", re.IGNORECASE)


class _Header(msgspec.Struct):
    alg: str


class _Claims(msgspec.Struct):
    iat: float | None = None
    exp: float | None = None
    nbf: float | None = None
    payload_hash: str | None = None


@dataclass(frozen=True, slots=True)
class _Token:
    """A token whose signature is right."""

    content: bytes
    claims: _Claims


def vonage(trial: Trial) -> Verdict:
    """Verify a request of Vonage: its token, and the hash of the body in it."""
    request = trial.request
    bearer = request.header(_AUTHORIZATION)
    name = _AUTHORIZATION if bearer else _VONAGE
    text = _BEARER.sub("", bearer) if bearer else request.header(_VONAGE)
    if not text:
        return missing(_AUTHORIZATION)
    token = _read(name, text.strip(), trial.secrets)
    if isinstance(token, Rejected):
        return token
    stated = token.claims.payload_hash
    if stated is None and request.body:
        return Rejected(
            RejectReason.BODY_ALTERED,
            "The token is right, but it does not sign the body: it has no payload_hash. Let the "
            "sender sign its webhooks, and not only authorise them.",
        )
    if stated is not None and not is_hash(request.body, stated):
        return Rejected(
            RejectReason.BODY_ALTERED,
            "The token is right, but the body is not the one whose hash is its payload_hash. "
            "Verify the bytes as received, before any parsing.",
        )
    return _in_time(token.claims, trial)


def dialpad(trial: Trial) -> Verdict:
    """Verify a request of Dialpad; the ``content`` of the verdict is the event in its token."""
    body = trial.request.body.decode("latin-1").strip().strip('"')
    if body.startswith("{"):
        return Rejected(
            RejectReason.UNKNOWN_SIGNATURE,
            "The body is plain JSON, which is not signed; Dialpad signs once its webhook has a "
            "secret.",
        )
    token = _read("the body", body, trial.secrets)
    if isinstance(token, Rejected):
        return token
    verdict = _in_time(token.claims, trial)
    return verdict if isinstance(verdict, Rejected) else replace(verdict, content=token.content)


def _read(name: str, text: str, secrets: Sequence[str]) -> _Token | Rejected:
    """The token, if one of the secrets signed it."""
    no_token = malformed(name, "a text of another form", "it must be a JSON Web Token.")
    signed, _, signature = text.rpartition(".")
    header, _, content = signed.partition(".")
    try:
        algorithm = msgspec.json.decode(_unpacked(header), type=_Header).alg
        packed, digest = _unpacked(content), _unpacked(signature)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return no_token
    if algorithm != "HS256":
        return Rejected(
            RejectReason.OTHER_SCHEME,
            f"The token is signed by {algorithm[:20]!r}; only HS256 is taken, with the secret that "
            "both sides know.",
        )
    if not made_by(secrets, [digest], signed.encode(errors="replace"), "sha256"):
        return mismatch("token")
    try:
        return _Token(packed, msgspec.json.decode(packed, type=_Claims))
    except msgspec.DecodeError:
        return no_token


def _in_time(claims: _Claims, trial: Trial) -> Verdict:
    now_s, tolerance_s = trial.now_s, trial.tolerance_s
    issued_s = None if claims.iat is None else int(claims.iat)
    skew_s = None if issued_s is None else now_s - issued_s
    if claims.exp is not None and now_s >= claims.exp:
        late_s = int(now_s - claims.exp)
        return Rejected(
            RejectReason.TOO_OLD, f"The token is right, but it expired {late_s} s ago.", skew_s
        )
    if claims.nbf is not None and now_s + tolerance_s < claims.nbf:
        return Rejected(RejectReason.TOO_NEW, "The token is right, but not valid yet.", skew_s)
    return judged(Verified(None, issued_s, skew_s), tolerance_s)


def _unpacked(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
