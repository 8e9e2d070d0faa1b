"""What is undelivered, and having many tried again."""

from typing import Any

import pytest

from conftest import BOB, READER, Served


async def test_many_are_asked_to_be_tried_again_by_the_filters_of_the_list(api: Served) -> None:
    webhook = await api.webhook()
    for asked in (
        {},
        {"filter": {"webhook_id": webhook["id"], "status": "failed"}},
        {"webhook_id": webhook["id"], "type": "call.missed", "event_key": "call_1"},
        {"status": "undelivered", "since": "2026-01-01T00:00:00Z"},
    ):
        answer = await api.post("/v1/deliveries/retry", asked)
        assert (answer.status_code, answer.json()) == (202, {"requested": 0, "more": False})


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ({"status": "delivered"}, "body.status"),
        ({"type": "no.such"}, "body.type"),
        ({"since": "now"}, "body.since"),
        ({"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "body.until"),
        ({"webhook": "wh_1"}, "body.webhook"),
        ({"filter": {"webhook": "wh_1"}}, "body.filter.webhook"),
        ({"filter": {"status": "x"}}, "body.filter.status"),
        ({"filter": {"type": "no.such"}}, "body.filter.type"),
        ({"filter": {}, "status": "failed"}, "body"),
        ({"filter": []}, "body.filter"),
        ({"filter": None}, "body.filter"),
    ],
)
async def test_bad_filters_are_named(api: Served, asked: dict[str, Any], path: str) -> None:
    answer = await api.post("/v1/deliveries/retry", asked)
    assert answer.status_code == 422
    assert [error["path"] for error in answer.json()["errors"]] == [path]


async def test_a_webhook_that_is_disabled_or_anothers_is_refused(api: Served) -> None:
    webhook = await api.webhook(enabled=False)
    asked = {"webhook_id": webhook["id"]}
    answer = await api.post("/v1/deliveries/retry", asked)
    assert (answer.status_code, answer.json()["code"]) == (409, "endpoint_disabled")
    assert (await api.post("/v1/deliveries/retry", asked, key=BOB)).status_code == 404
    assert (await api.post("/v1/deliveries/retry", {}, key=READER)).status_code == 403


async def test_the_list_takes_a_window_and_all_that_is_undelivered(api: Served) -> None:
    window = "since=2026-01-01T00:00:00Z&until=2026-01-02T00:00:00Z"
    for status in ("undelivered", "pending", "unknown"):
        answer = await api.get(f"/v1/deliveries?status={status}&{window}")
        assert (answer.status_code, answer.json()["data"]) == (200, [])
    swapped = await api.get("/v1/deliveries?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z")
    assert swapped.json()["errors"][0]["path"] == "query.until"
