"""Sealing what stands in PostgreSQL, when a store is opened and when its key is changed."""

from dataclasses import dataclass, field

from offhook.model.errors import Unavailable
from offhook.store.keyring import Keyring
from offhook.store.postgres.database import connect
from offhook.store.postgres.migrations import sole
from offhook.store.postgres.reaching import reaching
from offhook.store.postgres.session import Session
from offhook.store.postgres.webhooks import KIND
from offhook.store.sealing import Sealer
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


@dataclass(frozen=True, slots=True)
class Installation:
    """What was decided when the log was made, and what opens its secrets."""

    partitions: int
    generation: int
    vault: Vault = field(repr=False)


async def unlock(session: Session, keyring: Keyring) -> Installation:
    """What a process needs to work on the database; what was written before secrets were sealed is
    sealed now. To be called while nobody else does.

    Raises ``OffhookError`` where the key is not to be had.
    """
    partitions, generation, token_key, sealed_with = await session.only_row("installation")
    sealer = keyring.sealer(sealed_with)
    if sealed_with is None:
        await _seal(session, None, sealer, token_key)
    else:
        token_key = open_token_key(sealer, token_key)
    return Installation(partitions, generation, Vault(sealer, token_key))


async def reseal_database(url: str, keyring: Keyring) -> Resealed:
    """Have all that is sealed, with whichever of the keys, sealed with the first of them. Servers
    may be at work that have all of these keys.

    Raises ``OffhookError`` when the database cannot be used or a key is missing, and where a server
    changed a webhook at the same moment.
    """
    with reaching(url):
        raw = await connect(url, patient=True)
        try:
            async with sole(raw):
                return await _reseal(Session(raw), keyring)
        finally:
            await raw.close()


async def _reseal(session: Session, keyring: Keyring) -> Resealed:
    _, _, token_key, sealed_with = await session.only_row("installation")
    sealer = keyring.sealer(sealed_with)
    opener = None if sealed_with is None else sealer
    if opener is not None:
        token_key = open_token_key(opener, token_key)
    count = await _seal(session, opener, sealer, token_key)
    return Resealed(sealed_with, sealer.fingerprint, count)


async def _seal(session: Session, opener: Sealer | None, sealer: Sealer, token_key: bytes) -> int:
    """Seal everything; where there is an ``opener``, it is sealed already."""
    async with session.part():
        sealed = await _seal_secrets(session, opener, sealer)
        sealed += await _seal_documents(session, opener, sealer)
        await session.run(
            "installation_seal",
            token_key=seal_token_key(sealer, token_key),
            sealed_with=sealer.fingerprint,
        )
    return sealed


async def _seal_secrets(session: Session, opener: Sealer | None, sealer: Sealer) -> int:
    rows = await session.rows("secrets_stored")
    for webhook, secret in rows:
        text = secret if opener is None else open_secret(opener, webhook, secret)
        sealed = seal_secret(sealer, webhook, text)
        await _change(session, "secret_seal", webhook=webhook, secret=secret, sealed=sealed)
    return len(rows)


async def _seal_documents(session: Session, opener: Sealer | None, sealer: Sealer) -> int:
    rows = await session.rows("documents_stored", kind=KIND)
    for webhook, stored in rows:
        document = stored.encode()
        clear = document if opener is None else open_document(opener, webhook, document)
        sealed = seal_document(sealer, webhook, clear).decode()
        await _change(
            session, "document_seal", kind=KIND, id=webhook, document=stored, sealed=sealed
        )
    return len(rows)


async def _change(session: Session, name: str, **bindings: object) -> None:
    if not await session.run(name, **bindings):
        raise Unavailable(
            "A webhook was changed while its secrets were sealed anew, and nothing was: try again."
        )
