"""What was asked for is what is done: nothing given twice, empty or misspelt is quietly passed
over."""

import pytest

from conftest import Served


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/deliveries?status=pending&status=failed", "status"),
        ("/v1/deliveries?type=call.started&type=call.ended", "type"),
        ("/v1/webhooks?limit=1&limit=2", "limit"),
        ("/v1/replays?webhook_id=wh_a&webhook_id=wh_b", "webhook_id"),
        ("/v1/calls?status=ended&status=ringing", "status"),
        ("/v1/events?key=a&key=b&type=call.started&type=call.ended", "key"),
        ("/v1/stream?key=a&key=b&types=call.started&types=call.ended", "key"),
    ],
)
async def test_a_parameter_that_is_given_twice_is_refused(
    api: Served, path: str, field: str
) -> None:
    answer = await api.get(path)
    assert answer.status_code == 422, answer.text
    assert [it["path"] for it in answer.json()["errors"]] == [f"query.{field}"]


async def test_a_list_may_be_given_one_by_one(api: Served) -> None:
    await api.event()
    answer = await api.get("/v1/events?type=call.started&type=call.ended")
    assert len(answer.json()["data"]) == 1


@pytest.mark.parametrize(
    "path",
    [
        "/v1/deliveries?webhook_id=",
        "/v1/deliveries?event_id=",
        "/v1/deliveries?type=",
        "/v1/deliveries?event_key=",
        "/v1/replays?webhook_id=",
        "/v1/events?key=",
        "/v1/stream?key=",
    ],
)
async def test_an_empty_parameter_is_no_request_for_all(api: Served, path: str) -> None:
    answer = await api.get(path)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


@pytest.mark.parametrize("field", ["webhook_id", "event_id", "type", "event_key"])
async def test_an_empty_filter_does_not_retry_everything(api: Served, field: str) -> None:
    for body, path in (
        ({field: ""}, f"body.{field}"),
        ({"filter": {field: ""}}, f"body.filter.{field}"),
    ):
        answer = await api.post("/v1/deliveries/retry", body)
        assert answer.status_code == 422
        assert [it["path"] for it in answer.json()["errors"]] == [path]


@pytest.mark.parametrize(
    ("patch", "path"),
    [
        ({"time_out_s": None}, "body.time_out_s"),
        ({"secret": None}, "body.secret"),
        ({"signing": {"skheme": None}}, "body.signing.skheme"),
        ({"retry": {"delay_s": None}}, "body.retry.delay_s"),
    ],
)
async def test_a_misspelt_field_is_refused_also_where_it_is_to_be_null(
    api: Served, patch: dict[str, object], path: str
) -> None:
    made = await api.webhook()
    answer = await api.send("PATCH", f"/v1/webhooks/{made['id']}", json=patch)
    assert answer.status_code == 422
    assert [it["path"] for it in answer.json()["errors"]] == [path]
