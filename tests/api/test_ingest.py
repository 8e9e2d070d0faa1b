"""Posting events: what each answer promises is what the feed then holds."""

import gzip
import json

import pytest

from conftest import ALICE_TEST, POSTER, READER, Served, call_event
from offhook.api.bodies import REQUEST_BYTES


async def test_an_accepted_event_is_in_the_feed_under_the_values_of_the_answer(api: Served) -> None:
    answer = await api.post("/v1/events", call_event(external_id="CA1", caller_id="+12145550123"))
    assert answer.status_code == 202
    told = answer.json()
    assert told.keys() == {"id", "type", "key", "sequence"}
    (event,) = (await api.get("/v1/events")).json()["data"]
    assert {field: event[field] for field in told} == told
    assert event["data"]["caller_id"] == "+12145550123"
    assert event["test"] is False


async def test_what_says_nothing_new_is_told_so_and_adds_nothing(api: Served) -> None:
    event = call_event(external_id="CA1")
    first = (await api.post("/v1/events", event)).json()
    again = await api.post("/v1/events", event)
    assert again.status_code == 200
    assert again.json() == {**first, "changed": False}
    assert len((await api.get("/v1/events")).json()["data"]) == 1


async def test_the_same_id_again_is_the_same_event(api: Served) -> None:
    event = {"type": "custom.note", "id": "note-1", "data": {"text": "hello"}}
    first = await api.post("/v1/events", event)
    again = await api.post("/v1/events", event)
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json() == first.json()
    assert first.json()["id"] == "note-1"


async def test_the_same_id_with_another_body_is_a_conflict(api: Served) -> None:
    await api.post("/v1/events", {"type": "custom.note", "id": "note-1", "data": {"text": "a"}})
    other = {"type": "custom.note", "id": "note-1", "data": {"text": "b"}}
    answer = await api.post("/v1/events", other)
    assert answer.status_code == 409
    assert answer.json()["code"] == "event_id_conflict"
    assert answer.json()["errors"][0]["path"] == "body.id"


async def test_an_alias_is_taken_as_its_type(api: Served) -> None:
    assert (await api.event(type="Call Initiated"))["type"] == "call.started"


async def test_what_a_test_key_posts_is_test(api: Served) -> None:
    told = await api.event(key=ALICE_TEST)
    assert (await api.get(f"/v1/events/{told['id']}")).json()["test"] is True


async def test_offhooks_own_types_cannot_be_posted(api: Served) -> None:
    answer = await api.post("/v1/events", {"type": "webhook.failing", "data": {}})
    assert (answer.status_code, answer.json()["code"]) == (403, "reserved_type")


async def test_posting_needs_the_scope_and_reading_another(api: Served) -> None:
    assert (await api.post("/v1/events", call_event(), key=POSTER)).status_code == 202
    assert (await api.post("/v1/events", call_event(), key=READER)).status_code == 403
    assert (await api.get("/v1/events", key=READER)).status_code == 200
    assert (await api.get("/v1/events", key=POSTER)).status_code == 403


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "text/plain", "application/json; x=y", ""]
)
async def test_the_body_is_json_whatever_it_is_called(api: Served, content_type: str) -> None:
    answer = await api.send(
        "POST",
        "/v1/events",
        content=json.dumps(call_event()).encode(),
        headers={"content-type": content_type},
    )
    assert answer.status_code == 202


async def test_every_item_of_a_batch_is_answered_for_itself_and_in_order(api: Served) -> None:
    items = [
        call_event(external_id="CA1"),
        {"type": "call.nonsense", "data": {}},
        call_event(external_id="CA1"),
        "not an event",
        {"type": "custom.note", "id": "n1", "data": {"a": 1}},
        {"type": "custom.note", "id": "n1", "data": {"a": 2}},
        {"type": "webhook.disabled", "data": {}},
        {"type": "custom.note", "data": {}, "nonsense": 1},
        call_event("call.ended", external_id="CA1"),
    ]
    answer = await api.post("/v1/events/batch", {"items": items})
    assert answer.status_code == 200
    told = answer.json()["items"]
    assert [item["status"] for item in told] == [202, 422, 200, 422, 202, 409, 403, 422, 202]
    assert told[1]["error"]["errors"][0]["path"] == "body.items.1.type"
    assert told[2] == {**told[0], "status": 200, "changed": False}
    assert told[5]["error"]["code"] == "event_id_conflict"
    assert told[6]["error"]["code"] == "reserved_type"
    assert told[7]["error"]["errors"][0]["path"] == "body.items.7.nonsense"
    assert len((await api.get("/v1/events")).json()["data"]) == 3


async def test_one_item_that_cannot_be_parsed_spoils_no_other(api: Served) -> None:
    first, last = (json.dumps(call_event()).encode() for _ in range(2))
    bad = [rb'{"type":"custom.a","data":{"x":"\u0000"}}', b"[" * 40 + b"]" * 40, b'"\xff"']
    answer = await api.send(
        "POST", "/v1/events/batch", content=b'{"items":[%b]}' % b",".join([first, *bad, last])
    )
    told = answer.json()["items"]
    assert [item["status"] for item in told] == [202, 400, 413, 400, 202]


@pytest.mark.parametrize("count", [0, 1001])
async def test_a_batch_holds_1_to_1000_items(api: Served, count: int) -> None:
    answer = await api.post("/v1/events/batch", {"items": [call_event()] * count})
    assert (answer.status_code, answer.json()["code"]) == (422, "batch_size")


async def test_a_batch_may_be_larger_than_a_request(api: Served) -> None:
    note = "x" * 8_000
    items = [{"type": "custom.note", "data": {"text": note, "n": n}} for n in range(200)]
    body = json.dumps({"items": items}).encode()
    assert len(body) > REQUEST_BYTES
    answer = await api.send("POST", "/v1/events/batch", content=body)
    assert [item["status"] for item in answer.json()["items"]] == [202] * 200


@pytest.mark.parametrize("body", [b"[]", b'{"items":{}}', b'{"items":[],"more":1}', b"{}"])
async def test_a_batch_of_another_shape_is_refused(api: Served, body: bytes) -> None:
    answer = await api.send("POST", "/v1/events/batch", content=body)
    assert answer.status_code == 422
    assert "items" in answer.json()["detail"]


async def test_a_compressed_body_is_told_from_json(api: Served) -> None:
    answer = await api.send("POST", "/v1/events", content=gzip.compress(b"{}"))
    assert answer.status_code == 400
