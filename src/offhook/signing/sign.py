"""Signing: prepared once for an endpoint, then a few microseconds for each request."""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Protocol

from offhook.model.errors import Invalid
from offhook.signing.layout import HmacLayout, layout_of
from offhook.signing.schemes import Scheme


class Signer(Protocol):
    """Signs requests to one endpoint."""

    def headers(self, event_id: str, timestamp_s: int, body: bytes, /) -> dict[str, str]:
        """The headers that prove who sent this body, at this time, as this event."""
        ...


def signer_for(scheme: Scheme, secrets: Sequence[str]) -> Signer:
    """A signer with its keys decoded; all secrets sign. ``Invalid`` if one cannot be used, or if
    there is none where the scheme needs one."""
    layout = layout_of(scheme)
    return _NoSigner() if layout is None else _HmacSigner(layout, secrets)


def sign(
    scheme: Scheme, secrets: Sequence[str], *, event_id: str, timestamp_s: int, body: bytes
) -> dict[str, str]:
    """Sign one request; for more than one to an endpoint, keep a ``signer_for`` it."""
    return signer_for(scheme, secrets).headers(event_id, timestamp_s, body)


class _NoSigner:
    def headers(self, _event_id: str, _timestamp_s: int, _body: bytes, /) -> dict[str, str]:
        return {}


class _HmacSigner:
    def __init__(self, layout: HmacLayout, secrets: Sequence[str]) -> None:
        if not secrets:
            raise Invalid("No secret to sign with; give the endpoint one.")
        self._layout = layout
        # A keyed HMAC is copied for each request: it spares hashing the key's two blocks again.
        self._keyed = tuple(
            hmac.new(layout.key(secret), digestmod=hashlib.sha256) for secret in secrets
        )

    def headers(self, event_id: str, timestamp_s: int, body: bytes, /) -> dict[str, str]:
        layout = self._layout
        timestamp = str(timestamp_s)
        content = layout.content(event_id, timestamp, body)
        entries = [layout.entry(_digest(keyed, content)) for keyed in self._keyed]
        headers = {} if layout.id_header is None else {layout.id_header: event_id}
        headers[layout.timestamp_header] = timestamp
        headers[layout.signature_header] = layout.separator.join(entries)
        return headers


def _digest(keyed: hmac.HMAC, content: bytes) -> bytes:
    working = keyed.copy()
    working.update(content)
    return working.digest()
