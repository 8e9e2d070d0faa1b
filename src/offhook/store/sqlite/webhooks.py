"""Webhooks on SQLite: documents, their secrets, and where in the log each begins."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import assert_never

import apsw
import msgspec

from offhook.delivery.entries import StoredWebhook
from offhook.delivery.filter_faults import FilterFaults
from offhook.delivery.health import UNTRIED, EndpointHealth, Renewal, renewal
from offhook.log.entries import Topic
from offhook.model.errors import Conflict, FieldError
from offhook.model.ids import AccountId, WebhookId
from offhook.signing.secret import Secret, public_part, rotated
from offhook.store.sqlite.append import read_end
from offhook.store.sqlite.connection import Connection, Value
from offhook.store.sqlite.database import Database
from offhook.store.sqlite.packing import PARTITION
from offhook.store.sqlite.tail import Tail
from offhook.store.sqlite.writer import Transaction
from offhook.store.vault import Vault

KIND = "webhook"
DISABLED_BY_OWNER = "the endpoint was disabled"
DELETED = "the endpoint was deleted"
_ROWS_AT_ONCE = 1_000


class _WebhookRow(msgspec.Struct, frozen=True):
    id: WebhookId
    account: AccountId
    document: msgspec.Raw
    secrets: tuple[Secret, ...]
    starts: dict[int, int]
    revision: int
    created_ms: int
    updated_ms: int
    disabled_reason: str | None
    hash_key: str
    health: EndpointHealth | None = None
    filter_faults: FilterFaults | None = None


class _Enabled(msgspec.Struct):
    enabled: bool = True


_ROWS = msgspec.json.Decoder(list[_WebhookRow])
_ENABLED = msgspec.json.Decoder(_Enabled)
_SECRETS = msgspec.json.Decoder(list[Secret])
_NAMES = msgspec.json.Decoder(list[str])


class SqliteWebhooks:
    """The control plane's port of webhooks."""

    def __init__(self, database: Database, tail: Tail, vault: Vault) -> None:
        self._database = database
        self._tail = tail
        self._vault = vault

    async def create_webhook(
        self, account: AccountId, webhook: WebhookId, document: bytes, secret: str
    ) -> None:
        """Make it; from this commit on it gets every event that is appended."""
        now_ms = self._database.now_ms()
        sealed = self._vault.sealed_document(webhook, document)

        def work(connection: Connection) -> bool:
            _add(connection, account, webhook, sealed, now_ms)
            _put_secrets(connection, self._vault, webhook, [Secret(secret)], now_ms)
            start = read_end(connection).position
            connection.run(
                "webhook_start_add", webhook=webhook, partition=PARTITION, position=start
            )
            return True

        await self._change(account, work)

    async def webhook(self, account: AccountId, webhook: WebhookId) -> StoredWebhook | None:
        """One webhook, enabled or not."""
        now_ms = self._database.now_ms()
        rows = self._database.read(
            lambda it: it.value("webhook", account=account, id=webhook, now_ms=now_ms)
        )
        return next(iter(decode_webhooks(rows, self._vault)), None)

    async def list_webhooks(
        self,
        account: AccountId,
        before: WebhookId | None,
        limit: int,
        external_id: str | None = None,
    ) -> list[StoredWebhook]:
        """Newest first; with an ``external_id`` the one that has it."""
        now_ms = self._database.now_ms()

        def work(connection: Connection) -> list[StoredWebhook]:
            rows = connection.value(
                "webhooks_listed",
                account=account,
                before=before,
                external_id=external_id,
                limit=limit,
                now_ms=now_ms,
            )
            return decode_webhooks(rows, self._vault)

        return await self._database.query(work)

    async def replace_webhook(
        self,
        account: AccountId,
        webhook: WebhookId,
        document: bytes,
        revision: int,
        *,
        secret: str | None = None,
    ) -> bool:
        """Put a new document in place of the one of ``revision``; false if that is not there."""
        now_ms = self._database.now_ms()
        sealed = self._vault.sealed_document(webhook, document)

        def work(connection: Connection) -> bool:
            at: dict[str, Value] = {
                "kind": KIND,
                "id": webhook,
                "account": account,
                "revision": revision,
            }
            before = connection.row("resource_at", **at)
            if before is None:
                return False
            with _one_external_id():
                connection.run("resource_replace", **at, document=sealed.decode(), now_ms=now_ms)
            if not _ENABLED.decode(document).enabled:
                cancel_deliveries(connection, webhook, DISABLED_BY_OWNER, now_ms)
            _renew_health(connection, webhook, renewal(before[0], document))
            if secret is not None:
                _put_secrets(connection, self._vault, webhook, [Secret(secret)], now_ms)
            return True

        return await self._change(account, work)

    async def rotate_secret(
        self, account: AccountId, webhook: WebhookId, secret: str, overlap_s: int, revision: int
    ) -> bool:
        """Have a new secret sign at once, beside those that still do; false if the webhook is not
        at this revision."""
        now_ms = self._database.now_ms()

        def work(connection: Connection) -> bool:
            at: dict[str, Value] = {
                "kind": KIND,
                "id": webhook,
                "account": account,
                "revision": revision,
            }
            if not connection.run("resource_touch", **at, now_ms=now_ms):
                return False
            held = [
                msgspec.structs.replace(each, text=self._vault.secret(webhook, each.text))
                for each in connection.rows(
                    "webhook_secrets", _SECRETS, webhook=webhook, now_ms=now_ms
                )
            ]
            after = rotated(held, secret, now_ms=now_ms, overlap_ms=overlap_s * 1000)
            _put_secrets(connection, self._vault, webhook, after, now_ms)
            return True

        return await self._change(account, work)

    async def public_keys(self, limit: int) -> list[str]:
        """The public keys that may have signed what arrives now, of all accounts, newest first."""
        now_ms = self._database.now_ms()
        return await self._database.query(
            lambda it: it.rows("public_keys", _NAMES, now_ms=now_ms, limit=limit)
        )

    async def delete_webhook(
        self, account: AccountId, webhook: WebhookId, revision: int | None = None
    ) -> bool:
        """Delete it with its ranges and rows, of which retention takes what is more than a piece;
        its attempts stay. False if it is not there, or not at this ``revision`` if one is given."""
        now_ms = self._database.now_ms()

        def work(connection: Connection) -> bool:
            if not connection.run(
                "resource_delete", kind=KIND, id=webhook, account=account, revision=revision
            ):
                return False
            connection.run("webhook_secrets_delete", webhook=webhook)
            connection.run("webhook_starts_delete", webhook=webhook)
            connection.run("pending_delete", webhook=webhook, limit=_ROWS_AT_ONCE)
            connection.run("held_delete_all", webhook=webhook)
            connection.run("requests_delete_all", webhook=webhook)
            connection.run("replays_cancel", webhook=webhook, reason=DELETED, now_ms=now_ms)
            connection.run("replay_ranges_end", webhook=webhook)
            connection.run("shares_delete_all", webhook=webhook)
            connection.run("health_delete", webhook=webhook)
            connection.run("filter_fault_delete", webhook=webhook)
            return True

        return await self._change(account, work)

    async def _change(self, account: AccountId, work: Callable[[Connection], bool]) -> bool:
        """Do it; where something changed, the account's stamp rises in the same transaction."""

        def stamped(transaction: Transaction) -> bool:
            changed = work(transaction.connection)
            if changed:
                raise_version(transaction, account, self._tail)
            return changed

        return await self._database.write(stamped)


