"""Requests signed as their senders sign them."""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import parse_qsl, urlencode

import msgspec

from offhook.clock import SystemClock
from offhook.model.errors import FieldError, Invalid
from offhook.signing import STANDARD, SignedRequest, sign
from offhook.signing.presets import Preset, Sender, preset_of
from offhook.signing.presets.values import (
    Aircall,
    BasicAuth,
    CallRail,
    Chatwoot,
    Dialpad,
    Didww,
    HmacSha256,
    SharedToken,
    SignalWire,
    Twilio,
    Vonage,
)

_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"


def signed_request(
    content: Mapping[str, object] | bytes,
    secret: str | Sequence[str],
    scheme: Preset | str = STANDARD,
    *,
    now: datetime | None = None,
    url: str = "http://localhost/webhook",
) -> SignedRequest:
    """A request that verifies by ``secret`` (or several, as during a rotation) at ``now``.

    ``content`` is an event, or a body as it is: the same one again is the same event, another is
    another. For Twilio and SignalWire it is a form, for Dialpad what its token holds. ``scheme`` is
    any of ours, or the name or value of another sender. ``Invalid`` for Telnyx, which signs with a
    key of its own: take its own library.
    """
    secrets = [secret] if isinstance(secret, str) else list(secret)
    preset = preset_of(scheme) if isinstance(scheme, str) else scheme
    now_s = int((now or SystemClock().now()).timestamp())
    if isinstance(preset, Sender):
        return _of_sender(preset, secrets[0], content, now_s, url)
    body = _json(content)
    proof = sign(preset, secrets, event_id=_id_of(content, body), timestamp_s=now_s, body=body)
    return SignedRequest({"content-type": _JSON, **proof}, body, url)


def _id_of(content: Mapping[str, object] | bytes, body: bytes) -> str:
    named = content.get("id") if isinstance(content, Mapping) else None
    return str(named or f"evt_{hashlib.sha256(body).hexdigest()[:20]}")


def _of_sender(
    sender: Sender, secret: str, content: Mapping[str, object] | bytes, now_s: int, url: str
) -> SignedRequest:
    kind, body = _JSON, _json(content)
    match sender:
        case Twilio() | SignalWire():
            kind, body = _FORM, _form(content)
        case Aircall():
            body = msgspec.json.encode({**msgspec.json.decode(body), "token": secret})
        case Dialpad():
            body = _token(secret, body)
        case SharedToken(query=str(query)):
            url = f"{url}{'&' if '?' in url else '?'}{urlencode({query: secret})}"
        case _:
            pass
    proof = _proof(sender, secret, body, now_s, url)
    return SignedRequest({"content-type": kind, **proof}, body, url)


def _proof(sender: Sender, secret: str, body: bytes, now_s: int, url: str) -> dict[str, str]:
    timestamped = str(now_s).encode() + b"." + body
    match sender:
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
        case Twilio() | SignalWire():
            signed = url.encode() + _fields(body)
            vendor = "twilio" if isinstance(sender, Twilio) else "signalwire"
            return {f"x-{vendor}-signature": _base64(_hmac(secret, signed, "sha1"))}
        case Vonage():
            claims = {"iat": now_s, "payload_hash": hashlib.sha256(body).hexdigest()}
            token = _token(secret, msgspec.json.encode(claims)).decode()
            return {"authorization": f"Bearer {token}"}
        case BasicAuth():
            return {"authorization": f"Basic {_base64(secret.encode())}"}
        case SharedToken(header=header, query=None):
            return {header: secret}
        case SharedToken() | Aircall() | Dialpad():
            return {}
        case _:
            name = type(sender).__struct_config__.tag
            message = f"is {name}, which cannot be signed here; use the vendor's own library"
            raise Invalid(f"scheme {message}.", FieldError("scheme", message))


def _json(content: Mapping[str, object] | bytes) -> bytes:
    return content if isinstance(content, bytes) else msgspec.json.encode(content)


def _form(content: Mapping[str, object] | bytes) -> bytes:
    if isinstance(content, bytes):
        return content
    fields = {name: "" if value is None else value for name, value in content.items()}
    return urlencode(fields, doseq=True).encode()


def _token(secret: str, content: bytes) -> bytes:
    """A JSON Web Token (RFC 7519) around the content, by HMAC-SHA256."""
    signed = _unpadded(b'{"alg":"HS256","typ":"JWT"}') + b"." + _unpadded(content)
    return signed + b"." + _unpadded(_hmac(secret, signed))


def _unpadded(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")


def _hmac(secret: str, content: bytes, digest: str = "sha256") -> bytes:
    return hmac.digest(secret.encode(), content, digest)


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def _fields(form: bytes) -> bytes:
    """A form's names and values, sorted, as Twilio signs them."""
    pairs = sorted(set(parse_qsl(form.decode(), keep_blank_values=True)))
    return "".join(name + value for name, value in pairs).encode()
