"""Webhooks on PostgreSQL: documents, their secrets, and where in the log each begins."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import assert_never

import asyncpg
import msgspec

from offhook.delivery.entries import StoredWebhook
from offhook.delivery.filter_faults import FilterFaults
from offhook.delivery.health import UNTRIED, EndpointHealth, Renewal, renewal
from offhook.log.entries import Topic
from offhook.model.errors import Conflict, FieldError
from offhook.model.ids import AccountId, WebhookId
from offhook.signing.secret import Secret, public_part, rotated
from offhook.store.postgres.database import Database
from offhook.store.postgres.session import Row, Session, Value
from offhook.store.vault import Vault

KIND = "webhook"
DISABLED_BY_OWNER = "the endpoint was disabled"
DELETED = "the endpoint was deleted"
_ROWS_AT_ONCE = 1_000
CONFIGURED = frozenset({Topic.CONFIG})

_EXTERNAL_ID = "resource_external_id"


class _Enabled(msgspec.Struct):
    enabled: bool = True


_ENABLED = msgspec.json.Decoder(_Enabled)


class PostgresWebhooks:
    """The control plane's port of webhooks."""

    def __init__(self, database: Database, partitions: int, vault: Vault) -> None:
        self._database = database
        self._partitions = range(partitions)
        self._vault = vault

    async def create_webhook(
        self, account: AccountId, webhook: WebhookId, document: bytes, secret: str
    ) -> None:
        """Make it; from this commit on it gets every event that is appended."""
        now_ms = self._database.now_ms()
        async with self._changing() as session:
            await self._begin_at_the_ends(session, webhook)
            await session.run(
                "resource_add",
                account=account,
                kind=KIND,
                id=webhook,
                document=self._vault.sealed_document(webhook, document).decode(),
                now_ms=now_ms,
            )
            await self._put_secrets(session, webhook, [Secret(secret)])
            await raise_version(session, account)
        self._database.notices.announce(CONFIGURED)

    async def webhook(self, account: AccountId, webhook: WebhookId) -> StoredWebhook | None:
        """One webhook, enabled or not."""
        now_ms = self._database.now_ms()
        async with self._database.reading() as session:
            row = await session.row("webhook", account=account, id=webhook, now_ms=now_ms)
        return None if row is None else self._vault.shown(_shown(row))

    async def list_webhooks(
        self,
        account: AccountId,
        before: WebhookId | None,
        limit: int,
        external_id: str | None = None,
    ) -> list[StoredWebhook]:
        """Newest first; with an ``external_id`` the one that has it."""
        now_ms = self._database.now_ms()
        async with self._database.reading() as session:
            rows = await session.rows(
                "webhooks_listed",
                account=account,
                before=before,
                external_id=external_id,
                limit=limit,
                now_ms=now_ms,
            )
        return [self._vault.shown(_shown(row)) for row in rows]

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
        at: dict[str, Value] = {
            "kind": KIND,
            "id": webhook,
            "account": account,
            "revision": revision,
        }
        sealed, now_ms = self._vault.sealed_document(webhook, document), self._database.now_ms()
        async with self._changing() as session:
            before = await session.value("resource_at", **at)
            if before is None:
                return False
            await session.run("resource_replace", **at, document=sealed.decode(), now_ms=now_ms)
            if not _ENABLED.decode(document).enabled:
                await cancel_deliveries(session, webhook, DISABLED_BY_OWNER, now_ms)
            await _renew_health(session, webhook, renewal(before, document))
            if secret is not None:
                await self._put_secrets(session, webhook, [Secret(secret)])
            await raise_version(session, account)
        self._database.notices.announce(CONFIGURED)
        return True

    async def rotate_secret(
        self, account: AccountId, webhook: WebhookId, secret: str, overlap_s: int, revision: int
    ) -> bool:
        """Have a new secret sign at once, beside those that still do; false if the webhook is not
        at this revision."""
        async with self._changing() as session:
            touched = await session.run(
                "resource_touch",
                kind=KIND,
                id=webhook,
                account=account,
                revision=revision,
                now_ms=self._database.now_ms(),
            )
            if not touched:
                return False
            now_ms = await session.value("now", now_ms=self._database.now_ms())
            rows = await session.rows("webhook_secrets", webhook=webhook, now_ms=now_ms)
            held = [
                Secret(self._vault.secret(webhook, row["secret"]), row["expires_ms"])
                for row in rows
            ]
            after = rotated(held, secret, now_ms=now_ms, overlap_ms=overlap_s * 1000)
            await self._put_secrets(session, webhook, after)
            await raise_version(session, account)
        self._database.notices.announce(CONFIGURED)
        return True

    async def public_keys(self, limit: int) -> list[str]:
        """The public keys that may have signed what arrives now, of all accounts, newest first."""
        now_ms = self._database.now_ms()
        async with self._database.reading() as session:
            rows = await session.rows("public_keys", now_ms=now_ms, limit=limit)
        return [row["public_key"] for row in rows]

    async def delete_webhook(
        self, account: AccountId, webhook: WebhookId, revision: int | None = None
    ) -> bool:
        """Delete it with its ranges and rows, of which retention takes what is more than a piece;
        its attempts stay. False if it is not there, or not at this ``revision`` if one is given."""
        async with self._changing() as session:
            if not await session.run(
                "resource_delete", kind=KIND, id=webhook, account=account, revision=revision
            ):
                return False
            await session.run("webhook_secrets_delete", webhook=webhook)
            await session.run("webhook_starts_delete", webhook=webhook)
            await session.run("pending_delete", webhook=webhook, limit=_ROWS_AT_ONCE)
            await session.run("held_delete_all", webhook=webhook)
            await session.run("requests_delete_all", webhook=webhook)
            await session.run(
                "replays_cancel", webhook=webhook, reason=DELETED, now_ms=self._database.now_ms()
            )
            await session.run("replay_ranges_end", webhook=webhook)
            await session.rows("shares_locked", webhooks=[webhook])
            await session.run("shares_delete_all", webhook=webhook)
            await session.run("health_delete", webhook=webhook)
            await session.run("filter_fault_delete", webhook=webhook)
            await raise_version(session, account)
        self._database.notices.announce(CONFIGURED)
        return True

    @asynccontextmanager
    async def _changing(self) -> AsyncIterator[Session]:
        try:
            async with self._database.transaction() as session:
                yield session
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name != _EXTERNAL_ID:
                raise
            raise Conflict(
                "Another webhook has this external_id already; choose another, or change that one.",
                FieldError("body.external_id", "is another webhook's"),
            ) from error

    async def _put_secrets(
        self, session: Session, webhook: WebhookId, secrets: Sequence[Secret]
    ) -> None:
        """These in place of all that are there."""
        await session.run("webhook_secrets_delete", webhook=webhook)
        for secret in secrets:
            await session.run(
                "webhook_secret_add",
                webhook=webhook,
                now_ms=self._database.now_ms(),
                secret=self._vault.sealed_secret(webhook, secret.text),
                expires_ms=secret.expires_ms,
                public_key=public_part(secret.text),
            )

    async def _begin_at_the_ends(self, session: Session, webhook: WebhookId) -> None:
        """Nothing is appended from here to the commit: the webhook begins at one exact place."""
        await session.rows("heads_locked", partitions=self._partitions)
        ends = await session.rows(
            "heads_newest",
            partitions=self._partitions,
            since_ms=[0 for _ in self._partitions],
            now_ms=None,
        )
        await session.run(
            "webhook_start_add",
            webhook=webhook,
            partitions=[end["partition"] for end in ends],
            positions=[end["position"] for end in ends],
        )


