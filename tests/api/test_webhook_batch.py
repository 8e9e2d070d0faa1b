"""Many webhooks in one request: each item as it would be alone, in order."""

from typing import Any

from conftest import BOB, READER, Served
from offhook.api.bodies import MAX_ITEMS

PATH = "/v1/webhooks/batch"
DOCUMENT = {"url": "https://example.com/hook", "events": ["*"]}


async def ran(api: Served, *items: Any) -> list[dict[str, Any]]:
    answer = await api.post(PATH, {"items": items})
    assert answer.status_code == 200, answer.text
    fared: list[dict[str, Any]] = answer.json()["items"]
    assert len(fared) == len(items)
    return fared


async def test_each_item_is_answered_as_it_would_be_alone(api: Served) -> None:
    first, second = [await api.webhook() for _ in range(2)]
    made, changed, deleted = await ran(
        api,
        {"method": "POST", "body": {**DOCUMENT, "external_id": "crm"}},
        {"method": "PATCH", "id": first["id"], "body": {"description": "new"}},
        {"method": "DELETE", "id": second["id"]},
    )
    assert made.keys() == {"status", "id", "body"}
    alone = (await api.get(f"/v1/webhooks/{made['id']}")).json()
    secret = (await api.get(f"/v1/webhooks/{made['id']}/secret")).json()["secret"]
    assert (made["status"], made["body"]) == (201, {**alone, "warnings": [], "secret": secret})
    assert (changed["status"], changed["id"], changed["body"]["revision"]) == (200, first["id"], 2)
    assert changed["body"]["description"] == "new"
    assert "secret" not in changed["body"]
    assert deleted == {"status": 204, "id": second["id"]}
    assert (await api.get(f"/v1/webhooks/{second['id']}")).status_code == 404


async def test_one_bad_item_spoils_no_other_and_is_named_by_its_place(api: Served) -> None:
    foreign = await api.webhook(key=BOB)
    bad = (
        ("text", 422, "body.items.0"),
        ({"method": "PUT", "id": "wh_1", "body": {}}, 422, "body.items.1.method"),
        ({"method": "POST", "id": "wh_1", "body": DOCUMENT}, 422, "body.items.2"),
        ({"method": "PATCH", "id": "wh_1"}, 422, "body.items.3"),
        (
            {"method": "POST", "body": {**DOCUMENT, "timeout_s": 61}},
            422,
            "body.items.4.body.timeout_s",
        ),
        (
            {"method": "POST", "body": {**DOCUMENT, "url": "https://inside.example/"}},
            422,
            "body.items.5.body.url",
        ),
        (
            {"method": "POST", "body": {**DOCUMENT, "headers": {"Host": "x"}}},
            422,
            "body.items.6.body.headers.Host",
        ),
        (
            {"method": "PATCH", "id": foreign["id"], "body": {"enabled": False}},
            404,
            "body.items.7.id",
        ),
        ({"method": "DELETE", "id": foreign["id"]}, 404, "body.items.8.id"),
    )
    good = {"method": "POST", "body": DOCUMENT}
    *refused, kept = await ran(api, *(item for item, _, _ in bad), good)
    for fared, (_, status, path) in zip(refused, bad, strict=True):
        assert fared.keys() == {"status", "error"}
        problem = fared["error"]
        assert (fared["status"], problem["status"]) == (status, status)
        assert [error["path"] for error in problem["errors"]] == [path]
    assert kept["status"] == 201
    [listed] = (await api.get("/v1/webhooks")).json()["data"]
    assert listed["id"] == kept["id"]


async def test_an_item_sees_what_those_before_it_did(api: Served) -> None:
    named = {"method": "POST", "body": {**DOCUMENT, "external_id": "crm"}}
    first, second = await ran(api, named, named)
    assert (first["status"], second["status"], second["error"]["code"]) == (201, 409, "conflict")


async def test_a_batch_of_nothing_or_of_too_much_is_refused(api: Served) -> None:
    for count in (0, MAX_ITEMS + 1):
        answer = await api.post(PATH, {"items": [{"method": "DELETE", "id": "wh_1"}] * count})
        assert (answer.status_code, answer.json()["code"]) == (422, "batch_size")
    assert (await api.post(PATH, {"items": {}})).json()["errors"][0]["path"] == "body.items"
    assert (await api.post(PATH, {"items": []}, key=READER)).status_code == 403


async def test_a_batch_may_be_larger_than_a_single_request(api: Served) -> None:
    item = {"method": "POST", "body": {**DOCUMENT, "description": "x" * 20_000}}
    fared = await ran(api, *[item] * 60)
    assert {it["status"] for it in fared} == {422}
    large = b'{"items":["' + b"x" * (16 << 20) + b'"]}'
    answer = await api.send("POST", PATH, content=large)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
