"""One attempt: what goes over the wire, and that nothing about an event can stop the others."""

import json
from datetime import UTC, datetime
from typing import NoReturn

import pytest
from pieces import endpoint, event
from standardwebhooks import Webhook

from offhook.delivery.entries import Answer, FailureKind, Request
from offhook.delivery.outgoing.recording import read_detail
from offhook.delivery.outgoing.sender import Sender
from offhook.delivery.policy import Postpone, Retry, Verdict, judge
from offhook.delivery.schedule import PROFILES
from offhook.signing import STANDARD
from offhook.signing.secret import Secret, make_secret
from offhook.signing.sign import signer_for
from offhook.testing.clock import FakeClock
from offhook.testing.network import ScriptedNetwork

SECRET = make_secret(bytes(range(32)))
SIGNED = endpoint(signer=signer_for(STANDARD, (Secret(SECRET),)))


def verdict(answer: Answer) -> Verdict:
    schedule = PROFILES["24h"]
    return judge(answer, attempts=1, since_ms=0, now_ms=1, schedule=schedule, rnd=lambda: 0.5)


def sender(network: ScriptedNetwork, clock: FakeClock) -> Sender:
    return Sender(transport=network, clock=clock)


async def test_what_is_sent_verifies_with_another_library() -> None:
    network, clock = ScriptedNetwork(), FakeClock(datetime.now(UTC))
    made = event(7, type="call.missed", data=b'{"call_id":"call_1"}')
    assert (await sender(network, clock).send(SIGNED, made, 1)).status == 200
    [request] = network.requests
    payload = Webhook(SECRET).verify(request.body.decode(), request.headers)
    assert payload["data"] == {"call_id": "call_1"}
    assert (request.url, request.timeout_s) == (SIGNED.url, SIGNED.timeout_s)


async def test_each_attempt_has_its_number_the_time_of_now_and_the_same_id() -> None:
    network, clock = ScriptedNetwork(), FakeClock()
    attempts = sender(network, clock)
    for number in (1, 2):
        await attempts.send(SIGNED, event(7), number)
        clock.advance(30)
    first, second = (request.headers for request in network.requests)
    assert (first["webhook-attempt"], second["webhook-attempt"]) == ("1", "2")
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 30
    assert first["webhook-id"] == second["webhook-id"] == "evt_7"
    assert first["webhook-signature"] != second["webhook-signature"]


async def test_an_endpoints_headers_beat_the_events_and_ours_beat_both_however_spelled() -> None:
    network = ScriptedNetwork()
    made = event(7, headers={"x-both": "event", "x-event": "1", "Webhook-Id": "forged"})
    own = {"X-Both": "endpoint", "x-endpoint": "1", "Webhook-Attempt": "99"}
    signed = endpoint(signer=SIGNED.signer, headers=own)
    answer = await sender(network, FakeClock()).send(signed, made, 1)
    headers = network.requests[0].headers
    assert {name: headers[name] for name in headers if name.lower().startswith("x-")} == {
        "X-Both": "endpoint",
        "x-endpoint": "1",
        "x-event": "1",
    }
    assert (headers["webhook-id"], headers["webhook-attempt"]) == ("evt_7", "1")
    assert len({name.lower() for name in headers}) == len(headers)
    shown = read_detail(answer.record).request
    assert shown.keys() == headers.keys()
    assert (shown["X-Both"], shown["x-event"]) == ("***", "1")


async def test_the_type_is_spelled_as_the_endpoint_asked() -> None:
    network = ScriptedNetwork()
    spelled = endpoint(spellings={"call.missed": "Missed Call"})
    for type_ in ("call.missed", "call.ended"):
        await sender(network, FakeClock()).send(spelled, event(7, type=type_), 1)
    types = [json.loads(request.body)["type"] for request in network.requests]
    assert types == ["Missed Call", "call.ended"]


async def test_an_event_that_cannot_be_rendered_is_a_failure_of_its_own() -> None:
    network = ScriptedNetwork()
    answer = await sender(network, FakeClock()).send(SIGNED, event(7, created_ms=10**18), 1)
    assert answer.failure is FailureKind.INTERNAL
    assert answer.detail
    assert network.requests == []


async def test_a_transport_that_raises_is_a_failure_of_this_delivery() -> None:
    def broken(request: Request) -> NoReturn:
        raise RuntimeError("no such thing")

    answer = await sender(ScriptedNetwork(broken), FakeClock()).send(SIGNED, event(7), 1)
    assert (answer.failure, answer.status) == (FailureKind.UNSETTLED, None)
    assert "no such thing" in (answer.detail or "")
    assert isinstance(verdict(answer), Retry)


async def test_want_of_memory_puts_off_whatever_it_came_in(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object) -> NoReturn:
        raise MemoryError

    sent = await sender(ScriptedNetwork(exhausted), FakeClock()).send(SIGNED, event(7), 1)
    monkeypatch.setattr("offhook.delivery.outgoing.sender.render", exhausted)
    built = await sender(ScriptedNetwork(), FakeClock()).send(SIGNED, event(7), 1)
    assert {sent.failure, built.failure} == {FailureKind.SHORTAGE}
    assert isinstance(verdict(sent), Postpone)


async def test_a_masked_endpoint_gets_the_event_without_the_contact_s_number() -> None:
    network = ScriptedNetwork()
    made = event(
        7,
        key="+12145550123",
        type="call.missed",
        headers={"x-caller": "214-555-0123"},
        data=b'{"caller_id":"+12145550123","contact_number":"+12145550123","direction":"inbound"}',
    )
    signed = endpoint(signer=SIGNED.signer, mask_key=bytes(32))
    await sender(network, FakeClock(datetime.now(UTC))).send(signed, made, 1)
    [request] = network.requests
    payload = Webhook(SECRET).verify(request.body.decode(), request.headers)
    assert payload["data"]["caller_id"] == "+1********23"
    assert payload["data"]["contact_hash"]
    assert "5550123" not in request.body.decode()
    assert request.headers["x-caller"] == "+1********23"


async def test_what_a_masked_endpoint_answers_tells_no_number_either() -> None:
    made = event(7, type="call.missed", data=b'{"contact_number":"+12145550123"}')
    answered = Answer(
        503,
        body="no contact (214)\xa0555-0123 ".encode() + b"\xff",
        detail="no 2145550123",
        headers=(("x-lead", "12145550123"),),
    )
    masking = endpoint(mask_key=bytes(32))
    answer = await sender(ScriptedNetwork(lambda _: answered), FakeClock()).send(masking, made, 1)
    assert answer.body == b"no contact +1********23 \xff"
    assert "5550123" not in repr(answer)
