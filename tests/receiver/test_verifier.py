"""A receiver can be set to any sender: a request becomes an event, and a repeat the same."""

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from twilio.request_validator import RequestValidator

from offhook.model.errors import Invalid
from offhook.receiver.event import Event
from offhook.receiver.verification import Verifier
from offhook.signing import (
    STANDARD_ED25519,
    Rejected,
    SignedRequest,
    Verified,
    make_secret,
    sign,
)
from offhook.signing.ed25519 import public_key
from offhook.signing.presets.values import UnlimCall
from offhook.testing.clock import FakeClock

KEY = "a key of more than thirty-two bytes, for HS256"
URL = "https://hooks.example.com/in"
FORM = {"content-type": "application/x-www-form-urlencoded"}
PAIR = make_secret(bytes(32), STANDARD_ED25519)


def event_of(verifier: Verifier, request: SignedRequest) -> Event:
    verdict = verifier.verify(request)
    assert isinstance(verdict, Verified), verdict
    return verifier.event(request, verdict)


def twilio(**fields: str) -> SignedRequest:
    signature = RequestValidator(KEY).compute_signature(URL, fields)
    headers = {**FORM, "x-twilio-signature": signature}
    return SignedRequest(headers, urlencode(fields).encode(), URL)


def test_a_form_becomes_an_event_with_its_fields() -> None:
    event = event_of(Verifier(KEY, "twilio"), twilio(CallSid="CA1", CallStatus="completed"))
    assert (event.text("CallSid"), event.text("CallStatus")) == ("CA1", "completed")


def test_a_repeat_is_the_same_event_and_anything_else_another() -> None:
    verifier = Verifier(KEY, "twilio")
    first = event_of(verifier, twilio(CallSid="CA1", CallStatus="ringing"))
    assert event_of(verifier, twilio(CallSid="CA1", CallStatus="ringing")).id == first.id
    assert event_of(verifier, twilio(CallSid="CA1", CallStatus="completed")).id != first.id


@pytest.mark.parametrize("body", [b"[1]", b"<xml/>", b"\xff", b"null"])
def test_a_body_of_any_form_is_kept(body: bytes) -> None:
    verifier = Verifier(KEY, "token")
    request = SignedRequest({"authorization": KEY}, body)
    assert event_of(verifier, request).data.keys() == {"content"}


def test_our_own_events_are_read_as_they_are() -> None:
    clock = FakeClock(datetime(2026, 11, 20, 10, tzinfo=UTC))
    body = b'{"id":"evt_1","type":"call.ended","key":"call_1","data":{"a":1}}'
    at_s = int(clock.now().timestamp())
    headers = sign(STANDARD_ED25519, [PAIR], event_id="evt_1", timestamp_s=at_s, body=body)
    verifier = Verifier(public_key(PAIR), "standard-ed25519", clock=clock)
    request = SignedRequest(headers, body)
    assert event_of(verifier, request).key == "call_1"
    clock.advance(301)
    assert isinstance(verifier.verify(request), Rejected)
    lenient = Verifier(PAIR, "standard-ed25519", clock=clock, tolerance_s=600)
    assert isinstance(lenient.verify(request), Verified)


def test_an_option_of_a_preset_is_set_by_its_value() -> None:
    verifier = Verifier([KEY, "next"], UnlimCall(header="x-hook"))
    assert isinstance(verifier.verify(SignedRequest({}, b"")), Rejected)


def test_another_body_is_refused() -> None:
    made = replace(twilio(CallSid="CA1"), body=b"CallSid=CA2")
    assert isinstance(Verifier(KEY, "twilio").verify(made), Rejected)


@pytest.mark.parametrize("secrets", ["", [], [""], ["a", ""]])
def test_a_receiver_without_a_secret_does_not_start(secrets: str | list[str]) -> None:
    with pytest.raises(ValueError, match="secrets is empty"):
        Verifier(secrets, "twilio")


@pytest.mark.parametrize(
    ("secret", "preset"),
    [(KEY, "twillio"), ("whsk_AAAA", "standard-ed25519"), ("whsec_AAAA", "standard")],
)
def test_what_could_never_verify_anything_does_not_start(secret: str, preset: str) -> None:
    with pytest.raises(Invalid):
        Verifier(secret, preset)
