"""``offhook trigger`` against a running server: every type happens, as a test, and nothing live."""

import json
from pathlib import Path

import pytest
from command_line import LocalEndpoint, Run, ServerProcess

from offhook.model.catalogue import CATALOGUE

POSTABLE = [name for name, entry in CATALOGUE.items() if entry.postable]
LIVE_KEY = "ofh_live_" + "k" * 40


@pytest.mark.parametrize("type_", [*POSTABLE, "custom.my.own"])
def test_every_type_that_may_be_posted_happens_as_a_test(
    run: Run, server: ServerProcess, type_: str
) -> None:
    told = json.loads(run("trigger", type_, "--json").out)
    event = server.ask("GET", f"/v1/events/{told['id']}")
    assert (event["type"], event["test"], told["type"]) == (type_, True, type_)


def test_a_call_happens_now_and_is_another_one_each_time(run: Run, server: ServerProcess) -> None:
    first, second = (json.loads(run("trigger", "Call Missed", "--json").out) for _ in range(2))
    assert first["key"] != second["key"]
    event = server.ask("GET", f"/v1/events/{first['id']}")
    assert event["data"]["occurred_at"][:13] == event["created"][:13]
    assert event["data"]["historical"] is False


def test_fields_given_stand_in_place_of_the_examples(run: Run, server: ServerProcess) -> None:
    Path("data.json").write_text('{"caller_id": "+12145550199", "queue": null}')
    told = json.loads(run("trigger", "call.abandoned", "--data", "@data.json", "--json").out)
    data = server.ask("GET", f"/v1/events/{told['id']}")["data"]
    assert (data["caller_id"], data["queue"]) == ("+12145550199", None)


def test_a_call_that_is_named_goes_on(run: Run) -> None:
    began = json.loads(run("trigger", "call.started", "--json").out)
    named = json.dumps({"call_id": began["key"]})
    ended = json.loads(run("trigger", "call.ended", "--data", named, "--json").out)
    assert ended["key"] == began["key"]
    assert "Nothing new" in run("trigger", "call.started", "--data", named).out


def test_it_says_how_to_see_where_it_went(run: Run, server: ServerProcess) -> None:
    ran = run("trigger", "message.received")
    [*_, curl] = ran.out.splitlines()
    path = curl.rsplit(server.url, 1)[1]
    assert ran.code == 0
    assert server.ask("GET", path)["data"] == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("webhook.failing",), "--webhook"),
        (("cal.missed",), "Did you mean call.missed?"),
        (("call.missed", "--data", "[1]"), "--data is no JSON object"),
        (("call.missed", "--data", "@nowhere"), "nowhere"),
        (("call.missed", "--data", '{"talk_s": "x"}'), "body.data.talk_s"),
        (("call.missed", "--url", "localhost:80"), "'localhost:80' is no URL"),
        (("call.missed", "--url", "http://127.0.0.1:9"), "cannot be reached"),
        (("call.missed", "--key", "ofh_test_unknown"), "401"),
        (("call.missed", "--key", LIVE_KEY), "ofh_test_"),
        (("call.missed", "--key", "ofh_test_read_from_a_file\r\n"), "a line break"),
        (("call.missed", "--webhook", "wh_none"), "wh_none"),
        (("call.missed", "--webhook", "wh_1", "--data", '{"a": 1}'), "leave --data out"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(
    run: Run, arguments: tuple[str, ...], told: str
) -> None:
    assert told in run("trigger", *arguments).complaint


@pytest.mark.parametrize(
    "command", ["trigger custom.a", "selftest", "listen --forward-to http://a"]
)
def test_what_is_no_server_is_told_from_one(
    run: Run, endpoint: LocalEndpoint, command: str
) -> None:
    assert "is the URL right?" in run(*command.split(), url=endpoint.url).complaint


def test_a_live_key_posts_nothing(run: Run, server: ServerProcess) -> None:
    cursor = server.ask("GET", "/v1/events?limit=200")["next_cursor"]
    assert run("trigger", "call.missed", key=LIVE_KEY).code == 1
    assert server.ask("GET", f"/v1/events?cursor={cursor}")["data"] == []


@pytest.mark.parametrize(("status", "code"), [(200, 0), (500, 1)])
def test_a_webhooks_button_sends_what_cannot_be_posted(
    run: Run, server: ServerProcess, endpoint: LocalEndpoint, status: int, code: int
) -> None:
    endpoint.statuses.append(status)
    made = server.ask("POST", "/v1/webhooks", {"url": endpoint.url, "events": ["webhook.*"]})
    ran = run("trigger", "webhook.failing", "--webhook", made["id"], "--json")
    assert json.loads(endpoint.next().body)["type"] == "webhook.failing"
    assert (ran.code, json.loads(ran.out)["status"]) == (code, status)
