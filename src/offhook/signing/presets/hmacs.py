"""Senders that sign the body with a secret that both sides know, each in its own writing."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from offhook.signing.presets.values import HmacSha256
from offhook.signing.reasons import malformed, mismatch, missing, read_unix_s, signed_at
from offhook.signing.request import Trial
from offhook.signing.verdict import Rejected, Verdict
from offhook.signing.verify import MAX_ENTRIES

Digest = Literal["sha1", "sha256"]
_SIZES: dict[Digest, int] = {"sha1": 20, "sha256": 32}
_CALLRAIL = "signature"
_CHATWOOT = "x-chatwoot-signature"
_CHATWOOT_TIME = "x-chatwoot-timestamp"
_DIDWW = "x-ps-signature"


def hmac_sha256(preset: HmacSha256, trial: Trial) -> Verdict:
    """Verify a body, or a time and a body, signed with HMAC-SHA256."""
    if preset.timestamp_header is not None:
        return _timestamped(preset.header, preset.timestamp_header, trial)
    if not trial.request.header(preset.header):
        return missing(preset.header)
    return _wrong(preset.header, "sha256", trial, trial.request.body) or signed_at(trial, None)


def chatwoot(trial: Trial) -> Verdict:
    """Verify a request of Chatwoot."""
    return _timestamped(_CHATWOOT, _CHATWOOT_TIME, trial)


def callrail(trial: Trial) -> Verdict:
    """Verify a request of CallRail. One without a readable ``timestamp`` in it has no age."""
    body = trial.request.body
    if not trial.request.header(_CALLRAIL):
        return missing(_CALLRAIL)
    return _wrong(_CALLRAIL, "sha1", trial, body) or signed_at(trial, _body_time(body))


def didww(trial: Trial) -> Verdict:
    """Verify a request of DIDWW phone.systems. Its event id is in the body, as it is in
    ``X-PS-Event-Id``, which is not signed."""
    given = trial.request.header(_DIDWW)
    if not given:
        return missing(_DIDWW)
    parts = [part.strip().partition("=") for part in given.split(",")]
    times = [value for name, _, value in parts if name == "t"]
    made = [digest for name, _, value in parts if name == "v1" and (digest := decoded(value))]
    if len(times) != 1 or not made or any(len(digest) != 32 for digest in made):
        return malformed(_DIDWW, given, "it must be t=<Unix seconds>,v1=<64 hexadecimal digits>.")
    at_s = read_unix_s("t", times[0])
    if isinstance(at_s, Rejected):
        return at_s
    content = f"{times[0]}.".encode() + trial.request.body
    if not made_by(trial.secrets, made, content, "sha256"):
        return mismatch("body and timestamp", trial.now_s - at_s)
    return signed_at(trial, at_s)


def made_by(
    secrets: Sequence[str], digests: Sequence[bytes], content: bytes, digest: Digest
) -> bool:
    """Whether one of the secrets made one of the digests of this content, in constant time."""
    matched = False
    for secret in secrets:
        expected = hmac.digest(secret.encode(), content, digest)
        for received in digests:
            matched |= hmac.compare_digest(expected, received)
    return matched


def is_hash(body: bytes, stated: str) -> bool:
    """Whether this is the SHA-256 of the body, in hexadecimal digits."""
    computed = hashlib.sha256(body).hexdigest().encode()
    return hmac.compare_digest(computed, stated.strip().lower().encode(errors="replace"))


def decoded(text: str) -> bytes | None:
    """The bytes that hexadecimal digits or base64 stand for; ``None`` if it is neither."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        pass
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _timestamped(header: str, timestamp_header: str, trial: Trial) -> Verdict:
    timestamp = trial.request.header(timestamp_header)
    absent = [name for name in (header, timestamp_header) if not trial.request.header(name)]
    if absent:
        return missing(*absent)
    at_s = read_unix_s(timestamp_header, timestamp)
    if isinstance(at_s, Rejected):
        return at_s
    content = timestamp.encode() + b"." + trial.request.body
    wrong = _wrong(header, "sha256", trial, content, trial.now_s - at_s)
    return wrong or signed_at(trial, at_s)


def _wrong(
    header: str, digest: Digest, trial: Trial, content: bytes, skew_s: int | None = None
) -> Rejected | None:
    given, size = trial.request.header(header), _SIZES[digest]
    entries = given.split(",", MAX_ENTRIES)[:MAX_ENTRIES]
    read = (decoded(entry.strip().removeprefix(f"{digest}=")) for entry in entries)
    received = [it for it in read if it is not None and len(it) == size]
    if not received:
        return malformed(header, given, f"it must be {size} bytes, hexadecimal or base64.")
    if made_by(trial.secrets, received, content, digest):
        return None
    return mismatch("body" if skew_s is None else "body and timestamp", skew_s)


def _body_time(body: bytes) -> int | None:
    try:
        document = json.loads(body)
        stated = document["timestamp"] if isinstance(document, dict) else None
        moment = datetime.fromisoformat(stated) if isinstance(stated, str) else None
    except (ValueError, KeyError, RecursionError):
        return None
    if moment is None or moment.tzinfo is None:
        return None
    return int(moment.timestamp())
