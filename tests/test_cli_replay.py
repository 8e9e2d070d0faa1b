"""``offhook replay`` against a server in a process of its own."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from offhook.demo.processes import clean_environment
from offhook.testing.servers.ports import free_port

KEY = "ofh_live_" + "k" * 40


class Server:
    """A server, and the command beside it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def request(self, method: str, path: str, body: object = None) -> Any:
        asked = urllib.request.Request(
            f"{self.url}{path}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {KEY}"},
            method=method,
        )
        with urllib.request.urlopen(asked) as answer:
            return json.loads(answer.read() or b"null")

    def replay(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        environment = {"OFFHOOK_URL": self.url, "OFFHOOK_KEY": KEY, **settings}
        return subprocess.run(
            [sys.executable, "-m", "offhook", "replay", *arguments],
            env=clean_environment(environment),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    url = f"http://127.0.0.1:{port}"
    command = (sys.executable, "-m", "offhook", "serve", "--port", str(port))
    settings = clean_environment(
        {
            "OFFHOOK_BOOTSTRAP_KEY": KEY,
            "OFFHOOK_ALLOW_HTTP": "1",
            "OFFHOOK_ALLOW_TARGETS": "127.0.0.0/8",
        }
    )
    with subprocess.Popen(command, cwd=folder, env=settings, stdout=subprocess.DEVNULL) as process:
        try:
            _wait_until_ready(url)
            yield Server(url)
        finally:
            process.terminate()


@pytest.fixture
def webhook(server: Server, tmp_path: Path) -> str:
    """One that nobody listens for."""
    document = {
        "url": f"http://127.0.0.1:{free_port()}/",
        "events": ["*"],
        "retry": {"delays_s": [0], "statuses": [503]},
    }
    made: str = server.request("POST", "/v1/webhooks", document)["id"]
    return made


def _wait_until_ready(url: str) -> None:
    until = time.monotonic() + 120
    while True:
        try:
            urllib.request.urlopen(f"{url}/readyz").close()
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.05)
        else:
            return


def test_it_waits_for_the_end_and_tells_what_came_of_it(server: Server, webhook: str) -> None:
    ran = server.replay(webhook, "--only", "failed")
    assert ran.returncode == 0, ran.stderr
    assert "completed: 0 sent again, 0 accepted" in ran.stdout
    assert ran.stderr == ""


def test_it_tells_it_as_json(server: Server, webhook: str) -> None:
    ran = server.replay(webhook, "--json", "--rate", "5", "--type", "call.*", "--no-wait")
    told = json.loads(ran.stdout)
    assert (told["webhook_id"], told["only"]) == (webhook, "undelivered")
    kept = server.request("GET", f"/v1/replays/{told['id']}")
    assert (kept["types"], kept["rate_per_s"]) == (["call.*"], 5.0)


def test_what_fails_again_is_a_failure(server: Server, webhook: str) -> None:
    server.request("POST", "/v1/events", {"type": "custom.step", "key": "k", "data": {}})
    path = f"/v1/deliveries?webhook_id={webhook}&status=failed"
    until = time.monotonic() + 120
    while not server.request("GET", path)["data"]:
        assert time.monotonic() < until
        time.sleep(0.05)
    ran = server.replay(webhook, "--only", "failed")
    assert ran.returncode == 1
    assert "1 sent again, 0 accepted, 1 failed" in ran.stdout


@pytest.mark.parametrize(
    ("arguments", "settings", "told"),
    [
        (("wh_none",), {}, "There is no webhook 'wh_none'"),
        (("../x",), {}, "There is nothing at /v1/webhooks/../x/replay"),
        (("{webhook}", "--only", "some"), {}, "answered 422: body.only"),
        (("{webhook}", "--since", "then"), {}, "body.since"),
        (("{webhook}",), {"OFFHOOK_KEY": "ofh_live_" + "x" * 40}, "key"),
        (("{webhook}",), {"OFFHOOK_KEY": KEY + "\r"}, "a line break"),
        (("{webhook}",), {"OFFHOOK_URL": "http://127.0.0.1:9"}, "cannot be reached"),
        (("{webhook}",), {"OFFHOOK_URL": "nowhere"}, "is no URL of a server"),
    ],
)
def test_what_cannot_be_is_one_clear_line(
    server: Server, webhook: str, arguments: tuple[str, ...], settings: dict[str, str], told: str
) -> None:
    ran = server.replay(*(it.format(webhook=webhook) for it in arguments), **settings)
    assert (ran.returncode, ran.stdout) == (1, "")
    [line] = ran.stderr.splitlines()
    assert line.startswith("offhook: ")
    assert line.count(told) == 1


@pytest.mark.parametrize("rate", ["0", "nan", "inf"])
def test_a_rate_that_is_none_is_refused_by_its_option(server: Server, rate: str) -> None:
    ran = server.replay("wh_none", "--rate", rate)
    assert ran.returncode == 2
    assert "'--rate'" in ran.stderr