def webhook_of(row: Row) -> StoredWebhook:
    """A webhook as the statements bring it, sealed, but for how it does."""
    return StoredWebhook(
        row["id"],
        row["account"],
        row["document"].encode(),
        tuple(map(Secret, row["secrets"], row["secrets_end_ms"])),
        dict(zip(row["partitions"], row["positions"], strict=True)),
        row["revision"],
        row["created_ms"],
        row["updated_ms"],
        row["disabled_reason"],
        hash_key=row["hash_key"],
    )


def _shown(row: Row) -> StoredWebhook:
    return msgspec.structs.replace(
        webhook_of(row), health=_health(row), filter_faults=_filter_faults(row)
    )


def _health(row: Row) -> EndpointHealth:
    if row["failures"] is None:
        return UNTRIED
    return EndpointHealth(
        row["failures"], row["failing_since_ms"], row["last_failure_ms"], row["last_success_ms"]
    )


def _filter_faults(row: Row) -> FilterFaults | None:
    if row["filter_errors"] is None:
        return None
    return FilterFaults(
        row["filter_errors"], row["filter_error"], row["filter_event"], row["filter_ms"]
    )


async def _renew_health(session: Session, webhook: WebhookId, renewed: Renewal) -> None:
    match renewed:
        case Renewal.KEPT:
            pass
        case Renewal.BEGUN_ANEW:
            await session.run("health_begin_anew", webhook=webhook)
        case Renewal.FORGOTTEN:
            await session.run("health_delete", webhook=webhook)
        case _:
            assert_never(renewed)


async def raise_version(session: Session, account: AccountId) -> None:
    """The account's configuration changed: whoever reads the log on is told with the events."""
    await session.run("account_configured", account=account)


async def cancel_deliveries(
    session: Session, webhook: WebhookId, reason: str, now_ms: int | None
) -> None:
    """The endpoint is to get nothing more: what waits for it is canceled, and what is replayed to
    it; its ranges end. Enabled again, it has another five days."""
    await session.run("replays_cancel", webhook=webhook, reason=reason, now_ms=now_ms)
    await session.run("pending_cancel", webhook=webhook, reason=reason)
    await session.run("held_delete_all", webhook=webhook)
    await session.run("health_delete", webhook=webhook)
