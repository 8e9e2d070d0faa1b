"""No secret stands in a database in the clear; each is opened by its key, in its own row."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import apsw
import asyncpg
import msgspec
import pytest

from offhook.model.errors import OffhookError
from offhook.model.ids import DEFAULT_ACCOUNT, WebhookId
from offhook.rotating import rotate
from offhook.settings import Settings, load
from offhook.store.contract import Store
from offhook.store.keyring import Keyring
from offhook.store.postgres import open_postgres
from offhook.store.sqlite import open_sqlite
from offhook.testing.clock import FakeClock

SECRET, OTHER_SECRET = "whsec_" + "QUJD" * 11, "whsec_" + "REVG" * 11
TOKEN = "Bearer very-secret-credential"
ONE, TWO = WebhookId("wh_one"), WebhookId("wh_two")
OLD, NEW = "o" * 40, "n" * 40
BOTH = f"{NEW},{OLD}"
DOCUMENT = {
    "url": "https://crm.example/hook",
    "events": ["*"],
    "headers": {"x-env": "prod-7f3a", "authorization": TOKEN},
    "enabled": True,
}


@dataclass
class Place:
    """A database that may be opened with other keys, and looked at past the store."""

    reopen: Callable[[str], Awaitable[Store]]
    run: Callable[[str], Awaitable[list[tuple[object, ...]]]]
    dump: Callable[[], Awaitable[bytes]]
    settings: Callable[[str | None], Settings]


@pytest.fixture(params=["sqlite", "postgres"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    if request.param == "sqlite":
        yield sqlite_place(tmp_path)
    else:
        yield postgres_place(request.getfixturevalue("postgres18_url"), tmp_path)


def sqlite_place(folder: Path) -> Place:
    async def reopen(keys: str) -> Store:
        return open_sqlite(folder, clock=FakeClock(), keyring=Keyring(tuple(keys.split(","))))

    async def run(sql: str) -> list[tuple[object, ...]]:
        with apsw.Connection(str(folder / "offhook.db")) as raw:
            rows = list(raw.execute(sql))
        raw.close()
        return rows

    async def dump() -> bytes:
        return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))

    return Place(reopen, run, dump, lambda keys: load(data=folder, secret_key=keys))


def postgres_place(url: str, folder: Path) -> Place:
    async def reopen(keys: str) -> Store:
        return await open_postgres(url, clock=FakeClock(), keyring=Keyring(tuple(keys.split(","))))

    async def run(sql: str) -> list[tuple[object, ...]]:
        raw = await asyncpg.connect(url)
        rows = await raw.fetch(sql)
        await raw.close()
        return [tuple(row) for row in rows]

    async def dump() -> bytes:
        tables = await run("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        found = [await run(f"SELECT (it.*)::text FROM {name} AS it") for (name,) in tables]
        return repr(found).encode()

    def settings(keys: str | None) -> Settings:
        return load(database=url, secret_key=keys).model_copy(update={"data": folder})

    return Place(reopen, run, dump, settings)


async def filled(store: Store) -> None:
    await store.keys.put_account(DEFAULT_ACCOUNT, "Default")
    for name, secret in ((ONE, SECRET), (TWO, OTHER_SECRET)):
        await store.webhooks.create_webhook(
            DEFAULT_ACCOUNT, name, msgspec.json.encode(DOCUMENT), secret
        )


async def in_the_clear(store: Store) -> dict[str, object]:
    """All that is sealed, as those who may see it see it."""
    listed = await store.webhooks.list_webhooks(DEFAULT_ACCOUNT, None, 10)
    followed = (await store.dispatch.webhooks()).webhooks
    for webhook in listed:
        assert await store.webhooks.webhook(DEFAULT_ACCOUNT, webhook.id) == webhook
        assert msgspec.json.decode(webhook.document) == DOCUMENT
        [same] = [it for it in followed if it.id == webhook.id]
        assert (same.secrets, same.document) == (webhook.secrets, webhook.document)
        assert same.hash_key == webhook.hash_key
    return {
        "secrets": {it.id: [each.text for each in it.secrets] for it in listed},
        "hash keys": {it.id: it.hash_key for it in listed},
        "token key": store.token_key,
    }


def secrets_of(clear: dict[str, object]) -> list[bytes]:
    hash_keys = clear["hash keys"]
    assert isinstance(hash_keys, dict)
    token_key = clear["token key"]
    assert isinstance(token_key, bytes)
    texts = [SECRET.encode(), OTHER_SECRET.encode(), TOKEN.encode(), b"prod-7f3a"]
    return [*texts, token_key, *hash_keys.values()]


async def check_dump(place: Place, clear: dict[str, object]) -> None:
    dump = await place.dump()
    assert b"https://crm.example/hook" in dump, "the dump holds what it is to hold"
    for secret in secrets_of(clear):
        for form in (secret, secret.hex().encode(), secret.removeprefix(b"whsec_")):
            assert form not in dump


async def test_nothing_secret_stands_in_the_database(place: Place) -> None:
    store = await place.reopen(OLD)
    await filled(store)
    changed = msgspec.json.encode({**DOCUMENT, "description": "again"})
    assert await store.webhooks.replace_webhook(DEFAULT_ACCOUNT, ONE, changed, 1)
    assert await store.webhooks.replace_webhook(
        DEFAULT_ACCOUNT, ONE, msgspec.json.encode(DOCUMENT), 2
    )
    assert await store.webhooks.rotate_secret(
        DEFAULT_ACCOUNT, TWO, SECRET + "QQ==", overlap_s=60, revision=1
    )
    clear = await in_the_clear(store)
    assert clear["secrets"] == {ONE: [SECRET], TWO: [SECRET + "QQ==", OTHER_SECRET]}
    await check_dump(place, clear)
    await store.close()
    await check_dump(place, clear)
    again = await place.reopen(OLD)
    assert await in_the_clear(again) == clear
    await again.close()


async def test_another_key_opens_nothing_and_changes_nothing(place: Place) -> None:
    store = await place.reopen(OLD)
    await filled(store)
    clear = await in_the_clear(store)
    await store.close()
    with pytest.raises(OffhookError, match="OFFHOOK_SECRET_KEY"):
        await place.reopen(NEW)
    store = await place.reopen(OLD)
    assert await in_the_clear(store) == clear
    await store.close()


async def test_what_stood_in_the_clear_is_sealed_by_the_first_start(place: Place) -> None:
    """As an installation that was made before secrets were sealed."""
    store = await place.reopen(OLD)
    await filled(store)
    token_key = store.token_key
    await store.close()
    document = msgspec.json.encode(DOCUMENT).decode()
    await place.run(f"UPDATE resource SET document = '{document}'")
    await place.run(f"UPDATE webhook_secret SET secret = '{SECRET}' WHERE webhook = '{ONE}'")
    await place.run(f"UPDATE webhook_secret SET secret = '{OTHER_SECRET}' WHERE webhook = '{TWO}'")
    blob = f"x'{token_key.hex()}'" if "sqlite" in repr(place.run) else f"'\\x{token_key.hex()}'"
    await place.run(f"UPDATE installation SET sealed_with = NULL, token_key = {blob}")
    assert SECRET.encode() in await place.dump()
    store = await place.reopen(NEW)
    clear = await in_the_clear(store)
    assert clear["secrets"] == {ONE: [SECRET], TWO: [OTHER_SECRET]}
    assert clear["token key"] == token_key
    await check_dump(place, clear)
    await store.close()


async def test_a_sealed_value_in_another_row_is_refused(place: Place) -> None:
    store = await place.reopen(OLD)
    await filled(store)
    await store.close()
    await place.run(f"DELETE FROM webhook_secret WHERE webhook = '{TWO}'")
    await place.run(f"UPDATE webhook_secret SET webhook = '{TWO}'")
    store = await place.reopen(OLD)
    found = await store.webhooks.webhook(DEFAULT_ACCOUNT, TWO)
    await store.close()
    assert found is not None
    assert found.secrets == ()
    assert "secret of wh_two was changed or moved" in (found.sealed or "")


async def test_a_change_of_the_key_keeps_every_secret_and_needs_the_old_one_no_more(
    place: Place,
) -> None:
    store = await place.reopen(OLD)
    await filled(store)
    clear = await in_the_clear(store)
    await store.close()
    store = await place.reopen(BOTH)
    assert await in_the_clear(store) == clear
    await store.close()
    with pytest.raises(OffhookError, match="OFFHOOK_SECRET_KEY"):
        await rotate(place.settings(NEW))
    report = await rotate(place.settings(BOTH))
    assert report.sealed == 4
    assert report.before is not None
    assert report.before != report.after
    store = await place.reopen(NEW)
    assert await in_the_clear(store) == clear
    await check_dump(place, clear)
    await store.close()
    with pytest.raises(OffhookError, match="OFFHOOK_SECRET_KEY"):
        await place.reopen(OLD)


async def test_a_folder_gets_a_new_key_in_its_file(tmp_path: Path) -> None:
    store = open_sqlite(tmp_path, clock=FakeClock())
    await filled(store)
    clear = await in_the_clear(store)
    before = (tmp_path / "secret.key").read_text()
    with pytest.raises(OffhookError, match="in use"):
        await rotate(load(data=tmp_path))
    await store.close()
    await rotate(load(data=tmp_path))
    after = (tmp_path / "secret.key").read_text()
    assert not set(before.strip().split(",")) & set(after.strip().split(","))
    store = open_sqlite(tmp_path, clock=FakeClock())
    assert await in_the_clear(store) == clear
    await store.close()


async def test_a_database_whose_key_is_in_a_file_is_told_how(
    postgres18_url: str, tmp_path: Path
) -> None:
    settings = load(database=postgres18_url).model_copy(update={"data": tmp_path})
    with pytest.raises(OffhookError, match="OFFHOOK_SECRET_KEY=new,old"):
        await rotate(settings)


async def test_processes_that_start_together_on_a_new_database_share_its_key(
    postgres18_url: str, tmp_path: Path
) -> None:
    first = await open_postgres(postgres18_url, keyring=Keyring.in_folder(tmp_path))
    second = await open_postgres(postgres18_url, keyring=Keyring.in_folder(tmp_path))
    assert first.token_key == second.token_key
    with pytest.raises(OffhookError, match="there is none in"):
        await open_postgres(postgres18_url, keyring=Keyring.in_folder(tmp_path / "elsewhere"))
    assert not (tmp_path / "elsewhere").exists()
    await first.close()
    await second.close()
