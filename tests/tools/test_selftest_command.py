"""``offhook selftest`` against a running server: what it proves, what it says when not, and that
it leaves nothing behind."""

import json
import signal
import time
from collections.abc import Iterator
from urllib.request import Request, urlopen

import pytest
from command_line import OPEN, LocalEndpoint, Received, Run, ServerProcess, Start

from offhook.testing.servers.ports import free_port

STEPS = ["webhook", "post", "delivered", "verified"]


@pytest.fixture(autouse=True)
def nothing_left_behind(server: ServerProcess) -> Iterator[None]:
    """Whatever happens."""
    yield
    left = server.webhooks()
    for each in left:
        server.ask("DELETE", f"/v1/webhooks/{each['id']}")
    assert [each["description"] for each in left if "selftest" in (each["description"] or "")] == []


@pytest.fixture
def downstream(server: ServerProcess, endpoint: LocalEndpoint) -> LocalEndpoint:
    """What a test webhook leads to: its page shows all that came."""
    webhook = {"url": endpoint.url, "events": ["call.*", "custom.*"], "test": True}
    server.ask("POST", "/v1/webhooks", webhook)
    return endpoint


def test_all_is_well(run: Run) -> None:
    ran = run("selftest", "--timeout", "60")
    assert (ran.code, ran.err) == (0, "")
    [line] = ran.out.splitlines()
    assert line.startswith("selftest passed: webhook ")


def test_all_is_well_over_postgresql(
    run: Run, postgres18_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = OPEN | {"OFFHOOK_DATABASE": postgres18_url}
    over = ServerProcess(tmp_path_factory.mktemp("over"), settings)
    over.start()
    try:
        assert run("selftest", "--type", "call.missed", "--timeout", "60", url=over.url).code == 0
        assert over.webhooks() == []
    finally:
        over.kill()


@pytest.mark.parametrize("type_", ["custom.offhook.selftest", "call.missed", "call.updated"])
def test_the_effect_is_seen_where_it_shows(run: Run, downstream: LocalEndpoint, type_: str) -> None:
    page = f"{downstream.url}/search?q={{marker}}"
    ran = run("selftest", "--type", type_, "--expect", page, "--json", "--timeout", "60")
    told = json.loads(ran.out)
    assert (ran.code, told["passed"]) == (0, True)
    assert [each["step"] for each in told["steps"]] == [*STEPS, "effect"]
    assert told["marker"].encode() in downstream.page


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--contains", "no such text {event_id}"), "without 'no such text evt_"),
        (("--expect", "http://127.0.0.1:9/"), "it gave no answer"),
    ],
)
def test_an_effect_that_does_not_show_in_time(
    run: Run, downstream: LocalEndpoint, options: tuple[str, ...], told: str
) -> None:
    ran = run("selftest", "--expect", downstream.url, *options, "--timeout", "8")
    assert ran.complaint.startswith("offhook: selftest failed at effect: ")
    assert told in ran.complaint


def test_what_does_not_arrive_is_explained_by_the_server(run: Run) -> None:
    ran = run("selftest", "--public-url", "http://127.0.0.1:9/", "--timeout", "8", "--json")
    told = json.loads(ran.out)
    assert (ran.code, told["failed_at"]) == (1, "delivered")
    assert "the server says of the delivery: " in told["steps"][-1]["problem"]
    assert ", connect: " in told["steps"][-1]["problem"]


def passed_on(port: int, received: Received) -> None:
    """Posts to the receiver of the command what came elsewhere."""
    signed = {name: it for name, it in received.headers.items() if name.startswith("webhook-")}
    urlopen(Request(f"http://127.0.0.1:{port}", received.body, signed)).close()


def test_a_body_altered_on_the_way_is_proved(start: Start, endpoint: LocalEndpoint) -> None:
    port = free_port()
    command = start(
        "selftest",
        *("--listen", f"127.0.0.1:{port}", "--public-url", endpoint.url, "--timeout", "60"),
    )
    received = endpoint.next()
    passed_on(port, Received(received.path, received.headers, received.body + b"\n"))
    ran = command.wait()
    assert ran.complaint.startswith("offhook: selftest failed at verified: ")
    assert "a line break was put at its end" in ran.complaint


