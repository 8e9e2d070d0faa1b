"""``offhook listen`` beside a running server: what is forwarded verifies, and nothing is missed."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import OPEN, Command, LocalEndpoint, Run, ServerProcess, Start

from offhook.signing import STANDARD, SignedRequest, explain
from offhook.signing.secret import make_secret

SECRET = make_secret(bytes(32))


class Listening:
    """A listen that has connected."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.opening = [command.line(), command.line()]

    def stop(self, number: int = signal.SIGINT) -> list[str]:
        """The summary."""
        ran = self.command.stop(number)
        assert ran.code == 0
        return ran.out.splitlines()


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server of the test's own, that it may kill."""
    folder = tmp_path / "mortal"
    folder.mkdir()
    process = ServerProcess(folder, OPEN)
    process.start()
    yield process
    process.kill()


def post(server: ServerProcess, type_: str, key: str, **data: object) -> Any:
    return server.ask("POST", "/v1/events", {"type": type_, "key": key, "data": data})["id"]


def forwarded(endpoint: LocalEndpoint) -> str:
    """The id of the next event that comes."""
    return str(json.loads(endpoint.next().body)["id"])


def test_what_is_forwarded_is_what_a_webhook_gets(
    server: ServerProcess, start: Start, endpoint: LocalEndpoint
) -> None:
    webhook = {"url": f"{endpoint.url}/webhook", "events": ["custom.*"], "test": True}
    made = server.ask("POST", "/v1/webhooks", webhook | {"secret": SECRET})
    command = start("listen", "--forward-to", f"{endpoint.url}/local", "--secret", SECRET)
    listening = Listening(command)
    id_ = post(server, "custom.a", "k", text="é\n")
    came = {it.path: it for it in (endpoint.next(), endpoint.next())}
    server.ask("DELETE", f"/v1/webhooks/{made['id']}")
    local, delivered = came["/local"], came["/webhook"]
    assert local.body == delivered.body
    own = ("host", "content-length", "webhook-timestamp", "webhook-signature")
    assert {k: v for k, v in local.headers.items() if k not in own} == {
        k: v for k, v in delivered.headers.items() if k not in own
    }
    now_s = int(local.headers["webhook-timestamp"])
    found = explain(STANDARD, (SECRET,), SignedRequest(local.headers, local.body), now_s=now_s)
    assert found.valid
    line = command.line()
    assert f"custom.a  {id_}  200  " in line
    assert SECRET in listening.opening[1]
    assert "1 events accepted, 0 not." in listening.stop()


def test_types_and_the_key_are_chosen(
    server: ServerProcess, start: Start, endpoint: LocalEndpoint
) -> None:
    options = ("--types", "custom.a,custom.b", "--types", "call.*", "--event-key", "wanted")
    Listening(start("listen", "--forward-to", endpoint.url, *options))
    post(server, "custom.a", "other")
    post(server, "custom.c", "wanted")
    wanted = post(server, "custom.b", "wanted")
    assert forwarded(endpoint) == wanted


@pytest.mark.slow
def test_a_killed_server_that_comes_back_is_gone_on_with(
    mortal: ServerProcess, start: Start, endpoint: LocalEndpoint
) -> None:
    command = start("listen", "--forward-to", endpoint.url, url=mortal.url)
    listening = Listening(command)
    ids = [post(mortal, "custom.a", "k", n=0)]
    assert forwarded(endpoint) == ids[0]
    mortal.kill()
    mortal.start()
    ids += [post(mortal, "custom.a", "k", n=n) for n in range(1, 4)]
    assert [forwarded(endpoint) for _ in range(3)] == ids[1:]
    for _ in ids:
        command.line()
    assert "4 events accepted, 0 not." in listening.stop(signal.SIGTERM)


def test_the_cursor_of_the_summary_goes_on_with_what_was_missed(
    server: ServerProcess, start: Start, endpoint: LocalEndpoint
) -> None:
    options = ("listen", "--forward-to", endpoint.url, "--event-key", "goes-on")
    first = Listening(start(*options))
    assert post(server, "custom.a", "goes-on") == forwarded(endpoint)
    first.command.line()
    [*_, last] = first.stop()
    missed = post(server, "custom.a", "goes-on")
    Listening(start(*options, "--since", last.rsplit(" ", 1)[1]))
    assert forwarded(endpoint) == missed


def test_json_for_programs(server: ServerProcess, start: Start, endpoint: LocalEndpoint) -> None:
    endpoint.statuses.append(500)
    command = start("listen", "--forward-to", endpoint.url, "--json", "--event-key", "json")
    opening = json.loads(command.line())
    id_ = post(server, "custom.a", "json")
    told = json.loads(command.line())
    summary = json.loads(command.stop(signal.SIGINT).out)
    assert set(opening) == {"forward_to", "secret"}
    assert (told["id"], told["accepted"], told["status"], told["attempts"]) == (id_, True, 200, 2)
    assert (summary["accepted"], summary["failed"], summary["unfinished"]) == (1, 0, 0)
    assert summary["cursor"] == told["cursor"]


def test_it_ends_quietly_once_nobody_reads_what_it_says(
    server: ServerProcess, start: Start, endpoint: LocalEndpoint
) -> None:
    command = start("listen", "--forward-to", endpoint.url, "--event-key", "unread")
    Listening(command)
    command.stop_reading()
    post(server, "custom.a", "unread")
    ran = command.wait()
    assert (ran.code, ran.err) == (1, "")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--key", "unknown"), "401"),
        (("--url", "http://127.0.0.1:9"), "cannot be reached"),
        (("--since", "nonsense"), "'nonsense' is not a cursor"),
        (("--types", "cal.*"), "cal.*"),
        (("--secret", "whsec_short"), "--secret is not base64"),
        (("--forward-to", "ftp://localhost/"), "--forward-to 'ftp://localhost/'"),
    ],
)
def test_what_is_in_the_way_is_one_clear_line(
    run: Run, options: tuple[str, ...], told: str
) -> None:
    assert told in run("listen", "--forward-to", "http://127.0.0.1:9", *options).complaint
