"""Sealing what stands in SQLite, when a store is opened and when its key is changed."""

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from offhook.model.errors import OffhookError
from offhook.model.ids import WebhookId
from offhook.store.keyring import Keyring
from offhook.store.sealing import Sealer
from offhook.store.sqlite.connection import Connection, open_writer
from offhook.store.sqlite.folder import owned
from offhook.store.sqlite.webhooks import KIND
from offhook.store.vault import (
    Resealed,
    Vault,
    open_document,
    open_secret,
    open_token_key,
    seal_document,
    seal_secret,
    seal_token_key,
)

_PAIRS = msgspec.json.Decoder(list[tuple[WebhookId, str]])


@dataclass(frozen=True, slots=True)
class Installation:
    """Which log this is, and what opens its secrets."""

    generation: int
    vault: Vault = field(repr=False)


def unlock(connection: Connection, keyring: Keyring) -> Installation:
    """What a process needs to work on the database; what was written before secrets were sealed is
    sealed now. Raises ``OffhookError`` where the key is not to be had."""
    generation, token_key, sealed_with = _read(connection)
    sealer = keyring.sealer(sealed_with)
    if sealed_with is None:
        with connection.overwriting():
            _seal(connection, None, sealer, token_key)
    else:
        token_key = open_token_key(sealer, token_key)
    return Installation(generation, Vault(sealer, token_key))


def reseal_folder(folder: Path, keyring: Keyring) -> Resealed:
    """Have all that is sealed in a data folder that no process uses sealed with the first key.

    Raises ``OffhookError`` when a process uses it, or a key is missing.
    """
    with owned(folder) as path, closing(open_writer(path)) as connection:
        _, token_key, sealed_with = _read(connection)
        sealer = keyring.sealer(sealed_with)
        opener = None if sealed_with is None else sealer
        if opener is not None:
            token_key = open_token_key(opener, token_key)
        with connection.overwriting():
            count = _seal(connection, opener, sealer, token_key)
        return Resealed(sealed_with, sealer.fingerprint, count)


def _read(connection: Connection) -> tuple[int, bytes, str | None]:
    row = connection.row("installation")
    if row is None:
        raise OffhookError(
            "The database does not say which log it holds (its table installation is empty): "
            "restore it from a backup.",
            code="data_unusable",
        )
    return row[0], row[1], row[2]


def _seal(connection: Connection, opener: Sealer | None, sealer: Sealer, token_key: bytes) -> int:
    """Seal everything; where there is an ``opener``, it is sealed already."""
    with connection.lock, connection.transaction():
        secrets = connection.rows("secrets_stored", _PAIRS)
        for webhook, secret in secrets:
            text = secret if opener is None else open_secret(opener, webhook, secret)
            connection.run(
                "secret_seal",
                webhook=webhook,
                secret=secret,
                sealed=seal_secret(sealer, webhook, text),
            )
        documents = connection.rows("documents_stored", _PAIRS, kind=KIND)
        for webhook, stored in documents:
            document = stored.encode()
            clear = document if opener is None else open_document(opener, webhook, document)
            connection.run(
                "document_seal",
                kind=KIND,
                id=webhook,
                document=stored,
                sealed=seal_document(sealer, webhook, clear).decode(),
            )
        connection.run(
            "installation_seal",
            token_key=seal_token_key(sealer, token_key),
            sealed_with=sealer.fingerprint,
        )
    return len(secrets) + len(documents)