def test_what_others_post_to_the_address_is_passed_over(
    start: Start, endpoint: LocalEndpoint
) -> None:
    """Whoever scans for open ports must not make the test fail."""
    port = free_port()
    command = start(
        *("selftest", "--listen", f"127.0.0.1:{port}"),
        *("--public-url", endpoint.url, "--timeout", "60"),
    )
    delivered = endpoint.next()
    for headers in ({}, {"webhook-id": "evt_none"}, {"webhook-signature": "v1,AAAA"}):
        passed_on(port, Received("/", headers, b"GET / HTTP/1.1"))
    passed_on(port, delivered)
    ran = command.wait()
    assert ran.code == 0, ran.err
    assert "verified" in ran.out


def test_a_request_without_the_events_id_is_not_taken_for_it(
    start: Start, endpoint: LocalEndpoint
) -> None:
    port = free_port()
    command = start(
        *("selftest", "--listen", f"127.0.0.1:{port}"),
        *("--public-url", endpoint.url, "--timeout", "10"),
    )
    delivered = endpoint.next()
    dropped = {name: it for name, it in delivered.headers.items() if name != "webhook-id"}
    passed_on(port, Received("/", dropped, delivered.body))
    complaint = command.wait().complaint
    assert "none of the 1 requests that came has the event's id as webhook-id" in complaint


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_takes_its_webhook_away(
    server: ServerProcess, start: Start, endpoint: LocalEndpoint, number: int
) -> None:
    command = start("selftest", "--public-url", endpoint.url, "--timeout", "60")
    endpoint.next()
    assert len(server.webhooks()) == 1
    assert command.stop(number).code == 130
    assert server.webhooks() == []


def test_what_a_killed_run_left_is_taken_away_by_a_later_one(
    run: Run, server: ServerProcess, start: Start, endpoint: LocalEndpoint
) -> None:
    command = start("selftest", "--public-url", endpoint.url, "--timeout", "60")
    endpoint.next()
    command.stop(signal.SIGKILL)
    [left] = server.webhooks()
    assert run("selftest", "--timeout", "60").code == 0
    assert [each["id"] for each in server.webhooks()] == [left["id"]], "it may still be running"
    past = f"{time.time() - 1:.0f}"
    change = {"metadata": {"offhook_selftest_until_s": past}}
    server.ask("PATCH", f"/v1/webhooks/{left['id']}", change)
    assert run("selftest", "--timeout", "60").code == 0
    assert server.webhooks() == []


def test_a_server_that_may_not_send_to_this_machine_says_what_helps(
    run: Run, tmp_path_factory: pytest.TempPathFactory
) -> None:
    guarded = ServerProcess(tmp_path_factory.mktemp("guarded"), {})
    guarded.start()
    try:
        ran = run("selftest", url=guarded.url)
    finally:
        guarded.kill()
    assert ran.complaint.startswith("offhook: selftest failed at webhook: ")
    for helps in ("OFFHOOK_ALLOW_HTTP=1", "--public-url"):
        assert helps in ran.complaint


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--key", "ofh_live_" + "k" * 40), "ofh_test_"),
        (("--key", "ofh_test_unknown"), "failed at webhook"),
        (("--url", "http://127.0.0.1:9"), "failed at webhook"),
        (("--type", "contact.created"), "call.* or custom.*"),
        (("--listen", "9000"), "--listen '9000' is no address"),
        (("--expect", "file:///etc/passwd"), "--expect 'file:///etc/passwd'"),
    ],
)
def test_what_is_in_the_way_is_one_clear_line(
    run: Run, options: tuple[str, ...], told: str
) -> None:
    assert told in run("selftest", *options).complaint


@pytest.mark.parametrize("timeout", ["0", "nan", "inf", "1e12"])
def test_a_timeout_that_is_none_is_refused_by_its_option(run: Run, timeout: str) -> None:
    ran = run("selftest", "--timeout", timeout)
    assert ran.code == 2
    assert "'--timeout'" in ran.err
