"""Refusals speak of JSON, as who wrote the request does, and answers with secrets are kept by
nothing on the way."""

import pytest

from conftest import Served

HOOK = {"url": "https://example.com/hook", "events": ["*"]}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"url": None}, "input should be a valid string, not null"),
        ({"timeout_s": True}, "input should be a valid number, not true"),
        ({"signing": None}, "input should be an object, not null"),
        ({"metadata": []}, "input should be an object, not []"),
        ({"events": []}, "list should have at least 1 item, not 0"),
    ],
)
async def test_a_value_is_named_as_it_was_written(
    api: Served, fields: dict[str, object], message: str
) -> None:
    answer = await api.post("/v1/webhooks", {**HOOK, **fields})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"path": f"body.{next(iter(fields))}", "message": message}]


async def test_an_item_of_a_batch_that_is_no_object_is_told_to_be_one(api: Served) -> None:
    answer = await api.post("/v1/webhooks/batch", {"items": ["x"]})
    (error,) = answer.json()["items"][0]["error"]["errors"]
    assert error == {"path": "body.items.0", "message": "input should be an object, not 'x'"}


@pytest.mark.parametrize("secret", ["", "whsk_xx"])
async def test_without_a_signature_a_secret_must_still_be_one(api: Served, secret: str) -> None:
    body = {**HOOK, "signing": {"scheme": "none"}, "secret": secret}
    answer = await api.post("/v1/webhooks", body)
    assert answer.status_code == 422, answer.text
    assert [it["path"] for it in answer.json()["errors"]] == ["body.secret"]


async def test_nothing_on_the_way_keeps_an_answer_that_holds_a_secret(api: Served) -> None:
    made = await api.post("/v1/webhooks", HOOK)
    path = f"/v1/webhooks/{made.json()['id']}/secret"
    shown, rotated = await api.get(path), await api.post(f"{path}/rotate", {})
    put = await api.send("PUT", "/v1/webhooks/by-external-id/crm", json=HOOK)
    assert put.status_code == 201
    assert [it.headers["Cache-Control"] for it in (made, shown, rotated, put)] == ["no-store"] * 4
