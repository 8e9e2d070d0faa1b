"""Senders by name: how each proves who it is, as values that decode from ``{"scheme": ...}``."""

from typing import Annotated, get_args

import msgspec

from offhook.signing.schemes import Scheme

HeaderName = Annotated[str, msgspec.Meta(pattern=r"\A[a-z][a-z0-9-]{0,127}\Z")]
FieldName = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class HmacSha256(msgspec.Struct, frozen=True, tag_field="scheme", tag="hmac-sha256"):
    """HMAC-SHA256 in a header, hexadecimal or base64, with or without ``sha256=`` before it.

    It is over the body; with a ``timestamp_header`` over ``timestamp.body``, and then it ages.
    """

    header: HeaderName = "x-signature"
    timestamp_header: HeaderName | None = None


class CallCall(HmacSha256, frozen=True, tag_field="scheme", tag="callcall"):
    """CallCall.ai. It publishes the names of its headers, not what it signs: ``timestamp.body`` is
    assumed; set ``timestamp_header`` to null where it is the body alone."""

    header: HeaderName = "x-callcall-signature"
    timestamp_header: HeaderName | None = "x-callcall-timestamp"


class UnlimCall(HmacSha256, frozen=True, tag_field="scheme", tag="unlimcall"):
    """UnlimCall: HMAC-SHA256 over the body. It does not publish the header: set what it sends."""

    header: HeaderName = "x-unlimcall-signature"


class CallMatrix(HmacSha256, frozen=True, tag_field="scheme", tag="callmatrix"):
    """CallMatrix: HMAC-SHA256 over the body. It does not publish the header: set what it sends."""

    header: HeaderName = "x-callmatrix-signature"


class CallRail(msgspec.Struct, frozen=True, tag_field="scheme", tag="callrail"):
    """CallRail: ``Signature``, base64 of HMAC-SHA1 over the body, with the company's signing key.
    The body's own ``timestamp`` tells its age."""


class Chatwoot(msgspec.Struct, frozen=True, tag_field="scheme", tag="chatwoot"):
    """Chatwoot: ``X-Chatwoot-Signature: sha256=<hex>`` over ``timestamp.body``."""


class Didww(msgspec.Struct, frozen=True, tag_field="scheme", tag="didww"):
    """DIDWW phone.systems: ``X-PS-Signature: t=<unix>,v1=<hex>``, HMAC-SHA256 over
    ``timestamp.body``."""


class Twilio(msgspec.Struct, frozen=True, tag_field="scheme", tag="twilio"):
    """Twilio: ``X-Twilio-Signature`` over the URL and, of a form, its fields; of any other body the
    URL holds the hash. The secret is the Auth Token, or a SharedKey's where it signs with one."""


class SignalWire(msgspec.Struct, frozen=True, tag_field="scheme", tag="signalwire"):
    """SignalWire: ``X-SignalWire-Signature``, as Twilio for forms, hexadecimal over URL and body
    for anything else. The secret is the project's signing key."""


class Telnyx(msgspec.Struct, frozen=True, tag_field="scheme", tag="telnyx"):
    """Telnyx: Ed25519 over ``timestamp|body``. The secret is the account's public key (base64)."""


class Vonage(msgspec.Struct, frozen=True, tag_field="scheme", tag="vonage"):
    """Vonage: a JWT (HS256) as bearer token or in ``Vonage-Signature``, which holds the body's
    hash. The secret is the signature secret of the account or application."""


class Dialpad(msgspec.Struct, frozen=True, tag_field="scheme", tag="dialpad"):
    """Dialpad: the body itself is a JWT (HS256), signed with the webhook's secret."""


class Aircall(msgspec.Struct, frozen=True, tag_field="scheme", tag="aircall"):
    """Aircall: the webhook's own ``token`` stands in the JSON body."""


class BasicAuth(msgspec.Struct, frozen=True, tag_field="scheme", tag="basic"):
    """HTTP Basic authentication. A secret is ``user:password``."""


class SharedToken(msgspec.Struct, frozen=True, tag_field="scheme", tag="token"):
    """A token in a header (with or without ``Bearer`` before it), or in a field of the URL's query
    where ``query`` names one."""

    header: HeaderName = "authorization"
    query: FieldName | None = None


Sender = (
    HmacSha256
    | CallCall
    | UnlimCall
    | CallMatrix
    | CallRail
    | Chatwoot
    | Didww
    | Twilio
    | SignalWire
    | Telnyx
    | Vonage
    | Dialpad
    | Aircall
    | BasicAuth
    | SharedToken
)
Preset = Scheme | Sender

PRESETS: dict[str, type[Preset]] = {
    str(kind.__struct_config__.tag): kind for kind in get_args(Preset)
}
"""Every scheme and sender, by its name."""

KNOWN_HEADERS = {
    "webhook-signature": "standard",
    "x-callcall-signature": "callcall",
    "signature": "callrail",
    "x-chatwoot-signature": "chatwoot",
    "x-ps-signature": "didww",
    "x-twilio-signature": "twilio",
    "x-signalwire-signature": "signalwire",
    "telnyx-signature-ed25519": "telnyx",
    "vonage-signature": "vonage",
}
"""Which sender's a request is that carries such a header."""
