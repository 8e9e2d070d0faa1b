"""Requests signed as their senders sign them."""

import base64
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import parse_qsl

import msgspec

from offhook.clock import SystemClock
from offhook.model.errors import FieldError, Invalid
from offhook.signing import (
    STANDARD,
    SignedRequest,
    Standard,
    StandardEd25519,
    TimestampedHex,
    Unsigned,
    sign,
)
from offhook.signing.presets import Preset, preset_of
from offhook.signing.presets.values import (
    BasicAuth,
    CallRail,
    Chatwoot,
    Didww,
    HmacSha256,
    SharedToken,
    Twilio,
)

_FORM = "application/x-www-form-urlencoded"


def signed_request(
    content: Mapping[str, object] | bytes,
    secret: str | Sequence[str],
    scheme: Preset | str = STANDARD,
    *,
    now: datetime | None = None,
    url: str = "http://localhost/webhook",
) -> SignedRequest:
    """A request that verifies by ``secret`` (or several, as during a rotation) at ``now``.

    ``content`` is an event, or a body as it is; Twilio's is a form. ``scheme`` is any of ours, or
    the name or value of another sender: HMAC-SHA256 (CallCall, UnlimCall, CallMatrix), Twilio,
    CallRail, Chatwoot, DIDWW, basic auth, shared token. ``Invalid`` for those that sign with a key
    of the vendor's: take the vendor's own library for them.
    """
    secrets = [secret] if isinstance(secret, str) else list(secret)
    preset = preset_of(scheme) if isinstance(scheme, str) else scheme
    body = content if isinstance(content, bytes) else msgspec.json.encode(content)
    kind = _FORM if isinstance(preset, Twilio) else "application/json"
    now_s = int((now or SystemClock().now()).timestamp())
    if isinstance(preset, Standard | StandardEd25519 | TimestampedHex | Unsigned):
        event_id = str(content.get("id", "")) if isinstance(content, Mapping) else "evt_test"
        proof = sign(preset, secrets, event_id=event_id, timestamp_s=now_s, body=body)
    else:
        proof = _proof_of_sender(preset, secrets[0], body, now_s, url)
    if isinstance(preset, SharedToken) and preset.query is not None:
        url = f"{url}?{preset.query}={secrets[0]}"
    return SignedRequest({"content-type": kind, **proof}, body, url)


def _proof_of_sender(
    preset: Preset, secret: str, body: bytes, now_s: int, url: str
) -> dict[str, str]:
    timestamped = str(now_s).encode() + b"." + body
    match preset:
        case HmacSha256(header=header, timestamp_header=None):
            return {header: _hmac(secret, body).hex()}
        case HmacSha256(header=header, timestamp_header=str(timestamp_header)):
            return {timestamp_header: str(now_s), header: _hmac(secret, timestamped).hex()}
        case Chatwoot():
            signature = f"sha256={_hmac(secret, timestamped).hex()}"
            return {"x-chatwoot-timestamp": str(now_s), "x-chatwoot-signature": signature}
        case Didww():
            return {"x-ps-signature": f"t={now_s},v1={_hmac(secret, timestamped).hex()}"}
        case CallRail():
            return {"signature": _base64(_hmac(secret, body, "sha1"))}
        case Twilio():
            signed = url.encode() + _fields(body)
            return {"x-twilio-signature": _base64(_hmac(secret, signed, "sha1"))}
        case BasicAuth():
            return {"authorization": f"Basic {_base64(secret.encode())}"}
        case SharedToken(header=header, query=None):
            return {header: secret}
        case SharedToken():
            return {}
        case _:
            name = type(preset).__struct_config__.tag
            message = f"is {name}, which cannot be signed here; use the vendor's own library"
            raise Invalid(f"scheme {message}.", FieldError("scheme", message))


def _hmac(secret: str, content: bytes, digest: str = "sha256") -> bytes:
    return hmac.digest(secret.encode(), content, digest)


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def _fields(form: bytes) -> bytes:
    """A form's names and values, sorted, as Twilio signs them."""
    pairs = sorted(set(parse_qsl(form.decode(), keep_blank_values=True)))
    return "".join(name + value for name, value in pairs).encode()
