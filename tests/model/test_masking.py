"""A masked event: nothing in it tells the contact's number; the same contact is still the same."""

from typing import Any

import msgspec
import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from offhook.model.event import LogEvent, render
from offhook.model.examples import example_data
from offhook.model.ids import AccountId, EventId
from offhook.model.masking import contact_hash, mask_number, masked
from offhook.model.schemas import event_schema

KEY = b"k" * 32
NUMBER = "+12145550123"
OURS = "+14045550100"


def event(type_: str, data: dict[str, Any], **fields: Any) -> LogEvent:
    known: dict[str, Any] = {
        "partition": 0,
        "position": 1,
        "id": EventId("evt_1"),
        "account": AccountId("acc"),
        "type": type_,
        "key": "call_1",
        "sequence": 1,
        "created_ms": 1_700_000_000_000,
        "test": False,
        "historical": False,
        "headers": None,
    }
    return LogEvent(**{**known, **fields}, data=msgspec.json.encode(data))


def shown(type_: str, data: dict[str, Any]) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(masked(event(type_, data), KEY).data)
    return decoded


def call(**changed: Any) -> dict[str, Any]:
    return {**example_data("call.ended"), **changed}


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("+12145550123", "+1********23"),
        ("+442079460958", "+44********58"),
        ("+37061234567", "+370******67"),
        ("(214) 555-0123", "********23"),
    ],
)
def test_country_code_and_last_two_digits_stay(number: str, expected: str) -> None:
    assert mask_number(number) == expected


def test_a_masked_call_hides_the_contact_in_every_field_equal_to_it_and_not_our_number() -> None:
    found = shown("call.ended", call(legs=[{"id": "1", "from": NUMBER, "to": OURS}]))
    assert found["caller_id"] == found["contact_number"] == "+1********23"
    assert found["legs"][0] == {"id": "1", "from": "+1********23", "to": OURS}
    assert found["dialed_number"] == found["our_number"] == OURS
    assert found["started_at"] == "2026-11-20T10:00:00Z"
    assert found["revenue"] == "45.00"


def test_an_outbound_call_hides_who_was_called() -> None:
    found = shown("call.answered", call(direction="outbound", caller_id=OURS, dialed_number=NUMBER))
    assert (found["caller_id"], found["dialed_number"]) == (OURS, "+1********23")


def test_what_names_or_records_the_person_goes() -> None:
    found = shown(
        "call.updated",
        call(
            caller_name="Ada Jones",
            caller_raw="Ada <sip:2145550123@host>",
            notes="Ada wants a roof",
            recording_urls=["https://media.example.com/1.mp3"],
            voicemail={"left": True, "url": "https://media.example.com/vm.mp3", "duration_s": 3.0},
            disposition={"code": "SALE", "note": "Ada, on Friday"},
            attributes={"lead": "Ada"},
            changes={
                "caller_name": [None, "Ada Jones"],
                "disposition": [None, {"code": "SALE", "note": "Ada, on Friday"}],
                "payout": ["1", "2"],
            },
        ),
    )
    assert (found["caller_name"], found["caller_raw"], found["notes"]) == (None, None, None)
    assert (found["recording_urls"], found["attributes"]) == ([], {})
    assert found["voicemail"] == {"left": True, "url": None, "duration_s": 3.0}
    assert found["disposition"] == {"code": "SALE", "note": None}
    assert found["changes"] == {
        "disposition": [None, {"code": "SALE", "note": None}],
        "payout": ["1", "2"],
    }


def test_a_contact_and_both_directions_of_messages_are_masked() -> None:
    contact = shown("contact.created", example_data("contact.created"))
    assert (contact["phone"], contact["name"], contact["email"]) == ("+1********23", None, None)
    received = shown("message.received", example_data("message.received"))
    sent = shown("message.sent", example_data("message.sent"))
    assert (received["from"], received["to"]) == ("+1********23", OURS)
    assert (sent["from"], sent["to"]) == (OURS, "+1********23")
    assert contact["contact_hash"] == received["contact_hash"] == sent["contact_hash"]


def test_the_hash_joins_a_contact_within_an_account_and_not_beyond() -> None:
    inbound = shown("call.ended", call())["contact_hash"]
    outbound = shown(
        "call.ended", call(direction="outbound", caller_id=OURS, dialed_number=NUMBER)
    )["contact_hash"]
    assert inbound == outbound == contact_hash(NUMBER, KEY)
    assert contact_hash(NUMBER, b"other" * 8) != inbound
    assert contact_hash("+12145550124", KEY) != inbound


def test_a_withheld_caller_has_no_hash() -> None:
    found = shown("call.missed", call(caller_id=None, contact_number=None, caller_withheld=True))
    assert found["contact_hash"] is None
    assert found["dialed_number"] == OURS


