"""Webhooks of rows are opened each by itself."""

from msgspec.structs import replace

from offhook.delivery.entries import StoredWebhook
from offhook.model.ids import DEFAULT_ACCOUNT, WebhookId
from offhook.signing.secret import Secret
from offhook.store.sealing import Sealer, SealingKey
from offhook.store.vault import Vault

OURS, ANOTHERS = (Vault(Sealer([SealingKey.of(letter * 40)]), bytes(32)) for letter in "oa")


def row(name: str, vault: Vault) -> StoredWebhook:
    webhook = WebhookId(f"wh_{name}")
    secret = Secret(vault.sealed_secret(webhook, "whsec_a"))
    sealed = vault.sealed_document(webhook, b'{"headers":{"X-Key":"s3cr3t"}}')
    return StoredWebhook(webhook, DEFAULT_ACCOUNT, sealed, (secret,), {})


def test_one_that_cannot_be_opened_is_named_and_keeps_back_no_other() -> None:
    broken = replace(row("broken", OURS), document=b"{")
    rows = [row("one", OURS), row("sealed", ANOTHERS), broken, row("two", OURS)]
    snapshot = OURS.snapshot(7, rows)
    assert snapshot.config_version == 7
    assert [it.id for it in snapshot.webhooks] == ["wh_one", "wh_two"]
    assert {it.secrets[0].text for it in snapshot.webhooks} == {"whsec_a"}
    assert [webhook for webhook, _ in snapshot.sealed] == ["wh_sealed", "wh_broken"]
    assert all(reason and "s3cr3t" not in reason for _, reason in snapshot.sealed)
