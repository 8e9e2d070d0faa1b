"""What each sender posts becomes the event it means: no two are taken for one, no one for two."""

import hashlib
import hmac
from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.receiver import Event, Naming
from offhook.receiver.event import MAX_ID_LENGTH, stored_body, stored_event
from offhook.receiver.naming import naming_of
from offhook.receiver.testing import SteppedReceiver
from offhook.receiver.verification import Verifier
from offhook.signing import STANDARD, SignedRequest, Verified, make_secret, sign
from offhook.signing.presets import PRESETS, Sender, preset_of
from offhook.signing.presets.values import SharedToken

URL = "https://hooks.example.com/in"
SECRET = "secret"
VERIFIED = Verified(None, None, None)


def posted(body: object, url: str = URL, **headers: str) -> SignedRequest:
    given = {"authorization": SECRET, **{name.replace("_", "-"): headers[name] for name in headers}}
    return SignedRequest(given, msgspec.json.encode(body), url)


def read(
    preset: str, body: object, url: str = URL, naming: Naming | None = None
) -> tuple[str, str, str]:
    """Id, type and key of what this sender posts."""
    event = Verifier(SECRET, preset, naming=naming).event(posted(body, url), VERIFIED)
    return event.id, event.type, event.key


def form(preset: str, text: str) -> Event:
    kind = {"content-type": "application/x-www-form-urlencoded"}
    return Verifier(SECRET, preset).event(SignedRequest(kind, text.encode(), URL), VERIFIED)


async def handled(*requests: SignedRequest, scheme: str | SharedToken = "token") -> list[Event]:
    """What the handler of a receiver gets to see of these requests, in this order."""
    seen: list[Event] = []
    async with SteppedReceiver(seen.append, secret=SECRET, scheme=scheme) as receiver:
        for request in requests:
            assert (await receiver.receive(request)).status == 200
        await receiver.run()
    return seen


async def test_two_events_of_one_resource_are_two() -> None:
    bodies = [{"id": "call_9", "event": f"call.{name}"} for name in ("ringing", "ended", "ended")]
    seen = await handled(*map(posted, bodies))
    assert [(event.type, event.key) for event in seen] == [
        ("call.ringing", "call_9"),
        ("call.ended", "call_9"),
    ]


async def test_the_same_body_to_two_urls_is_two_events_named_by_them() -> None:
    """As Nectar Desk sends them: its bodies have no name of the event, and an id of the call."""
    body = {"id": 123, "type": "inbound", "tags": [], "contact": {}}
    urls = [f"{URL}?tenant=7&event={name}" for name in ("call_ended", "call_abandoned")]
    first, second = await handled(*(posted(body, url) for url in (*urls, urls[0])))
    assert (first.type, first.key, first.query["tenant"]) == ("call_ended", "123", "7")
    assert (second.type, second.key) == ("call_abandoned", "123")


async def test_a_repeat_of_callmatrix_is_known_by_its_event_id() -> None:
    document = {"event_id": "e1", "call_id": "c1", "event": "call.started"}
    seen = await handled(
        *(signed_by_callmatrix({**document, "attempt": attempt}) for attempt in (1, 2)),
        scheme="callmatrix",
    )
    assert [(event.id, event.type, event.key) for event in seen] == [("e1", "call.started", "c1")]


def signed_by_callmatrix(document: Mapping[str, object]) -> SignedRequest:
    body = msgspec.json.encode(document)
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return SignedRequest({"x-callmatrix-signature": signature}, body, URL)


async def test_the_events_of_one_call_are_handled_one_after_the_other() -> None:
    bodies = [{"call_id": "c1", "event": f"call.{name}"} for name in ("started", "ended")]
    async with SteppedReceiver(print, secret=SECRET, scheme="token") as receiver:
        for body in bodies:
            await receiver.receive(posted(body))
        assert [len(await receiver.run_once()) for _ in range(3)] == [1, 1, 0]


CALL = {"call_session_id": "s1", "call_leg_id": "l1"}
STATE = {"event_type": "calling.call.state", "params": {"call_id": "c1", "call_state": "ended"}}