def decode_webhooks(rows: str, vault: Vault) -> list[StoredWebhook]:
    """Webhooks as the statements gather them, in the clear where they can be opened."""
    return [vault.shown(stored) for stored in stored_webhooks(rows)]


def stored_webhooks(rows: str) -> list[StoredWebhook]:
    """Webhooks as the statements gather them, as they are stored."""
    return [_webhook_of(row) for row in _ROWS.decode(rows)]


def _webhook_of(row: _WebhookRow) -> StoredWebhook:
    return StoredWebhook(
        row.id,
        row.account,
        bytes(row.document),
        row.secrets,
        row.starts,
        row.revision,
        row.created_ms,
        row.updated_ms,
        row.disabled_reason,
        row.health or UNTRIED,
        row.filter_faults,
        bytes.fromhex(row.hash_key),
    )


def raise_version(transaction: Transaction, account: AccountId, tail: Tail) -> None:
    """The account's configuration changed: whoever reads the log on is told with the events."""
    transaction.connection.run("account_configured", account=account)
    version: int = transaction.connection.value("config_version")
    transaction.committed.append(lambda: tail.configure(version))
    transaction.topics.add(Topic.CONFIG)


def cancel_deliveries(connection: Connection, webhook: WebhookId, reason: str, now_ms: int) -> None:
    """The endpoint is to get nothing more: what waits for it is canceled, and what is replayed to
    it; its ranges end. Enabled again, it has another five days."""
    connection.run("replays_cancel", webhook=webhook, reason=reason, now_ms=now_ms)
    connection.run("pending_cancel", webhook=webhook, reason=reason)
    connection.run("held_delete_all", webhook=webhook)
    connection.run("health_delete", webhook=webhook)


def _renew_health(connection: Connection, webhook: WebhookId, renewed: Renewal) -> None:
    match renewed:
        case Renewal.KEPT:
            pass
        case Renewal.BEGUN_ANEW:
            connection.run("health_begin_anew", webhook=webhook)
        case Renewal.FORGOTTEN:
            connection.run("health_delete", webhook=webhook)
        case _:
            assert_never(renewed)


def _put_secrets(
    connection: Connection,
    vault: Vault,
    webhook: WebhookId,
    secrets: Sequence[Secret],
    now_ms: int,
) -> None:
    """These in place of all that are there."""
    connection.run("webhook_secrets_delete", webhook=webhook)
    for secret in secrets:
        connection.run(
            "webhook_secret_add",
            webhook=webhook,
            now_ms=now_ms,
            secret=vault.sealed_secret(webhook, secret.text),
            expires_ms=secret.expires_ms,
            public_key=public_part(secret.text),
        )


def _add(
    connection: Connection, account: AccountId, webhook: WebhookId, document: bytes, now_ms: int
) -> None:
    with _one_external_id():
        connection.run(
            "resource_add",
            account=account,
            kind=KIND,
            id=webhook,
            document=document.decode(),
            now_ms=now_ms,
        )


@contextmanager
def _one_external_id() -> Iterator[None]:
    try:
        yield
    except apsw.ConstraintError as error:
        raise Conflict(
            "Another webhook has this external_id already; choose another, or change that one.",
            FieldError("body.external_id", "is another webhook's"),
        ) from error
