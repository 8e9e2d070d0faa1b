"""What is secret is nowhere that it need not be: a server works for a while with secrets that are
known here, and everything that it logged, stored or answered is searched for them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
from counting_receiver import CountingReceiver, Reply, until
from server_process import KEY, SECRET, SECRET_KEY, Client, Server

CREDENTIAL = "credential-4711-of-the-endpoint"
ROTATED = "whsec_" + "cm90YXRlZC1zZWNyZXQtMTIz" * 2
KNOWN = (SECRET, SECRET.removeprefix("whsec_"), ROTATED, ROTATED.removeprefix("whsec_"))
SECRETS = (*KNOWN, CREDENTIAL, SECRET_KEY, KEY)


def found_in(text: bytes) -> list[str]:
    """The secrets that stand in it, as they are or in hexadecimal."""
    return [it for it in SECRETS if it.encode() in text or it.encode().hex().encode() in text]


async def tables(url: str) -> bytes:
    """Every row of every table, as text."""
    raw = await asyncpg.connect(url)
    names = await raw.fetch("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    rows = [await raw.fetch(f"SELECT (it.*)::text FROM {name} AS it") for (name,) in names]
    await raw.close()
    return repr(rows).encode()


@asynccontextmanager
async def worked(server: Server) -> AsyncIterator[list[bytes]]:
    """The server delivers, is refused, is rotated, refuses, and answers; what it answered, but for
    the answers that are to hold a secret."""
    heard: list[bytes] = []
    async with server, Client(server) as client, CountingReceiver(_refusing) as receiver:
        webhook = await client.make_webhook(receiver.url, headers={"x-token": CREDENTIAL})
        await client.post("good", "bad")
        await until(lambda: len(receiver.requests) >= 4)
        status, _ = await client.ask(
            "POST", f"/v1/webhooks/{webhook}/secret/rotate", {"secret": ROTATED}
        )
        assert status == 200
        await client.post("good")
        await until(lambda: receiver.sequences("good") == [1, 2])
        refused = {"url": receiver.url, "events": ["*"], "secret": CREDENTIAL}
        heard.append(repr(await client.ask("POST", "/v1/webhooks", refused)).encode())
        for path in ("/v1/deliveries", "/v1/events", "/metrics"):
            async with client._session.get(server.url + path) as answer:
                heard.append(await answer.read())
        _, page = await client.ask("GET", "/v1/deliveries")
        for delivery in page["data"]:
            path = f"/v1/deliveries/{delivery['id']}/attempts"
            heard.append(repr(await client.ask("GET", path)).encode())
        assert len(heard) >= 6
        yield heard


def _refusing(event: object) -> Reply:
    return Reply(503) if getattr(event, "key", None) == "bad" else Reply(200)


async def test_on_sqlite_nothing_secret_is_logged_stored_or_answered(tmp_path: Path) -> None:
    server = Server(tmp_path)
    async with worked(server) as heard:
        assert await server.stop() == 0
    assert found_in(b"".join(heard)) == []
    assert found_in(server.log.read_bytes()) == []
    files = [path for path in server.data.iterdir() if path.name != "offhook.lock"]
    assert "offhook.db" in {path.name for path in files}
    assert {path.name: found_in(path.read_bytes()) for path in files if path.is_file()} == {
        path.name: [] for path in files
    }


async def test_on_postgresql_nothing_secret_is_logged_stored_or_answered(
    tmp_path: Path, postgres18_url: str
) -> None:
    server = Server(tmp_path, database=postgres18_url)
    async with worked(server) as heard:
        assert await server.stop() == 0
    assert found_in(b"".join(heard)) == []
    assert found_in(server.log.read_bytes()) == []
    stored = await tables(postgres18_url)
    assert b"127.0.0.1" in stored, "the endpoint's document is among what was searched"
    assert found_in(stored) == []