def test_key_id_and_headers_hide_it_and_still_tell_one_from_another() -> None:
    one = masked(
        event(
            "call.ended",
            call(),
            key="lead-12145550123",
            id=EventId("crm_2145550123_1"),
            headers={"X-Caller": "(214) 555-0123", "X-Env": "prod"},
        ),
        KEY,
    )
    short = contact_hash(NUMBER, KEY)[:16]
    assert (one.key, one.id) == (f"lead-{short}", f"crm_{short}_1")
    assert one.headers == {"X-Caller": "+1********23", "X-Env": "prod"}


SPELLINGS = [
    "+12145550123",
    "12145550123",
    "2145550123",
    "(214) 555-0123",
    "214.555.0123",
    "001 214 555 01 23",
    "555-0123",
    "tel:+1-214-555-0123",
    "https://x.example/?phone=%2B1%20214%20555%200123&a=1",
    "https://x.example/?phone=%12145550123",
    "call 214–555–0123 now, or 2145550123",
    "２１４５５５０１２３",
    "x2145550123x12145550123",
    "4045550100, 2145550123, 4045550100",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_spelling_of_the_number_is_left(spelling: str) -> None:
    found = shown("call.ended", call(tags=[spelling], visitor={"landing_page": spelling}))
    for text in (found["tags"][0], found["visitor"]["landing_page"]):
        assert "5550123" not in digits_of(text)
        assert text.endswith(("23", "23x", "23&a=1", "0100"))


def test_other_numbers_and_moments_stay() -> None:
    text = "ring +14045550100 at 2026-11-20T10:00:00.123Z, order 2145550124"
    assert shown("call.ended", call(tags=[text]))["tags"] == [text]
    at = "2026-11-20T10:55:50.123Z"
    assert shown("call.ended", call(ended_at=at))["ended_at"] == at


def digits_of(text: str) -> str:
    return "".join(str(int(it)) for it in text if it.isdecimal())


_SEPARATORS = st.sampled_from(["", " ", "-", ".", " - ", "\u00a0", "/", ") ", "\u2013", "%20"])
_FORMATS = st.sampled_from(
    [
        phonenumbers.PhoneNumberFormat.E164,
        phonenumbers.PhoneNumberFormat.INTERNATIONAL,
        phonenumbers.PhoneNumberFormat.NATIONAL,
        phonenumbers.PhoneNumberFormat.RFC3966,
    ]
)
_REGIONS = st.sampled_from(["US", "GB", "DE", "FR", "LT", "BR", "IN", "AU", "IT", "MX", "JP"])


@st.composite
def spelled(draw: st.DrawFn) -> tuple[str, str]:
    """A number of some country, and one of the ways in which people write it."""
    example = phonenumbers.example_number(draw(_REGIONS))
    assert example is not None
    number = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    number = number[:-3] + draw(st.text("0123456789", min_size=3, max_size=3))
    if draw(st.booleans()):
        parsed = phonenumbers.parse(number)
        return number, phonenumbers.format_number(parsed, draw(_FORMATS))
    prefix = draw(st.sampled_from(["+", "00", "011 ", ""]))
    return number, prefix + "".join(digit + draw(_SEPARATORS) for digit in number[1:]).rstrip()


_NESTED = st.recursive(
    st.sampled_from(["@", "before @ after", "a@b", 1, None, True]),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "@"]), below, max_size=3)
    ),
    max_leaves=8,
)


def planted(value: Any, spelling: str) -> Any:
    if isinstance(value, str):
        return value.replace("@", spelling)
    if isinstance(value, list):
        return [planted(item, spelling) for item in value]
    if isinstance(value, dict):
        return {planted(name, spelling): planted(it, spelling) for name, it in value.items()}
    return value


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(text for it in value.values() for text in texts(it))]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return [value] if isinstance(value, str) else [repr(value)]


@given(spelled(), _NESTED, st.sampled_from(["call.ended", "message.received", "custom.lead"]))
def test_the_number_is_nowhere_in_a_masked_body_however_it_was_written_and_wherever(
    number_and_spelling: tuple[str, str], nested: Any, type_: str
) -> None:
    number, spelling = number_and_spelling
    data = {
        "call.ended": call(caller_id=number, contact_number=number, media=nested),
        "message.received": {**example_data("message.received"), "from": number},
        "custom.lead": {"number": number},
    }[type_]
    data |= {"extra": planted(nested, spelling), "attributes": {"note": spelling}}
    data["digits"] = int(digits_of(number))
    source = event(type_, data, key=f"k-{spelling}", headers={"X-Caller": f"<{spelling}>"})
    body = render(masked(source, KEY))
    found = texts(msgspec.json.decode(body)) + list((masked(source, KEY).headers or {}).values())
    tail = digits_of(number)[-7:]
    leaking = [
        text
        for text in found
        if tail in digits_of(text) or tail in digits_of(text.replace("%20", ""))
    ]
    assert leaking == []
    assert number not in body.decode()


@pytest.mark.parametrize("type_", ["call.ended", "call.missed", "message.received", "custom.lead"])
def test_a_masked_event_is_still_what_the_schema_of_its_type_says(type_: str) -> None:
    body = msgspec.json.decode(render(masked(event(type_, example_data(type_)), KEY)))
    Draft202012Validator(event_schema(type_)).validate(body)
