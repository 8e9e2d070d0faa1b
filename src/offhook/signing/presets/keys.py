"""Telnyx, which signs with a private key: who verifies needs the public one alone."""

import base64
import binascii

from offhook.signing import ed25519
from offhook.signing.reasons import (
    malformed,
    mismatch,
    missing,
    read_unix_s,
    signed_at,
    unusable,
)
from offhook.signing.request import Trial
from offhook.signing.verdict import Rejected, Verdict

_SIGNATURE = "telnyx-signature-ed25519"
_TIMESTAMP = "telnyx-timestamp"


def telnyx(trial: Trial) -> Verdict:
    """Verify a request of Telnyx with the public keys given as secrets."""
    request = trial.request
    keys = [_decoded(secret) for secret in trial.secrets]
    if any(len(key) != ed25519.KEY_BYTES for key in keys):
        return unusable("The secret is no Ed25519 public key; give Telnyx's, base64 of 32 bytes.")
    absent = [name for name in (_SIGNATURE, _TIMESTAMP) if not request.header(name)]
    if absent:
        return missing(*absent)
    timestamp = request.header(_TIMESTAMP)
    at_s = read_unix_s(_TIMESTAMP, timestamp)
    if isinstance(at_s, Rejected):
        return at_s
    given = request.header(_SIGNATURE)
    signature = _decoded(given)
    if len(signature) != 64:
        return malformed(_SIGNATURE, given, "it must be base64 of 64 bytes.")
    content = timestamp.encode() + b"|" + request.body
    if not any(ed25519.signs(key, signature, content) for key in keys):
        return mismatch("body and timestamp", trial.now_s - at_s)
    return signed_at(trial, at_s)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""
