"""The schemes a request can be signed by, as values that decode from ``{"scheme": ...}``."""

from typing import Annotated

import msgspec

HeaderPrefix = Annotated[str, msgspec.Meta(pattern=r"\A[a-z][a-z0-9-]{0,63}\Z")]


class Standard(msgspec.Struct, frozen=True, tag_field="scheme", tag="standard"):
    """Standard Webhooks 1.0.0, symmetric: ``webhook-id``, ``webhook-timestamp`` and
    ``webhook-signature``, which holds one ``v1,`` entry per valid secret."""


class StandardEd25519(msgspec.Struct, frozen=True, tag_field="scheme", tag="standard-ed25519"):
    """Standard Webhooks 1.0.0, asymmetric: the same headers, with one ``v1a,`` entry per valid key.
    Who verifies needs the public key alone."""


class TimestampedHex(msgspec.Struct, frozen=True, tag_field="scheme", tag="timestamped-hex"):
    """``<prefix>-timestamp`` in Unix seconds, and ``<prefix>-signature``: hexadecimal HMAC-SHA256
    over ``timestamp.body``, one per valid secret, separated by commas."""

    prefix: HeaderPrefix = "x-offhook"


class Unsigned(msgspec.Struct, frozen=True, tag_field="scheme", tag="none"):
    """No signature."""


Scheme = Standard | StandardEd25519 | TimestampedHex | Unsigned

STANDARD = Standard()
STANDARD_ED25519 = StandardEd25519()
