"""Signing: prepared once for an endpoint, then a few microseconds for each request."""

from collections.abc import Sequence
from typing import Protocol

from offhook.model.errors import Invalid
from offhook.signing.layout import Layout, layout_of
from offhook.signing.schemes import Scheme
from offhook.signing.secret import Secret

_FOREVER_MS = 1 << 62


class Signer(Protocol):
    """Signs requests to one endpoint."""

    def headers(self, event_id: str, now_ms: int, body: bytes, /) -> dict[str, str]:
        """The headers that prove who sent this body, now (Unix milliseconds), as this event; by
        every secret that is valid at this time."""
        ...


def signer_for(scheme: Scheme, secrets: Sequence[Secret]) -> Signer:
    """A signer with its keys prepared; each secret signs until it expires. ``Invalid`` if one
    cannot be used, or if there is none where the scheme needs one."""
    layout = layout_of(scheme)
    return _NoSigner() if layout is None else _LayoutSigner(layout, secrets)


def sign(
    scheme: Scheme, secrets: Sequence[str], *, event_id: str, timestamp_s: int, body: bytes
) -> dict[str, str]:
    """Sign one request; for more than one to an endpoint, keep a ``signer_for`` it."""
    signer = signer_for(scheme, [Secret(text) for text in secrets])
    return signer.headers(event_id, timestamp_s * 1000, body)


class _NoSigner:
    def headers(self, _event_id: str, _now_ms: int, _body: bytes, /) -> dict[str, str]:
        return {}


class _LayoutSigner:
    def __init__(self, layout: Layout, secrets: Sequence[Secret]) -> None:
        if not secrets:
            raise Invalid("No secret to sign with; give the endpoint one.")
        self._layout = layout
        self._signing = tuple(
            (
                layout.signing(secret.text),
                _FOREVER_MS if secret.expires_ms is None else secret.expires_ms,
            )
            for secret in secrets
        )

    def headers(self, event_id: str, now_ms: int, body: bytes, /) -> dict[str, str]:
        layout = self._layout
        timestamp = str(now_ms // 1000)
        content = layout.content(event_id, timestamp, body)
        entries = [make(content) for make, until_ms in self._signing if now_ms < until_ms]
        headers = {} if layout.id_header is None else {layout.id_header: event_id}
        headers[layout.timestamp_header] = timestamp
        headers[layout.signature_header] = layout.separator.join(entries)
        return headers
