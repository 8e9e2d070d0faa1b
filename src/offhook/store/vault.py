"""What of an installation's rows is sealed: secrets of webhooks, the values of their own headers,
and the key that signs tokens. Accounts' keys are made from that one."""

import hashlib
import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec

from offhook.delivery.entries import StoredWebhook, WebhookSnapshot
from offhook.model.ids import WebhookId
from offhook.store.sealing import CannotOpen, Sealer

_UNOPENED = (CannotOpen, ValueError, msgspec.MsgspecError)
_SIGNS_TOKENS = "key of stream tokens"


@dataclass(frozen=True, slots=True)
class Resealed:
    """From which key to which the secrets were brought (``before``: ``None`` where they stood as
    they are), and how many secrets and documents there are."""

    before: str | None
    after: str
    count: int


class _Headers(msgspec.Struct):
    headers: dict[str, str] = {}


_HEADERS = msgspec.json.Decoder(_Headers)


class Vault:
    """Seals what is to be stored, and opens what was."""

    def __init__(self, sealer: Sealer, token_key: bytes) -> None:
        self._sealer = sealer
        self.token_key = token_key

    def sealed_secret(self, webhook: WebhookId, text: str) -> str:
        """A webhook's secret as it is stored."""
        return seal_secret(self._sealer, webhook, text)

    def secret(self, webhook: WebhookId, sealed: str) -> str:
        """A webhook's secret again."""
        return open_secret(self._sealer, webhook, sealed)

    def sealed_document(self, webhook: WebhookId, document: bytes) -> bytes:
        """A webhook's document as it is stored."""
        return seal_document(self._sealer, webhook, document)

    def opened(self, stored: StoredWebhook) -> StoredWebhook:
        """The webhook of a row, in the clear."""
        secrets = tuple(
            msgspec.structs.replace(each, text=self.secret(stored.id, each.text))
            for each in stored.secrets
        )
        return msgspec.structs.replace(
            stored,
            secrets=secrets,
            document=open_document(self._sealer, stored.id, stored.document),
            hash_key=hmac.digest(self.token_key, b"contacts" + stored.hash_key, hashlib.sha256),
        )

    def shown(self, stored: StoredWebhook) -> StoredWebhook:
        """The webhook of a row, in the clear; one that cannot be opened says why."""
        try:
            return self.opened(stored)
        except _UNOPENED as error:
            return msgspec.structs.replace(stored, secrets=(), sealed=str(error))

    def snapshot(self, config_version: int, rows: Iterable[StoredWebhook]) -> WebhookSnapshot:
        """Webhooks of rows, in the clear; one that cannot be opened keeps back no other."""
        opened: list[StoredWebhook] = []
        sealed: list[tuple[WebhookId, str]] = []
        for row in rows:
            try:
                opened.append(self.opened(row))
            except _UNOPENED as error:
                sealed.append((row.id, str(error)))
        return WebhookSnapshot(config_version, tuple(opened), tuple(sealed))


def seal_secret(sealer: Sealer, webhook: WebhookId, text: str) -> str:
    """A webhook's secret as it is stored."""
    return sealer.seal(text.encode(), _secret_of(webhook))


def open_secret(sealer: Sealer, webhook: WebhookId, sealed: str) -> str:
    """A webhook's secret again; ``CannotOpen`` where it is not to be had."""
    return sealer.open(sealed, _secret_of(webhook)).decode()


def seal_document(sealer: Sealer, webhook: WebhookId, document: bytes) -> bytes:
    """A webhook's document with the values of its headers sealed: they may be credentials."""
    return _with_headers(
        document, lambda name, value: sealer.seal(value.encode(), _header_of(webhook, name))
    )


def open_document(sealer: Sealer, webhook: WebhookId, document: bytes) -> bytes:
    """The document in the clear; ``CannotOpen`` where it is not to be had."""
    return _with_headers(
        document, lambda name, value: sealer.open(value, _header_of(webhook, name)).decode()
    )


def seal_token_key(sealer: Sealer, token_key: bytes) -> bytes:
    """The key that signs tokens as it is stored."""
    return sealer.seal(token_key, _SIGNS_TOKENS).encode()


def open_token_key(sealer: Sealer, stored: bytes) -> bytes:
    """The key that signs tokens; ``CannotOpen`` where it is not to be had."""
    return sealer.open(stored.decode("utf-8", "replace"), _SIGNS_TOKENS)


def _with_headers(document: bytes, change: Callable[[str, str], str]) -> bytes:
    headers = _HEADERS.decode(document).headers
    if not headers:
        return document
    fields = msgspec.json.decode(document, type=dict[str, msgspec.Raw])
    changed = {name: change(name, value) for name, value in headers.items()}
    fields["headers"] = msgspec.Raw(msgspec.json.encode(changed))
    return msgspec.json.encode(fields)


def _secret_of(webhook: WebhookId) -> str:
    return f"secret of {webhook}"


def _header_of(webhook: WebhookId, name: str) -> str:
    return f"header {name} of {webhook}"
