"""A server that is asked to stop stops in order; one that cannot start says why in one line."""

import asyncio
import os
import sys
from pathlib import Path
from time import monotonic

import apsw
import pytest
from call_load import EVERY_CALL, Load
from counting_receiver import HANGS, CountingReceiver, until
from server_process import HOST, KEY, Client, Server

from offhook.demo.processes import clean_environment
from offhook.testing.servers.ports import free_port

LONGEST_STOP_S = 10.0


async def test_sigterm_under_load_loses_nothing_and_sends_nothing_twice(tmp_path: Path) -> None:
    async with Server(tmp_path) as server, Client(server) as client, CountingReceiver() as receiver:
        await client.make_webhook(receiver.url, **EVERY_CALL)
        load = Load(client)
        for count in (150, 300):
            await receiver.so_many(count)
            began = monotonic()
            assert await server.stop() == 0
            assert monotonic() - began < LONGEST_STOP_S
            await server.start()
        await load.finish()
        feed = await client.feed()
        await receiver.all_of(feed)
    assert set(load.acknowledged) <= {event["id"] for event in feed}
    told = receiver.tally.report()
    assert (told.duplicates, told.gaps, told.out_of_order) == (0, 0, 0)
    assert server.complaints() == []


async def test_after_a_stop_in_quiet_only_what_is_new_is_sent(tmp_path: Path) -> None:
    async with Server(tmp_path) as server, Client(server) as client, CountingReceiver() as receiver:
        await client.make_webhook(receiver.url)
        await client.post(*"abcabc")
        await receiver.so_many(6)
        assert await server.stop() == 0
        await server.start()
        await client.post("d")
        await until(lambda: receiver.sequences("d") == [1])
    assert len(receiver.requests) == 7
    assert server.complaints() == []


async def test_neither_a_client_nor_a_receiver_that_hangs_holds_up_the_stop(tmp_path: Path) -> None:
    receiver = CountingReceiver(lambda _: HANGS)
    async with Server(tmp_path) as server, Client(server) as client, receiver:
        await client.make_webhook(receiver.url, timeout_s=60)
        await client.post("a")
        await until(lambda: receiver.requests)
        _, writer = await asyncio.open_connection(HOST, int(server.url.rpartition(":")[2]))
        head = f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
        writer.write(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        await writer.drain()
        began = monotonic()
        assert await server.stop() == 0
        assert monotonic() - began < LONGEST_STOP_S
        writer.close()


async def refusal(*options: str, **settings: str) -> str:
    """The one line by which ``offhook serve`` refuses to start."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "offhook", "serve", *options),
        env=clean_environment({f"OFFHOOK_{name.upper()}": text for name, text in settings.items()}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await asyncio.wait_for(process.communicate(), 90)
    assert process.returncode == 1, errors.decode()
    [line] = errors.decode().splitlines()
    assert line.startswith("offhook: ")
    return line


async def test_a_folder_has_one_server_and_a_port_too(tmp_path: Path) -> None:
    async with Server(tmp_path) as server, Client(server) as client:
        await client.ready()
        port = server.url.rpartition(":")[2]
        line = await refusal("--data", str(server.data), "--port", str(free_port()))
        assert str(server.data) in line
        assert "in use by another Offhook process" in line
        line = await refusal("--data", str(tmp_path / "other"), "--port", port)
        assert f"port {port} (Address already in use)" in line
        assert "--port" in line


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("port", "abc", ["port", "'abc'", "OFFHOOK_PORT"]),
        ("port", "70000", ["port", "'70000'", "65535"]),
        ("bootstrap_key", "short", ["bootstrap_key", "at least 32", "OFFHOOK_BOOTSTRAP_KEY"]),
        ("allow_targets", "10.0.0.0/8,banana", ["allow_targets", "'banana'", "10.0.0.0/8"]),
        ("allow_http", "maybe", ["allow_http", "'maybe'", "OFFHOOK_ALLOW_HTTP"]),
        ("log_level", "loud", ["log_level", "'loud'", "'warning'"]),
        ("host", "nowhere.invalid", ["nowhere.invalid", "--host"]),
    ],
)
async def test_a_setting_that_cannot_be_is_named_with_its_value_and_the_remedy(
    tmp_path: Path, setting: str, value: str, said: list[str]
) -> None:
    line = await refusal("--data", str(tmp_path), **{setting: value})
    for part in said:
        assert part in line


async def test_the_bootstrap_key_is_not_repeated(tmp_path: Path) -> None:
    assert "too-short-a-key" not in await refusal(bootstrap_key="too-short-a-key")


async def test_an_unknown_key_in_the_file_is_refused_with_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "offhook.toml").write_text("prot = 8080\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        line = await refusal()
    assert "prot" in line
    assert "port" in line.partition("the settings are")[2]


async def write_database(folder: Path) -> Path:
    async with Server(folder) as server, Client(server) as client:
        await client.post(*"abc")
        assert await server.stop() == 0
    return server.data / "offhook.db"


async def test_a_database_of_a_newer_release_is_left_alone(tmp_path: Path) -> None:
    database = await write_database(tmp_path)
    opened = apsw.Connection(str(database))
    opened.execute("UPDATE schema_version SET version = version + 900")
    opened.close()
    line = await refusal("--data", str(database.parent))
    assert "newer Offhook" in line
    assert "upgrade" in line


@pytest.mark.parametrize("damage", ["overwritten", "cut short", "a folder"])
async def test_a_damaged_database_is_named(tmp_path: Path, damage: str) -> None:
    database = await write_database(tmp_path)
    content = database.read_bytes()
    if damage == "overwritten":
        database.write_bytes(b"\xff" * len(content))
    elif damage == "cut short":
        database.write_bytes(content[: len(content) // 3])
    else:
        database.unlink()
        database.mkdir()
    line = await refusal("--data", str(database.parent))
    assert str(database) in line
    assert "backup" in line


async def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.touch()
    for folder in (taken, taken / "inside"):
        line = await refusal("--data", str(folder))
        assert str(folder) in line
        assert "--data" in line


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
async def test_a_folder_without_the_right_to_write_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        line = await refusal("--data", str(tmp_path))
    finally:
        tmp_path.chmod(0o700)
    assert str(tmp_path) in line
    assert "Permission denied" in line
