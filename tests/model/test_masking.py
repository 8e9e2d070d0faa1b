"""A masked event: nothing in it tells the contact's number; the same contact is still the same."""

import sys
from types import FrameType
from typing import Any

import msgspec
import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from offhook.model.event import LogEvent, render
from offhook.model.examples import example_data
from offhook.model.hiding import MAX_NUMBERS
from offhook.model.ids import AccountId, EventId
from offhook.model.masking import contact_hash, contact_hider, mask_number, masked
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


def test_what_changed_tells_neither_a_former_number_nor_a_name_nor_an_address() -> None:
    found = shown(
        "contact.modified",
        {
            "phone": NUMBER,
            "name": "Bob",
            "seen_at": "+1 404 555 0177",
            "changes": {
                "phone": ["+14045550177", NUMBER],
                "name": ["Al", "Bob"],
                "email": ["al@example.com", "bob@example.com"],
                "score": [1, 2],
            },
        },
    )
    assert found["changes"] == {"phone": ["+1********77", "+1********23"], "score": [1, 2]}
    assert (found["phone"], found["name"], found["seen_at"]) == (
        "+1********23",
        None,
        "+1********77",
    )


def test_a_direction_that_changed_leaves_neither_party_in_clear() -> None:
    former = "+14045550177"
    changes = {"direction": ["inbound", "outbound"], "caller_id": [former, OURS]}
    found = shown(
        "call.updated",
        call(direction="outbound", caller_id=OURS, dialed_number=NUMBER, changes=changes),
    )
    assert found["changes"]["caller_id"] == ["+1********77", OURS]
    assert (found["caller_id"], found["dialed_number"]) == (OURS, "+1********23")


@pytest.mark.parametrize("changes", ["phone: +14045550177", [{"field": "name", "old": "Al"}], None])
def test_changes_in_another_form_are_not_shown(changes: object) -> None:
    assert shown("contact.modified", {"phone": NUMBER, "changes": changes})["changes"] is None


_PERSONS = st.text("QWXZ", min_size=5, max_size=9)
_NUMBERS = st.text("0123456789", min_size=7, max_size=7).map(lambda it: "+1214" + it)
_OF_CALLS = ("caller_name", "caller_raw", "notes", "recording_urls", "attributes")
_OF_CONTACTS = ("name", "email", "notes", "attributes")


@given(
    st.sampled_from(["contact.modified", "contact.created", "call.updated", "call.ended"]),
    st.lists(_NUMBERS, min_size=2, max_size=4, unique=True),
    st.lists(_PERSONS, min_size=2, max_size=4, unique=True),
    st.data(),
)
def test_nothing_of_the_contact_is_in_a_masked_body_now_or_in_what_changed(
    type_: str, numbers: list[str], persons: list[str], data: st.DataObject
) -> None:
    of_call = type_.startswith("call.")
    numbered = ("contact_number", "caller_id") if of_call else ("phone", "contact_number")
    personal = _OF_CALLS if of_call else _OF_CONTACTS
    steps: dict[str, list[Any]] = {field: data.draw(st.permutations(numbers)) for field in numbered}
    steps |= {field: data.draw(st.permutations(persons)) for field in personal}
    steps["disposition"] = [{"code": "SALE", "note": it} for it in persons]
    now = {field: known[-1] for field, known in steps.items()}
    source = (call() if of_call else {}) | now | {"changes": steps, "extra": numbers}
    body = render(masked(event(type_, source), KEY)).decode()
    assert [it for it in (*numbers, *persons) if it in body] == []


def test_of_more_numbers_than_are_told_apart_whatever_looks_like_one_is_hidden() -> None:
    numbers = [f"+1214555{n:04}" for n in range(MAX_NUMBERS + 1)]
    source = event(
        "custom.list",
        {"numbers": numbers, "text": "ring (404) 555-0100 at 9", "at": "2026-11-20T10:00:00Z"},
        key="lead-14045550100",
    )
    found = masked(source, KEY)
    data = msgspec.json.decode(found.data)
    assert data["numbers"] == [f"*********{it[-2:]}" for it in numbers]
    assert data["text"] == "ring ********00 at 9"
    assert data["at"] == "2026-11-20T10:00:00Z"
    assert found.key == f"lead-{contact_hash('14045550100', KEY)[:16]}"


def steps_of_hiding(numbers: int, text: str) -> int:
    """How many functions are called to hide so many numbers in a text."""
    hider = contact_hider(
        event("custom.list", {"numbers": [f"+1214555{n:04}" for n in range(numbers)]})
    )
    steps = 0

    def count(_frame: FrameType, _event: str, _arg: object) -> None:
        nonlocal steps
        steps += 1

    sys.setprofile(count)
    try:
        hider.text(text)
    finally:
        sys.setprofile(None)
    return steps


def test_a_text_is_gone_through_once_however_many_numbers_there_are() -> None:
    """It was once for each number, which took seconds of the loop for one event."""
    text = "98 76 " * 2_000 + "x" + "9" * 10_000
    assert steps_of_hiding(MAX_NUMBERS, text) <= steps_of_hiding(1, text) + 10
    assert steps_of_hiding(1, text * 2) <= 2 * steps_of_hiding(1, text) + 10


@given(st.lists(_NUMBERS, min_size=2, max_size=30, unique=True))
def test_numbers_one_behind_the_other_are_each_hidden(numbers: list[str]) -> None:
    hider = contact_hider(event("custom.list", {"numbers": numbers}))
    assert hider.text("/ ".join(numbers)) == "/ ".join(mask_number(it) for it in numbers)
