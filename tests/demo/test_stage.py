"""The stage: both processes come up on fresh ports, know each other, and are gone afterwards."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from offhook.delivery.document import NewWebhook
from offhook.demo import stage
from offhook.demo.client import Api, Control
from offhook.demo.database import DemoDatabase
from offhook.demo.errors import DemoFailed
from offhook.demo.receiver import SIGNING_KEY_VARIABLE
from offhook.demo.servers import servers_for
from offhook.demo.stage import stage_in
from offhook.signing.secret import make_secret
from offhook.testing.servers.ports import free_port

SECRET = make_secret(bytes(32))


def test_the_webhook_is_one_that_the_api_takes() -> None:
    made = NewWebhook.model_validate(stage._webhook("http://127.0.0.1:9/hook", SECRET))
    assert made.include_historical
    assert made.ordered
    assert made.secret == SECRET


def test_slow_answers_are_later_than_the_endpoint_waits(tmp_path: Path) -> None:
    command = stage._receiver(tmp_path, 1, SECRET, fail=0.1, seed=1)._command
    slow_s = float(command[command.index("--slow-s") + 1])
    assert slow_s > float(str(stage._webhook("", SECRET)["timeout_s"]))


def test_secrets_stand_in_no_command_line(tmp_path: Path) -> None:
    receiver = stage._receiver(tmp_path, 1, SECRET, fail=0.1, seed=1)
    assert SECRET not in " ".join(receiver._command)
    assert receiver._environment[SIGNING_KEY_VARIABLE] == SECRET
    database = DemoDatabase("postgresql://me:the-password@here/db", "here")
    for server in servers_for(tmp_path, "the-key", 2, database).all:
        said = " ".join(server.child._command)
        assert "the-key" not in said
        assert "the-password" not in said
        assert server.child._environment["OFFHOOK_BOOTSTRAP_KEY"] == "the-key"
        assert server.child._environment["OFFHOOK_DATABASE"] == database.url


async def test_an_event_posted_on_the_stage_arrives_at_the_receiver(tmp_path: Path) -> None:
    item = b'{"type":"custom.greeting","data":{"hello":"there"}}'
    async with stage_in(tmp_path, fail=0, seed=1) as here:
        await here.api.post_event(item)
        page = await here.api.feed(None)
        assert [event.type for event in page.data] == ["custom.greeting"]
        report = await here.control.expect([page.data[0].id])
        while report.missing:
            report = await here.control.expect()
        assert report.by_type == {"custom.greeting": 1}
        assert report.failed_on_purpose == 0
        urls = (here.api.url, here.control.url)
    for url in urls:
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.get(url)


async def test_a_server_that_cannot_start_is_told_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(DemoFailed, match="the server ended with exit code 1: offhook: "):
        async with stage_in(tmp_path, fail=0, seed=1):
            pass


def test_a_receiver_whose_port_is_taken_says_so_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, "-m", "offhook.demo.receiver", "--port", str(port)],
            env={**os.environ, SIGNING_KEY_VARIABLE: SECRET},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"cannot listen on port {port}: ")
    assert len(ended.stderr.splitlines()) == 1


async def test_a_key_that_is_not_known_is_told(tmp_path: Path) -> None:
    async with stage_in(tmp_path, fail=0, seed=1) as here, Api(here.api.url, "ofh_live_x") as api:
        with pytest.raises(DemoFailed, match="POST /v1/events was answered 401"):
            await api.post_event(b"{}")


async def test_waiting_for_what_never_comes_up_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offhook.demo.client._READY_AFTER_S", 0.01)
    async with Control(f"http://127.0.0.1:{free_port()}") as control:
        with pytest.raises(DemoFailed, match="was not ready within"):
            await control.ready("/tally")
