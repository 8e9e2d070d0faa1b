"""Senders that sign nothing and show a secret: whoever sees a request could send another."""

import base64
import binascii
import hmac
from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

import msgspec

from offhook.signing.presets.values import SharedToken
from offhook.signing.reasons import malformed, missing, wrong_secret
from offhook.signing.request import Trial
from offhook.signing.verdict import Verdict, Verified

_AUTHORIZATION = "authorization"


class _Body(msgspec.Struct):
    token: str = ""


def aircall(trial: Trial) -> Verdict:
    """Verify a request of Aircall by the token in its body."""
    try:
        shown = msgspec.json.decode(trial.request.body, type=_Body).token
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        shown = ""
    return _shown("the field token of the body", shown, trial.secrets)


def basic(trial: Trial) -> Verdict:
    """Verify HTTP Basic authentication (RFC 7617) against ``user:password``."""
    given = trial.request.header(_AUTHORIZATION)
    kind, _, packed = given.partition(" ")
    if kind.lower() != "basic":
        return missing("authorization: Basic")
    try:
        shown = base64.b64decode(packed.strip(), validate=True)
    except (binascii.Error, ValueError):
        return malformed(_AUTHORIZATION, "Basic", "what follows must be base64.")
    return _shown("user and password", shown, trial.secrets)


def token(preset: SharedToken, trial: Trial) -> Verdict:
    """Verify a token in a header, or in the query of the URL."""
    if preset.query is not None:
        given = parse_qs(urlsplit(trial.request.url).query).get(preset.query, [""])[0]
        return _shown(f"the field {preset.query} of the URL's query", given, trial.secrets)
    given = trial.request.header(preset.header)
    if given[:7].lower() == "bearer ":
        given = given[7:]
    return _shown(preset.header, given.strip(), trial.secrets)


def _shown(where: str, shown: str | bytes, secrets: Sequence[str]) -> Verdict:
    if not shown:
        return missing(where)
    received = shown.encode(errors="replace") if isinstance(shown, str) else shown
    matched = False
    for secret in secrets:
        matched |= hmac.compare_digest(secret.encode(), received)
    return Verified(None, None, None) if matched else wrong_secret(where.capitalize())
