"""The kit for a user's tests: events of every type, requests that verify, a receiver that steps."""

from collections.abc import Mapping
from datetime import UTC, datetime

import jwt
import msgspec
import pytest
from vonage_jwt import verify_signature

from offhook.clock import FakeClock
from offhook.model.catalogue import CATALOGUE
from offhook.model.errors import Invalid
from offhook.receiver import Event, Verifier
from offhook.receiver.event import parse_event
from offhook.receiver.ports import Verdict
from offhook.receiver.testing import MISSING, SteppedReceiver, example_event, signed_request
from offhook.signing import (
    STANDARD,
    STANDARD_ED25519,
    Rejected,
    TimestampedHex,
    Unsigned,
    Verified,
    make_secret,
)
from offhook.signing.presets import Preset
from offhook.signing.presets.values import SharedToken

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
SECRET = make_secret(bytes(32))


@pytest.mark.parametrize("type_", CATALOGUE)
def test_there_is_an_example_of_every_type_of_the_catalogue(type_: str) -> None:
    event = parse_event(msgspec.json.encode(example_event(type_)))
    assert event.type == type_
    assert event.created is not None
    assert event.data
    assert event.key != event.id


def test_an_example_can_be_otherwise_in_any_field() -> None:
    changes = {"disposition": "sold", "location.zip": None, "a.b": 1, "caller_id": MISSING}
    event = example_event("call.ended", changes, key="call_1", sequence=MISSING)
    read = parse_event(msgspec.json.encode(event))
    assert (read.text("disposition"), read.value("a.b"), read.key) == ("sold", 1, "call_1")
    assert read.text("location.zip") is read.text("caller_id") is read.sequence is None
    assert example_event("call.ended")["id"] != example_event("call.ended")["id"]


def test_an_alias_is_kept_as_it_is_written_and_what_is_no_type_is_refused() -> None:
    assert example_event("call.completed")["type"] == "call.completed"
    with pytest.raises(Invalid, match="no event type"):
        example_event("call.exploded")


@pytest.mark.parametrize(
    ("scheme", "secret"),
    [
        (STANDARD, SECRET),
        (STANDARD_ED25519, make_secret(bytes(32), STANDARD_ED25519)),
        (TimestampedHex("x-callcall"), SECRET),
        (Unsigned(), ""),
        *((name, "secret") for name in ("hmac-sha256", "callcall", "unlimcall", "callmatrix")),
        *((name, "secret") for name in ("chatwoot", "didww", "callrail", "token")),
        *((name, "secret") for name in ("aircall", "vonage", "dialpad", "signalwire", "twilio")),
        (SharedToken(query="token"), "a secret & more/+%"),
        ("basic", "user:secret"),
    ],
    ids=str,
)
def test_what_is_signed_verifies_by_the_secret_and_by_no_other(
    scheme: Preset | str, secret: str
) -> None:
    request = signed_request(example_event("call.ended"), secret, scheme, now=NOW)
    clock = FakeClock(NOW)
    assert isinstance(Verifier(secret, scheme, clock=clock).verify(request), Verified)
    if not isinstance(scheme, Unsigned):
        other = make_secret(bytes(range(32)), scheme) if not isinstance(scheme, str) else "a:b"
        assert isinstance(Verifier(other, scheme, clock=clock).verify(request), Rejected)


KEY = "a secret that is long enough for HS256"
FORM = b"CallSid=CA1&From=%2B12145550123"


@pytest.mark.parametrize("scheme", ["twilio", "signalwire"])
@pytest.mark.parametrize("content", [FORM, {"CallSid": "CA1", "From": "+12145550123"}])
def test_a_form_is_signed_as_twilio_does(
    scheme: str, content: bytes | Mapping[str, object]
) -> None:
    request = signed_request(content, "token", scheme, now=NOW)
    assert request.body == FORM
    verifier = Verifier("token", scheme)
    verdict = verifier.verify(request)
    assert isinstance(verdict, Verified)
    assert verifier.event(request, verdict).key == "CA1"


def test_a_token_of_vonage_is_taken_by_its_sdk_and_one_of_dialpad_holds_the_event() -> None:
    request = signed_request({"status": "answered"}, KEY, "vonage", now=NOW)
    assert verify_signature(request.headers["authorization"].removeprefix("Bearer "), KEY)
    body = signed_request({"call_id": 7}, KEY, "dialpad").body.decode()
    assert jwt.decode(body, KEY, ["HS256"]) == {"call_id": 7}


async def test_bodies_as_they_are_are_the_events_that_they_are() -> None:
    seen: list[Event] = []
    async with SteppedReceiver(seen.append) as receiver:
        for body in (b'{"type":"a"}', b'{"type":"b"}', b'{"type":"a"}'):
            request = signed_request(body, SECRET, now=receiver.clock.now())
            assert (await receiver.receive(request)).status == 200
        await receiver.run()
    assert sorted(event.type for event in seen) == ["a", "b"]


def test_a_sender_with_a_key_of_its_own_is_named() -> None:
    with pytest.raises(Invalid, match="telnyx"):
        signed_request(b"{}", "secret", "telnyx")


async def test_a_handler_is_tested_step_by_step() -> None:
    """The example of docs/receiving.md."""
    sold: list[str] = []

    async def handle(event: Event) -> None:
        if not sold:
            sold.append(event.key)
            raise ConnectionError("the CRM is down")
        sold.append(event.key)

    async with SteppedReceiver(handle) as receiver:
        event = example_event("call.ended", {"disposition": "sold"}, key="call_1")
        assert (await receiver.deliver(event)).status == 200
        [first] = await receiver.run()
        assert (first.verdict, first.again_in_s) == (Verdict.RETRY, 1)
        receiver.clock.advance(1)
        [second] = await receiver.run()
        assert second.verdict is Verdict.HANDLED
        assert sold == ["call_1", "call_1"]


async def test_a_request_of_another_sender_is_an_event_too() -> None:
    seen: list[Event] = []
    async with SteppedReceiver(seen.append, secret="s", scheme=SharedToken()) as receiver:
        now = receiver.clock.now()
        body = b'{"event":"call_finished","id":"c1","tags":[]}'
        answer = await receiver.receive(signed_request(body, "s", SharedToken(), now=now))
        refused = await receiver.receive(signed_request(body, "t", SharedToken(), now=now))
        assert (answer.status, refused.status) == (200, 401)
        await receiver.run()
    assert [(event.type, event.items("tags")) for event in seen] == [("call_finished", [])]
