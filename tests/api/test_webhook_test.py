"""``POST /v1/webhooks/{id}/test``: an example goes out now, and the attempt is the answer."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook

from conftest import BOB, READER, Served
from offhook.delivery.entries import Answer, FailureKind, Request, Timings
from offhook.testing.network import Gate


async def tried(api: Served, webhook: dict[str, Any], **trial: Any) -> dict[str, Any]:
    answer = await api.post(f"/v1/webhooks/{webhook['id']}/test", trial)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_an_example_of_the_type_goes_out_signed_and_marked_as_a_test(api: Served) -> None:
    webhook = await api.webhook(headers={"Authorization": "Bearer s3cr3t-token"})
    told = await tried(api, webhook, type="call.missed")
    [request] = api.network.requests
    body = json.loads(request.body)
    assert (body["type"], body["test"], body["id"]) == ("call.missed", True, told["event_id"])
    assert request.headers["Authorization"] == "Bearer s3cr3t-token"
    assert told["request_body"] == request.body.decode()
    assert told["request_headers"]["Authorization"] == "***"
    shown = told["request_headers"]
    assert shown["webhook-signature"] == request.headers["webhook-signature"]
    sent_at = datetime.fromtimestamp(int(shown["webhook-timestamp"]), UTC)
    oracle = Webhook(webhook["secret"])
    assert shown["webhook-signature"] == oracle.sign(
        told["event_id"], sent_at, told["request_body"]
    )
    assert (told["accepted"], told["status"], told["error"]) == (True, 200, None)


async def test_what_came_back_is_told_with_headers_body_and_timings(api: Served) -> None:
    def busy(request: Request) -> Answer:
        echoed = request.headers["x-key"].encode()
        return Answer(
            503,
            body=b"busy " + echoed,
            duration_ms=12.5,
            timings=Timings(connect_ms=3.5, first_byte_ms=8.0),
            headers=(("Server", "x"), ("Set-Cookie", "a=b")),
        )

    api.network.script = busy
    webhook = await api.webhook(headers={"x-key": "k-12345678"})
    told = await tried(api, webhook)
    assert (told["accepted"], told["status"], told["error"]) == (False, 503, "status 503")
    assert told["response_headers"] == {"server": "x", "set-cookie": "***"}
    assert told["response"] == "busy ***"
    assert told["timings"] == {
        "dns_ms": None,
        "connect_ms": 3.5,
        "tls_ms": None,
        "first_byte_ms": 8.0,
        "total_ms": 12.5,
    }


async def test_no_answer_at_all_is_an_attempt_too(api: Served) -> None:
    api.network.script = lambda _: Answer(None, FailureKind.BLOCKED, "10.0.0.1 is private")
    told = await tried(api, await api.webhook())
    assert (told["status"], told["response"]) == (None, None)
    assert told["error"] == "blocked: 10.0.0.1 is private"


async def test_without_a_type_the_first_one_that_the_webhook_names_is_sent(api: Served) -> None:
    named = await api.webhook(events=["message.*", "message.received"])
    assert (await tried(api, named))["event_type"] == "message.received"
    every = await api.webhook(events=["*"])
    assert (await tried(api, every))["event_type"] == "call.ended"


async def test_a_test_counts_for_nothing_and_is_not_in_the_log(api: Served) -> None:
    api.network.script = lambda _: Answer(500)
    webhook = await api.webhook(enabled=False, filter="false")
    before = await api.everything()
    await tried(api, webhook)
    assert await api.everything() == before
    assert len(api.network.requests) == 1


async def test_a_masked_endpoint_is_tested_masked(api: Served) -> None:
    webhook = await api.webhook(mask_caller_id=True)
    told = await tried(api, webhook, type="call.missed")
    assert "+12145550123" not in told["request_body"]


@pytest.mark.parametrize("type_", ["call.*", "*", "no.such"])
async def test_what_is_no_type_is_refused_and_nothing_is_sent(api: Served, type_: str) -> None:
    webhook = await api.webhook()
    answer = await api.post(f"/v1/webhooks/{webhook['id']}/test", {"type": type_})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "body.type"
    assert api.network.requests == []


async def test_one_test_at_a_time_and_one_a_second(api: Served) -> None:
    gate = Gate()
    api.network.script = gate
    webhook = await api.webhook()
    path = f"/v1/webhooks/{webhook['id']}/test"
    first = asyncio.create_task(api.post(path, {}))
    while not gate.waiting:
        await asyncio.sleep(0)
    api.clock.advance(5)
    beside = await api.post(path, {})
    assert (beside.status_code, beside.json()["code"]) == (429, "too_many_tests")
    gate.open()
    assert (await first).status_code == 200
    assert (await api.post(path, {})).status_code == 200
    soon = await api.post(path, {})
    assert (soon.status_code, soon.headers["Retry-After"]) == (429, "1")
    api.clock.advance(1)
    assert (await api.post(path, {})).status_code == 200
    assert len(api.network.requests) == 3


async def test_it_needs_the_right_to_change_webhooks_of_this_account(api: Served) -> None:
    path = f"/v1/webhooks/{(await api.webhook())['id']}/test"
    assert (await api.post(path, {}, key=READER)).status_code == 403
    assert (await api.post(path, {}, key=BOB)).status_code == 404
    assert api.network.requests == []
