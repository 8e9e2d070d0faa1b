"""Whatever is wrong with a request, the answer names it and the remedy, and nothing is kept."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import Served
from offhook.api.problems import CODES

EVENT = {"source": "pbx", "external_id": "CA1"}


def event(**fields: Any) -> bytes:
    return json.dumps({"type": "call.started", "data": EVENT, **fields}).encode()


def call(**data: Any) -> bytes:
    return event(data={**EVENT, **data})


def nested(depth: int) -> bytes:
    inner = "[" * depth + "]" * depth
    return b'{"type":"custom.deep","data":{"x":%b}}' % inner.encode()


# body, status, code, the path of the first error, and a word of the value or the remedy.
BAD = {
    "empty": (b"", 400, "unreadable", "body", "empty"),
    "not JSON": (b"type=call.started", 400, "unreadable", "body", "line 1, column 1"),
    "cut short": (event()[:-1], 400, "unreadable", "body", "column"),
    "not UTF-8": (b'{"type":"custom.a\xff"}', 400, "unreadable", "body", "UTF-8"),
    "NUL": (rb'{"type":"custom.a","data":{"x":"\u0000"}}', 400, "unreadable", "body", "remove"),
    "lone surrogate": (
        rb'{"type":"custom.a","data":{"x":"\ud800"}}',
        400,
        "unreadable",
        "body",
        "",
    ),
    "a list": (b"[]", 422, "invalid", "body", "object"),
    "a number": (b"7", 422, "invalid", "body", "object"),
    "no type": (b'{"data":{}}', 422, "unknown_event_type", "body.type", "call.missed"),
    "type of a wrong type": (event(type=7), 422, "unknown_event_type", "body.type", "string"),
    "unknown type": (event(type="call.mised"), 422, "unknown_event_type", "body.type", "mised"),
    "reserved type": (event(type="webhook.failing"), 403, "reserved_type", "body.type", "custom."),
    "no data": (b'{"type":"call.started"}', 422, "invalid", "body.data", "missing"),
    "data of a wrong type": (event(data=[1]), 422, "invalid", "body.data", "object"),
    "unknown field": (event(colour="red"), 422, "invalid", "body.colour", "inside data"),
    "unknown field of a call": (call(colour="red"), 422, "invalid", "body.data.colour", "attrib"),
    "no identity": (event(data={}), 422, "invalid", "body.data.source", "external_id"),
    "unknown call": (
        event(data={"call_id": "call_" + "0" * 16}),
        422,
        "unknown_call",
        "body.data.call_id",
        "source and external_id",
    ),
    "bad time": (call(started_at="noon"), 422, "invalid", "body.data.started_at", "noon"),
    "bad money": (call(payout="12,50"), 422, "invalid", "body.data.payout", "12,50"),
    "bad direction": (call(direction="up"), 422, "invalid", "body.data.direction", "inbound"),
    "bad duration": (call(talk_s=-1), 422, "invalid", "body.data.talk_s", "-1"),
    "bad id": (event(id="a b"), 422, "invalid", "body.id", "a b"),
    "bad headers": (event(headers={"Host": "x"}), 422, "invalid", "body.headers.Host", "X-Env"),
    "two megabytes": (event(key="x" * (2 << 20)), 413, "too_large", "body", "1 MiB"),
    "large data": (
        json.dumps(
            {"type": "custom.a", "data": {str(n): "y" * (60 << 10) for n in range(5)}}
        ).encode(),
        413,
        "too_large",
        "body.data",
        "256 KiB",
    ),
    "deep": (nested(40), 413, "too_large", "body", "32"),
    "bottomless": (nested(200_000), 413, "too_large", "body", "32"),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_event_is_refused_by_its_field_and_leaves_nothing(
    api: Served, name: str
) -> None:
    body, status, code, path, told = BAD[name]
    await api.event()
    before = await api.everything()
    answer = await api.send("POST", "/v1/events", content=body)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), problem
    assert problem["errors"][0]["path"] == path
    assert told in problem["detail"] + problem["errors"][0]["message"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert await api.everything() == before


BREAKS_A_BATCH = {"empty", "not JSON", "cut short", "bottomless", "lone surrogate"}
"""Where these stand in a batch, the batch itself is no JSON."""


@pytest.mark.parametrize("name", [name for name in BAD if name not in BREAKS_A_BATCH])
async def test_the_same_in_a_batch_spoils_no_other_item(api: Served, name: str) -> None:
    body, status, code, path, _ = BAD[name]
    good = event(data={"source": "pbx", "external_id": "good"})
    answer = await api.send("POST", "/v1/events/batch", content=b'{"items":[%b,%b]}' % (body, good))
    bad, kept = answer.json()["items"]
    assert (bad["status"], bad["error"]["code"]) == (status, code)
    assert bad["error"]["errors"][0]["path"] == path.replace("body", "body.items.0", 1)
    assert kept["status"] == 202


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b'"', b"{}", b"null", b"[[]]"])
async def test_a_batch_that_is_none_leaves_nothing(api: Served, body: bytes) -> None:
    answer = await api.send("POST", "/v1/events/batch", content=body)
    assert 400 <= answer.status_code < 500
    assert (await api.get("/v1/events")).json()["data"] == []


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/webhooks"), ("PATCH", "/v1/webhooks/wh_1"), ("POST", "/v1/calls/search")],
)
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[" * 50 + b"]" * 50, 413),
        (b'{"description":"' + b"x" * (2 << 20) + b'"}', 413),
        (rb'{"description":"\u0000"}', 400),
        (b"[]", 422),
        (b'"text"', 422),
    ],
)
async def test_the_rest_of_the_api_keeps_the_same_bounds(
    api: Served, method: str, path: str, body: bytes, status: int
) -> None:
    answer = await api.send(method, path, content=body)
    assert answer.status_code == status
    assert answer.json()["errors"][0]["path"] == "body"


ODD = st.sampled_from(
    ["", "NULL", "call.missed", "Call Missed", "custom.a", "\u0000", "+12145550123", "-1", "1e999"]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | ODD | st.text(max_size=20)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ODD, inner, max_size=4),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    [
        *("call_id", "source", "external_id", "group", "direction", "outcome", "answered_by"),
        *("caller_id", "dialed_number", "started_at", "ended_at", "talk_s", "payout", "currency"),
        *("disposition", "tags", "location", "visitor", "attributes", "recording_urls", "media"),
        *("sip_code", "voicemail", "historical", "legs", "status", "notes", "nonsense"),
    ]
)
EVENTS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["call.started", "call.ended", "call.missed", "message.sent"])
        | VALUES,
        "data": st.dictionaries(FIELDS, VALUES, max_size=6).map(lambda data: {**EVENT, **data})
        | VALUES,
    },
    optional={"id": VALUES, "key": VALUES, "occurred_at": VALUES, "headers": VALUES, "x": VALUES},
)


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(posted=EVENTS | VALUES, garbage=st.none() | st.binary(max_size=60))
async def test_no_event_whatsoever_is_a_fault_of_the_server(
    api: Served, posted: object, garbage: bytes | None
) -> None:
    body = json.dumps(posted).encode() if garbage is None else garbage
    answer = await api.send("POST", "/v1/events", content=body)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        problem = answer.json()
        assert problem.keys() == {"type", "title", "status", "detail", "code", "errors"}
        assert problem["status"] == answer.status_code
        assert problem["code"] in CODES
    else:
        told = answer.json()
        assert (await api.get(f"/v1/events/{told['id']}")).status_code == 200
