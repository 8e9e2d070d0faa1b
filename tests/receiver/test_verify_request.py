"""A signed request becomes a typed event, however poor its body; anything else raises."""

from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given

from offhook.model.errors import Unreadable
from offhook.receiver import SignatureError, verify_request
from offhook.receiver.event import Event, lane_of, parse_event, stored_body, stored_event
from offhook.signing import STANDARD, RejectReason, TimestampedHex, make_secret, sign

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
SECRET = make_secret(bytes(32))
NEXT_SECRET = make_secret(bytes(range(32)))
BODY = msgspec.json.encode(
    {
        "id": "evt_body",
        "type": "call.answered",
        "created": "2026-11-20T09:59:59.123Z",
        "version": "2026-11-01",
        "key": "call_1",
        "sequence": 2,
        "test": False,
        "data": {
            "caller_name": "",
            "tags": [],
            "notes": None,
            "recording_urls": "https://one",
            "location": {"zip": "14604", "city": None},
        },
    }
)


def headers_for(body: bytes, event_id: str = "evt_1") -> dict[str, str]:
    stamp = int(NOW.timestamp())
    return sign(STANDARD, [SECRET], event_id=event_id, timestamp_s=stamp, body=body)


def test_the_envelope_is_typed_and_the_signed_id_counts() -> None:
    event = verify_request(headers_for(BODY), BODY, SECRET, now=NOW)
    assert (event.id, event.type, event.key, event.sequence) == (
        "evt_1",
        "call.answered",
        "call_1",
        2,
    )
    assert event.created == NOW - timedelta(seconds=0.877)
    assert not event.test


def test_during_a_rotation_either_secret_is_enough() -> None:
    event = verify_request(headers_for(BODY), BODY, [NEXT_SECRET, SECRET], now=NOW)
    assert event.id == "evt_1"


def test_a_scheme_that_signs_no_id_takes_the_bodys() -> None:
    scheme = TimestampedHex("x-callcall")
    stamp = int(NOW.timestamp())
    headers = sign(scheme, [SECRET], event_id="", timestamp_s=stamp, body=BODY)
    assert verify_request(headers, BODY, SECRET, scheme, now=NOW).id == "evt_body"


def test_a_refused_signature_says_why() -> None:
    with pytest.raises(SignatureError) as altered:
        verify_request(headers_for(BODY), BODY + b" ", SECRET, now=NOW)
    assert altered.value.reason is RejectReason.MISMATCH
    with pytest.raises(SignatureError) as late:
        verify_request(headers_for(BODY), BODY, SECRET, now=NOW + timedelta(hours=1))
    assert (late.value.reason, late.value.skew_s) == (RejectReason.TOO_OLD, 3600)


def test_without_a_given_time_the_clock_of_the_machine_counts() -> None:
    with pytest.raises(SignatureError, match="timestamp"):
        verify_request(headers_for(BODY), BODY, SECRET)


def test_data_bears_missing_null_empty_and_single_values() -> None:
    event = parse_event(BODY)
    assert event.text("location.zip") == "14604"
    for path in ("caller_name", "notes", "location.city", "nothing.at.all", "tags.first"):
        assert event.text(path) is None
    assert event.items("tags") == event.items("notes") == event.items("nothing") == []
    assert event.items("recording_urls") == ["https://one"]
    assert event.value("location") == {"zip": "14604", "city": None}


@pytest.mark.parametrize("none", ["", {}, [], None])
def test_whatever_a_sender_writes_for_no_items_is_none(none: object) -> None:
    """CallRail writes an empty text, Nectar Desk an empty object."""
    assert Event("e", "t", "k", data={"tags": none}).items("tags") == []
    assert Event("e", "t", "k", data={"tags": 0}).items("tags") == [0]


@pytest.mark.parametrize(
    "body",
    [
        b'{"id":"e"}',
        b'{"id":"e","type":null,"key":"","created":"yesterday","sequence":"2","data":null}',
        b'{"id":"e","type":7,"key":[],"created":5,"sequence":true,"test":1,"data":[]}',
    ],
)
def test_a_poor_envelope_is_read_as_far_as_it_goes(body: bytes) -> None:
    event = parse_event(body)
    assert (event.id, event.type, event.key) == ("e", "", "e")
    assert event.created is event.version is event.sequence is None
    assert (event.test, event.data) == (False, {})


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b"[]", b"null", b"{}", b'{"id":5}', b'{"id":"' + b"x" * 257 + b'"}'],
)
def test_what_is_no_event_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        parse_event(body)


def test_nesting_without_end_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        parse_event(b'{"id":' * 200_000)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
ENVELOPE = st.dictionaries(
    st.sampled_from(["id", "type", "key", "created", "version", "sequence", "test", "data"]), JSON
)


@given(ENVELOPE)
def test_a_queue_gives_back_the_event_that_it_was_given(document: dict[str, object]) -> None:
    event = parse_event(msgspec.json.encode(document), "evt_1")
    assert stored_event(stored_body(event)) == event
    assert 0 < len(lane_of(event)) <= 256
    assert lane_of(event).isprintable()


@given(ENVELOPE, st.text())
def test_no_json_object_breaks_the_reading(document: dict[str, object], path: str) -> None:
    event = parse_event(msgspec.json.encode(document), "evt_1")
    assert event.id == "evt_1"
    assert isinstance(event.items(path), list)
    assert event.text(path) != ""