@pytest.mark.parametrize(
    ("preset", "body", "expected"),
    [
        (
            "telnyx",
            {"data": {"event_type": "call.hangup", "id": "u1", "payload": CALL}, "meta": {}},
            ("u1", "call.hangup", "s1"),
        ),
        (
            "callcall",
            {"id": "evt_1", "type": "customer.qualified", "data": {"customer_id": "cu1"}},
            ("evt_1", "customer.qualified", "cu1"),
        ),
        (
            "didww",
            {"id": "e1", "type": "call.ended", "ts": "", "global_tag": "g1", "data": {}},
            ("e1", "call.ended", "g1"),
        ),
        (
            "vonage",
            {"status": "answered", "uuid": "u1", "conversation_uuid": "CON-1"},
            (None, "answered", "CON-1"),
        ),
        (
            "aircall",
            {"event": "call.hungup", "resource": "call", "data": {"id": 42}},
            (None, "call.hungup", "42"),
        ),
        (
            "dialpad",
            {"call_id": 7, "master_call_id": 5, "state": "hangup"},
            (None, "hangup", "5"),
        ),
        ("dialpad", {"call_id": 7, "master_call_id": None}, (None, "", "7")),
        (
            "chatwoot",
            {"event": "message_created", "id": 1, "conversation": {"id": 9}},
            (None, "message_created", "9"),
        ),
        ("callrail", {"id": 766970532, "call_type": "voicemail"}, (None, "", "766970532")),
        ("signalwire", STATE, (None, "calling.call.state", "c1")),
        ("unlimcall", {"type": "call.completed", "call_id": "c1"}, (None, "call.completed", "c1")),
    ],
)
def test_each_sender_names_id_type_and_key_where_it_says(
    preset: str, body: object, expected: tuple[str | None, str, str]
) -> None:
    event_id, type_, key = read(preset, body)
    assert (type_, key) == expected[1:]
    assert event_id == (expected[0] or event_id)
    assert (read(preset, body, f"{URL}?other=1")[0] == event_id) == (expected[0] is not None)


@pytest.mark.parametrize("preset", ["twilio", "signalwire", "telnyx"])
def test_a_form_of_twilio_and_its_like_is_of_its_call(preset: str) -> None:
    ringing, answered = (
        form(preset, f"CallSid=CA1&CallStatus={status}&From=%2B12145550123")
        for status in ("ringing", "in-progress")
    )
    assert (ringing.type, ringing.key, answered.key) == ("ringing", "CA1", "CA1")
    assert ringing.id != answered.id
    assert form(preset, "CallSid=CA1&RecordingStatus=completed").type == ""


def test_where_a_sender_names_things_can_be_said() -> None:
    body = {"meta": {"event": {"id": 5}}, "call": {"uuid": "c1"}, "kind": "ended", "attempt": 2}
    naming = Naming(id="meta.event.id", type=("what", "kind"), key="call.uuid")
    assert read("hmac-sha256", body, naming=naming) == ("5", "ended", "c1")
    assert read("telnyx", {"data": {"id": "e1"}, "a": "b"}, naming=Naming(key="a"))[::2] == (
        "e1",
        "b",
    )


@pytest.mark.parametrize("odd", ["", "x" * (MAX_ID_LENGTH + 1), "a\nb", None, True, {}, 1.5])
def test_an_id_that_cannot_be_one_is_replaced_by_the_digest(odd: object) -> None:
    event_id, _, key = read("callmatrix", {"event_id": odd, "call_id": odd})
    assert len(event_id) == 64
    assert key


async def test_a_secret_in_the_url_is_not_kept_and_makes_no_other_event() -> None:
    scheme = SharedToken(query="token")
    seen: list[Event] = []
    async with SteppedReceiver(seen.append, secret=SECRET, scheme=scheme) as receiver:
        for url in (
            f"{URL}?token={SECRET}&a=1",
            f"https://other.example.com/in?a=1&token={SECRET}",
        ):
            assert (await receiver.receive(SignedRequest({}, b"", url))).status == 200
        await receiver.run()
    [event] = seen
    assert (event.query, event.data) == ({"a": "1"}, {"a": "1"})


def test_our_own_events_show_the_query_too_whatever_the_url() -> None:
    key = make_secret(bytes(32))
    body = b'{"id":"evt_1"}'
    headers = sign(STANDARD, [key], event_id="evt_1", timestamp_s=0, body=body)
    verifier = Verifier(key)
    for url, query in ((f"{URL}?a=b", {"a": "b"}), ("http://[/in", {}), ("", {})):
        event = verifier.event(SignedRequest(headers, body, url), VERIFIED)
        assert (event.id, event.query) == ("evt_1", query)


SENDERS = [name for name, kind in PRESETS.items() if isinstance(preset_of(name), Sender)]


@given(
    preset=st.sampled_from(SENDERS),
    body=st.binary(max_size=80) | st.just(b'{"id":1,"call_id":[]}'),
    url=st.text(max_size=60),
    kind=st.sampled_from(["application/json", "application/x-www-form-urlencoded"]),
)
def test_whatever_comes_is_an_event_that_a_queue_can_keep(
    preset: str, body: bytes, url: str, kind: str
) -> None:
    request = SignedRequest({"content-type": kind}, body, url)
    event = Verifier(SECRET, preset).event(request, VERIFIED)
    assert event.id
    assert event.key
    assert stored_event(stored_body(event)) == event


def test_every_sender_has_a_naming() -> None:
    for sender in map(preset_of, SENDERS):
        assert isinstance(sender, Sender)
        naming = naming_of(sender)
        assert None not in (naming.id, naming.type, naming.key)
