"""Replays: asked for, looked at, canceled."""

from typing import Any

import pytest

from conftest import BOB, POSTER, READER, Served


async def test_a_replay_is_a_job_that_can_be_looked_at_and_canceled(api: Served) -> None:
    webhook = await api.webhook()
    await api.event()
    answer = await api.post(f"/v1/webhooks/{webhook['id']}/replay", {"only": "all"})
    assert answer.status_code == 202
    made = answer.json()
    assert made["id"].startswith("rpl_")
    assert answer.headers["Location"] == f"/v1/replays/{made['id']}"
    assert made | {"id": "", "created_at": "", "updated_at": ""} == {
        "id": "",
        "webhook_id": webhook["id"],
        "state": "running",
        "only": "all",
        "since": None,
        "until": None,
        "types": None,
        "rate_per_s": 100.0,
        "counts": {"matched": 0, "accepted": 0, "failed": 0, "waiting": 0, "hurried": 0},
        "progress": 0.0,
        "created_at": "",
        "updated_at": "",
        "ended_at": None,
        "reason": None,
    }
    assert (await api.get(f"/v1/replays/{made['id']}")).json() == made
    listed = (await api.get(f"/v1/replays?webhook_id={webhook['id']}")).json()
    assert listed == {"data": [made], "next_cursor": None}
    assert (await api.get("/v1/replays?webhook_id=wh_other")).json()["data"] == []
    gone = await api.send("DELETE", f"/v1/replays/{made['id']}")
    assert (gone.status_code, gone.content) == (204, b"")
    canceled = (await api.get(f"/v1/replays/{made['id']}")).json()
    assert (canceled["state"], canceled["reason"]) == ("canceled", "it was canceled")
    assert canceled["ended_at"] is not None
    assert canceled["updated_at"] == canceled["ended_at"]
    again = await api.send("DELETE", f"/v1/replays/{made['id']}")
    assert again.status_code == 204
    assert (await api.get(f"/v1/replays/{made['id']}")).json() == canceled


async def test_what_is_asked_for_is_kept_as_it_was_meant(api: Served) -> None:
    webhook = await api.webhook()
    asked = {
        "since": "2026-01-02T03:04:05+02:00",
        "until": "2026-01-03T00:00:00Z",
        "types": ["call.*", "call.missed"],
        "only": "failed",
        "rate_per_s": 2,
    }
    made = (await api.post(f"/v1/webhooks/{webhook['id']}/replay", asked)).json()
    assert made["since"] == "2026-01-02T01:04:05.000Z"
    assert made["until"] == "2026-01-03T00:00:00.000Z"
    assert made["types"] == ["call.*", "call.missed"]
    assert (made["only"], made["rate_per_s"]) == ("failed", 2.0)


async def test_without_a_body_it_is_what_was_not_delivered(api: Served) -> None:
    webhook = await api.webhook()
    answer = await api.send("POST", f"/v1/webhooks/{webhook['id']}/replay")
    assert (answer.status_code, answer.json()["only"]) == (202, "undelivered")


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ({"only": "some"}, "body.only"),
        ({"since": "yesterday"}, "body.since"),
        ({"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "body.until"),
        ({"types": []}, "body.types"),
        ({"types": ["call.missed", "no.such.type"]}, "body.types.1"),
        ({"rate_per_s": 0}, "body.rate_per_s"),
        ({"rate_per_s": 10_001}, "body.rate_per_s"),
        ({"rate_per_s": "5"}, "body.rate_per_s"),
        ({"form": 1}, "body.form"),
    ],
)
async def test_bad_input_is_named(api: Served, asked: dict[str, Any], path: str) -> None:
    webhook = await api.webhook()
    answer = await api.post(f"/v1/webhooks/{webhook['id']}/replay", asked)
    assert answer.status_code == 422
    assert [error["path"] for error in answer.json()["errors"]] == [path]
    assert (await api.get("/v1/replays")).json()["data"] == []


async def test_a_disabled_webhook_is_not_replayed_to(api: Served) -> None:
    webhook = await api.webhook(enabled=False)
    answer = await api.post(f"/v1/webhooks/{webhook['id']}/replay", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "endpoint_disabled")


async def test_a_webhook_has_no_more_than_so_many_running(api: Served) -> None:
    webhook = await api.webhook()
    await api.event()
    for _ in range(20):
        answer = await api.post(f"/v1/webhooks/{webhook['id']}/replay", {})
        assert answer.status_code == 202
    answer = await api.post(f"/v1/webhooks/{webhook['id']}/replay", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_replays")
    page = (await api.get("/v1/replays?limit=15")).json()
    rest = (await api.get(f"/v1/replays?limit=15&cursor={page['next_cursor']}")).json()
    assert (len(page["data"]), len(rest["data"]), rest["next_cursor"]) == (15, 5, None)


async def test_they_are_their_accounts_own(api: Served) -> None:
    webhook = await api.webhook()
    replay = (await api.post(f"/v1/webhooks/{webhook['id']}/replay", {})).json()["id"]
    assert (await api.post(f"/v1/webhooks/{webhook['id']}/replay", {}, key=BOB)).status_code == 404
    assert (await api.get("/v1/replays", key=BOB)).json()["data"] == []
    for method in ("GET", "DELETE"):
        answer = await api.send(method, f"/v1/replays/{replay}", key=BOB)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await api.get(f"/v1/replays/{replay}")).json()["state"] == "running"


async def test_it_takes_the_scope_that_webhooks_take(api: Served) -> None:
    webhook = await api.webhook()
    path = f"/v1/webhooks/{webhook['id']}/replay"
    assert (await api.post(path, {}, key=READER)).status_code == 403
    assert (await api.post(path, {}, key=POSTER)).status_code == 403
    assert (await api.get("/v1/replays", key=READER)).status_code == 200
