"""What the control plane of a store guarantees; needs the fixtures ``store`` and ``clock``."""

import asyncio
from collections.abc import Awaitable

import msgspec

from offhook.delivery.entries import (
    Disabling,
    HeldRange,
    PartitionChanges,
    PendingState,
    StoredWebhook,
)
from offhook.log.entries import Topic
from offhook.model.errors import Conflict
from offhook.model.event import to_ms
from offhook.model.ids import DEFAULT_ACCOUNT, AccountId, KeyId, WebhookId
from offhook.resources.ports import StoredKey
from offhook.signing.secret import Secret
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import (
    OTHER_ACCOUNT,
    SECRET,
    WEBHOOK,
    appended,
    heads,
    lease_for,
    make_webhook,
    pending_for,
    placed,
    plain,
)
from offhook.testing.conformance.stores import ConformingStore


class WebhookConformance:
    """An endpoint gets exactly what comes after it, and whoever reads the log knows in time."""

    async def test_an_endpoint_begins_after_the_events_that_were_there(
        self, store: ConformingStore
    ) -> None:
        await appended(store, *(plain(f"k{n}") for n in range(20)))
        before = await heads(store)
        made = await make_webhook(store)
        assert made.starts == before

    async def test_among_concurrent_appends_an_endpoint_begins_at_one_exact_place(
        self, store: ConformingStore
    ) -> None:
        async def write(name: int) -> None:
            for n in range(20):
                await appended(store, plain(f"k{name}", n))

        async def make() -> StoredWebhook:
            await appended(store, plain("first"))
            return await make_webhook(store)

        making = asyncio.create_task(make())
        await asyncio.gather(making, *(write(name) for name in range(4)))
        made = making.result()
        version = (await store.dispatch.webhooks()).config_version
        for partition, start in made.starts.items():
            later = await store.log.read(partition, start, 1_000, 1 << 30)
            assert later.config_version == version
            assert 0 <= start <= await store.log.head(partition)

    async def test_every_change_raises_the_version_that_reading_the_log_tells(
        self, store: ConformingStore
    ) -> None:
        versions = [await _version(store)]
        await make_webhook(store)
        versions.append(await _version(store))
        await make_webhook(store, "wh_b", OTHER_ACCOUNT)
        versions.append(await _version(store))
        assert await store.webhooks.replace_webhook(DEFAULT_ACCOUNT, WEBHOOK, b"{}", 1)
        versions.append(await _version(store))
        assert await store.webhooks.delete_webhook(OTHER_ACCOUNT, WebhookId("wh_b"))
        versions.append(await _version(store))
        assert versions == sorted(set(versions))
        await appended(store, plain("k"))
        assert await _version(store) == versions[-1]

    async def test_a_webhook_comes_back_as_it_was_made(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        made = await make_webhook(store, description="caf\u00e9")
        assert msgspec.json.decode(made.document)["description"] == "caf\u00e9"
        assert (made.id, made.account, made.secrets) == (
            WEBHOOK,
            DEFAULT_ACCOUNT,
            (Secret(SECRET),),
        )
        now_ms = to_ms(clock.now())
        assert (made.revision, made.created_ms, made.updated_ms) == (1, now_ms, now_ms)
        assert made.disabled_reason is None
        assert (await store.dispatch.webhooks()).webhooks == (made,)

    async def test_a_replacement_needs_the_revision_that_it_replaces(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        made = await make_webhook(store)
        clock.advance(5)
        first = _document(description="first")
        assert await store.webhooks.replace_webhook(DEFAULT_ACCOUNT, WEBHOOK, first, 1)
        second = _document(description="second")
        assert not await store.webhooks.replace_webhook(DEFAULT_ACCOUNT, WEBHOOK, second, 1)
        stored = await store.webhooks.webhook(DEFAULT_ACCOUNT, WEBHOOK)
        assert stored is not None
        assert msgspec.json.decode(stored.document)["description"] == "first"
        assert (stored.revision, stored.created_ms) == (2, made.created_ms)
        assert stored.updated_ms == made.created_ms + 5_000
        assert (stored.secrets, stored.starts) == (made.secrets, made.starts)

    async def test_disabling_cancels_what_waits_and_enabling_clears_the_reason(
        self, store: ConformingStore
    ) -> None:
        await make_webhook(store)
        [event] = await placed(store, plain("k"))
        lease = await lease_for(store, "k")
        row = pending_for(event, PendingState.RETRY, due_ms=1)
        held = HeldRange(WEBHOOK, lease.partition, 1)
        await store.dispatch.apply([PartitionChanges(lease, 0, rows=(row,), held=(held,))])
        disabled = _document(enabled=False)
        assert await store.webhooks.replace_webhook(DEFAULT_ACCOUNT, WEBHOOK, disabled, 1)
        assert (await store.dispatch.webhooks()).webhooks == ()
        assert await store.dispatch.held(lease.partition) == []
        assert (await store.dispatch.due([lease.partition], 10, [])).items == ()
        gone = Disabling(WEBHOOK, 2, "gone")
        await store.dispatch.apply([PartitionChanges(lease, 0, disable=(gone,))])
        enabled = _document(enabled=True)
        assert await store.webhooks.replace_webhook(DEFAULT_ACCOUNT, WEBHOOK, enabled, 2)
        [webhook] = (await store.dispatch.webhooks()).webhooks
        assert webhook.disabled_reason is None

    async def test_webhooks_are_listed_newest_first_page_by_page(
        self, store: ConformingStore
    ) -> None:
        names = [f"wh_{n:04d}" for n in range(5)]
        for name in names:
            await make_webhook(store, name)
        listed, before = list[str](), None
        while page := await store.webhooks.list_webhooks(DEFAULT_ACCOUNT, before, 2):
            listed += [webhook.id for webhook in page]
            before = page[-1].id
        assert listed == names[::-1]

    async def test_an_external_id_is_one_webhooks_in_its_account(
        self, store: ConformingStore
    ) -> None:
        await make_webhook(store, external_id="crm")
        await make_webhook(store, "wh_other", OTHER_ACCOUNT, external_id="crm")
        await make_webhook(store, "wh_b")
        taken = _document(external_id="crm")
        named = WebhookId("wh_c")
        assert await _conflicts(
            store.webhooks.create_webhook(DEFAULT_ACCOUNT, named, taken, "whsec_c")
        )
        assert await _conflicts(
            store.webhooks.replace_webhook(DEFAULT_ACCOUNT, WebhookId("wh_b"), taken, 1)
        )
        assert await store.webhooks.webhook(DEFAULT_ACCOUNT, named) is None
        for account, webhook in ((DEFAULT_ACCOUNT, WEBHOOK), (OTHER_ACCOUNT, "wh_other")):
            [listed] = await store.webhooks.list_webhooks(account, None, 10, "crm")
            assert listed.id == webhook
        assert await store.webhooks.list_webhooks(DEFAULT_ACCOUNT, None, 10, "wh_b") == []

    async def test_a_deletion_that_names_a_revision_is_of_that_one_alone(
        self, store: ConformingStore
    ) -> None:
        made = await make_webhook(store)
        assert await store.webhooks.replace_webhook(DEFAULT_ACCOUNT, WEBHOOK, made.document, 1)
        assert not await store.webhooks.delete_webhook(DEFAULT_ACCOUNT, WEBHOOK, 1)
        assert (await store.webhooks.list_webhooks(DEFAULT_ACCOUNT, None, 10))[0].secrets
        assert await store.webhooks.delete_webhook(DEFAULT_ACCOUNT, WEBHOOK, 2)
        assert await store.webhooks.webhook(DEFAULT_ACCOUNT, WEBHOOK) is None

    async def test_accounts_never_reach_one_anothers_webhooks(self, store: ConformingStore) -> None:
        await make_webhook(store)
        foreign = OTHER_ACCOUNT
        assert await store.webhooks.webhook(foreign, WEBHOOK) is None
        assert await store.webhooks.list_webhooks(foreign, None, 10) == []
        assert not await store.webhooks.replace_webhook(foreign, WEBHOOK, _document(), 1)
        assert not await store.webhooks.delete_webhook(foreign, WEBHOOK)
        assert await store.webhooks.webhook(DEFAULT_ACCOUNT, WEBHOOK) is not None

    async def test_commits_are_announced_with_what_they_changed(
        self, store: ConformingStore
    ) -> None:
        heard = list[frozenset[Topic]]()
        store.subscribe(heard.append)
        await appended(store, plain("k"))
        await make_webhook(store)
        partition = (await lease_for(store, "k")).partition
        await store.deliveries.request_retry(WEBHOOK, partition, 1)
        assert {Topic.EVENTS, Topic.CONFIG, Topic.REQUESTS} <= frozenset().union(*heard)


class KeyConformance:
    """Keys are found by the digest of their secret."""

    async def test_a_key_is_found_by_its_digest(self, store: ConformingStore) -> None:
        assert not await store.keys.has_keys()
        key = StoredKey(KeyId("key_1"), DEFAULT_ACCOUNT, test=True, scopes=("events:write", "x"))
        await store.keys.put_account(DEFAULT_ACCOUNT, "Default")
        await store.keys.put_account(DEFAULT_ACCOUNT, "Again")
        await store.keys.put_key(key, bytes(32))
        assert await store.keys.has_keys()
        assert await store.keys.key(bytes(32)) == key
        assert await store.keys.key(b"\x01" * 32) is None

    async def test_a_key_keeps_its_rate_limit_and_that_it_has_none(
        self, store: ConformingStore
    ) -> None:
        for number, limit in enumerate((None, 0, 25)):
            key = StoredKey(KeyId(f"key_{number}"), DEFAULT_ACCOUNT, False, ("read",), limit)
            await store.keys.put_key(key, bytes([number] * 32))
            assert await store.keys.key(bytes([number] * 32)) == key

    async def test_the_same_digest_again_changes_nothing(self, store: ConformingStore) -> None:
        first = StoredKey(KeyId("key_1"), DEFAULT_ACCOUNT, test=False, scopes=())
        second = StoredKey(KeyId("key_2"), AccountId("acc_x"), test=True, scopes=("admin",))
        await store.keys.put_key(first, bytes(32))
        await store.keys.put_key(second, bytes(32))
        assert await store.keys.key(bytes(32)) == first


async def _version(store: ConformingStore) -> int:
    """The version as a reader at the head of the log is told, and as the snapshot has it."""
    told = {
        (await store.log.read(partition, head, 10, 1 << 20)).config_version
        for partition, head in (await heads(store)).items()
    }
    assert told == {(await store.dispatch.webhooks()).config_version}
    return told.pop()


async def _conflicts(change: Awaitable[object]) -> bool:
    try:
        await change
    except Conflict:
        return True
    return False


def _document(**fields: object) -> bytes:
    return msgspec.json.encode({"url": "https://crm.example/hook", "events": ["*"], **fields})
