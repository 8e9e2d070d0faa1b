"""Posted events are read strictly: every fault is named, and nothing else ever goes wrong."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.log.entries import Submission
from offhook.log.submit import read_submission
from offhook.model.call import Direction, Disposition, Visitor, Voicemail
from offhook.model.errors import Invalid, OffhookError, TooLarge
from offhook.model.fact import CallFact, ContactProbe, PlainFact
from offhook.model.ids import DEFAULT_ACCOUNT, call_id
from offhook.model.reading import STATED_FIELDS

_ID = {"source": "twilio", "external_id": "CA1"}


def _read(item: object, *, test: bool = False, size: int = 500) -> Submission:
    return read_submission(item, account=DEFAULT_ACCOUNT, test=test, size=size)


def _call(data: dict[str, Any], type_: str = "call.updated", **envelope: Any) -> CallFact:
    fact = _read({"type": type_, "data": {**_ID, **data}, **envelope}).fact
    assert isinstance(fact, CallFact)
    return fact


def _fields(data: dict[str, Any]) -> dict[str, Any]:
    fields = dict(_call(data).fields)
    del fields["source"], fields["external_id"]
    return fields


def _faults(item: object) -> dict[str, str]:
    with pytest.raises(Invalid) as refused:
        _read(item)
    return {error.path: error.message for error in refused.value.errors}


def _fault(data: dict[str, Any]) -> dict[str, str]:
    return _faults({"type": "call.updated", "data": {**_ID, **data}})


@pytest.mark.parametrize(
    ("stated", "read"),
    [
        (
            {"started_at": "2026-11-20T10:00:00-05:00"},
            {"started_at": datetime(2026, 11, 20, 15, tzinfo=UTC)},
        ),
        ({"payout": 12.5}, {"payout": "12.5"}),
        ({"payout": "12.50"}, {"payout": "12.50"}),
        ({"payout": 0.1}, {"payout": "0.1"}),
        ({"cost": 1e-07}, {"cost": "0.0000001"}),
        ({"revenue": -3}, {"revenue": "-3"}),
        ({"currency": "usd"}, {"currency": "USD"}),
        ({"direction": "inbound"}, {"direction": Direction.INBOUND}),
        ({"ring_s": 6}, {"ring_s": 6.0}),
        ({"sip_code": 486.0}, {"sip_code": 486}),
        ({"agent_id": 17}, {"agent_id": "17"}),
        ({"tags": ["a", "", "b"]}, {"tags": ("a", "b")}),
        ({"disposition": {"code": "SALE"}}, {"disposition": Disposition("SALE")}),
        ({"disposition": "SALE"}, {"disposition": Disposition("SALE")}),
        ({"visitor": {"gclid": "x", "fbclid": ""}}, {"visitor": Visitor(gclid="x")}),
        ({"voicemail": {"left": True}}, {"voicemail": Voicemail(True)}),
        ({"caller_id": "+1 (404) 555-0100"}, {"caller_id": "+14045550100"}),
        ({"caller_id": "104"}, {"caller_id": None, "caller_raw": "104"}),
        (
            {"dialed_number": "911"},
            {"dialed_number": None, "attributes": {"dialed_number_raw": "911"}},
        ),
        (
            {"notes": "", "tags": [], "media": {}, "queue": "NULL"},
            {"notes": None, "tags": None, "media": None, "queue": None},
        ),
        ({"converted": False}, {"converted": False}),
        ({"ring_s": 0}, {"ring_s": 0.0}),
        ({"attributes": {"a": 1, "b": ""}}, {"attributes": {"a": 1, "b": None}}),
    ],
)
def test_a_field_is_read_into_its_one_form(stated: dict[str, Any], read: dict[str, Any]) -> None:
    assert _fields(stated) == read


@pytest.mark.parametrize(
    "shown", ["anonymous", "Anonymous", " RESTRICTED ", "unknown", "private", "+266696687"]
)
def test_a_withheld_caller_is_never_a_number(shown: str) -> None:
    fields = _fields({"caller_id": shown, "direction": "inbound"})
    assert fields.get("caller_id") is None
    assert fields["caller_withheld"] is True
    assert fields["caller_raw"] == shown


def test_a_number_shown_with_a_caller_who_withheld_it_is_not_kept() -> None:
    assert "caller_id" not in _fields({"caller_id": "+14045550100", "caller_withheld": True})


@pytest.mark.parametrize(
    ("data", "path", "said"),
    [
        ({"ring_s": "6"}, "ring_s", "'6' is not a number of seconds"),
        ({"ring_s": -1}, "ring_s", "-1"),
        ({"ring_s": True}, "ring_s", "True"),
        ({"started_at": "2026-11-20 10:00"}, "started_at", "RFC 3339"),
        ({"started_at": "2026-11-20T10:00:00"}, "started_at", "offset"),
        ({"started_at": "2026-02-30T10:00:00Z"}, "started_at", "2026-02-30"),
        ({"started_at": "0001-01-01T00:00:00+14:00"}, "started_at", "year 1"),
        ({"payout": "12,50"}, "payout", "12.50"),
        ({"payout": "$5"}, "payout", "amount"),
        ({"payout": "1" * 19}, "payout", "amount"),
        ({"payout": "1." + "1" * 18}, "payout", "18 digits"),
        ({"payout": float("nan")}, "payout", "nan"),
        ({"payout": True}, "payout", "amount"),
        ({"direction": "in"}, "direction", "inbound, outbound"),
        ({"sip_code": 42}, "sip_code", "100 to 699"),
        ({"status": "ended"}, "status", "set by Offhook"),
        ({"legs": [{}]}, "legs", "set by Offhook"),
        ({"repeat_caller": True}, "repeat_caller", "set by Offhook"),
        ({"colour": "red"}, "colour", "attributes"),
        ({"disposition": {"note": "n"}}, "disposition.code", "missing"),
        ({"disposition": {"code": "A", "by": 1}}, "disposition.by", "no field"),
        ({"tags": ["a", {"b": 1}]}, "tags[1]", "not a string"),
        ({"tags": ["t"] * 101}, "tags", "100"),
        ({"queue": "a\x00b"}, "queue", "U+0000"),
        ({"queue": "a" * 8193}, "queue", "8192"),
        ({"queue": "é" * 4097}, "queue", "8192"),
        ({"queue": "\ud800"}, "queue", "surrogate"),
        ({"attributes": {"a": {"b": ["\x00"]}}}, "attributes.a.b[0]", "U+0000"),
        ({"attributes": {"a\x00": 1}}, "attributes", "U+0000"),
        ({"attributes": {str(n): n for n in range(201)}}, "attributes", "200"),
        ({"attributes": {"n": 2**70}}, "attributes.n", "64 bits"),
        ({"call_id": "call_1"}, "call_id", "no call id"),
        ({"call_id": "call_7GQ2M4ZB1X0V8K6T"}, "call_id", "another call"),
    ],
)
def test_a_fault_is_named_with_its_field_and_value(
    data: dict[str, Any], path: str, said: str
) -> None:
    faults = _fault(data)
    assert list(faults) == [f"body.data.{path}"]
    assert said in faults[f"body.data.{path}"]


def test_all_faults_of_an_item_are_told_at_once() -> None:
    faults = _faults(
        {"type": "call.ended", "data": {"ring_s": "6", "foo": 1}, "zzz": 1, "id": "a b"}
    )
    assert list(faults) == ["body.zzz", "body.id", "body.data.ring_s", "body.data.foo"]


def test_nesting_beyond_32_levels_is_refused() -> None:
    deep: object = 1
    for _ in range(31):
        deep = [deep]
    assert "nested" in next(iter(_fault({"attributes": {"a": deep}}).values()))
    assert "nested" in next(iter(_faults({"type": "custom.a", "data": {"a": deep}}).values()))


def test_notes_may_be_long() -> None:
    assert len(_fields({"notes": "n" * 65536})["notes"]) == 65536
    assert "body.data.notes" in _fault({"notes": "n" * 65537})


def test_data_beyond_256_kib_is_refused() -> None:
    data = {"parts": ["p" * 60_000] * 5}
    with pytest.raises(TooLarge):
        _read({"type": "custom.big", "data": data}, size=300_100)


def test_a_call_is_named_by_its_group_before_its_external_id() -> None:
    one = _call({"external_id": "leg-1", "group": "g"}).call_id
    assert one == _call({"external_id": "leg-2", "group": "g"}).call_id
    assert one == call_id(DEFAULT_ACCOUNT, "twilio", "g")
    assert _read({"type": "call.ended", "data": {"call_id": one}}).key == one


@pytest.mark.parametrize(
    ("data", "missing"),
    [({}, "source"), ({"source": "s"}, "external_id"), ({"external_id": "1"}, "source")],
)
def test_a_call_that_nobody_could_name_is_refused(data: dict[str, Any], missing: str) -> None:
    assert f"body.data.{missing}" in _faults({"type": "call.ended", "data": data})


def test_test_keys_have_calls_of_their_own() -> None:
    item = {"type": "call.ended", "data": dict(_ID)}
    assert _read(item, test=True).key != _read(item).key


def test_a_call_event_takes_no_key_but_its_call() -> None:
    item = {"type": "call.ended", "data": dict(_ID)}
    own = _read(item).key
    assert _read({**item, "key": own}).key == own
    assert "body.key" in _faults({**item, "key": "mine"})


def test_a_disposition_event_says_what_was_saved() -> None:
    assert "body.data.disposition" in _faults({"type": "call.disposition_set", "data": dict(_ID)})


@pytest.mark.parametrize(
    ("type_", "data", "probe"),
    [
        ("call.started", {"direction": "inbound", "caller_id": "+12145550123"}, "+12145550123"),
        ("call.started", {"direction": "outbound", "caller_id": "+12145550123"}, None),
        (
            "call.started",
            {"direction": "outbound", "dialed_number": "+12145550123"},
            "+12145550123",
        ),
        ("call.missed", {"caller_id": "+12145550123"}, "+12145550123"),
        ("call.started", {"caller_id": "+12145550123"}, None),
        ("call.started", {"direction": "inbound", "caller_id": "anonymous"}, None),
    ],
)
def test_the_contact_is_looked_up_where_the_fact_names_it(
    type_: str, data: dict[str, Any], probe: str | None
) -> None:
    item = {"type": type_, "data": {**_ID, **data, "started_at": "2026-11-20T10:00:00Z"}}
    expected = None if probe is None else ContactProbe(probe, 1_795_168_800_000)
    assert _read(item).probe == expected
    assert _read(item, test=True).probe is None


@pytest.mark.parametrize(
    ("type_", "extra", "data", "key"),
    [
        ("contact.created", {}, {"contact_id": "c1"}, "c1"),
        ("contact_list.modified", {}, {"id": "l1"}, "l1"),
        ("contact.modified", {}, {"contact_id": 204}, "204"),
        ("message.sent", {"key": "thread-9"}, {"message_id": "m1"}, "thread-9"),
        ("customer.qualified", {}, {"customer_id": "x"}, "x"),
        ("custom.won", {}, {"customer_id": "x"}, None),
        ("custom.won", {"key": "call_7GQ2M4ZB1X0V8K6T"}, {}, "call_7GQ2M4ZB1X0V8K6T"),
    ],
)
def test_other_events_are_keyed_by_what_they_speak_of(
    type_: str, extra: dict[str, Any], data: dict[str, Any], key: str | None
) -> None:
    assert _read({"type": type_, "data": data, **extra}).key == key


def test_other_data_leaves_as_it_came_with_its_time() -> None:
    stamp = "2026-11-20T10:00:00Z"
    fact = _read({"type": "custom.a", "data": {"x": [1, None]}, "occurred_at": stamp}).fact
    assert isinstance(fact, PlainFact)
    assert json.loads(fact.data) == {"x": [1, None], "occurred_at": stamp}


def test_known_fields_of_other_events_are_typed() -> None:
    faults = _faults({"type": "customer.qualified", "data": {"score": "high", "extra": 1}})
    assert list(faults) == ["body.data.score"]


@pytest.mark.parametrize(
    ("headers", "good"),
    [
        ({"X-Env": "prod"}, True),
        ({f"X-{n}": "v" for n in range(10)}, True),
        ({f"X-{n}": "v" for n in range(11)}, False),
        ({"X-Env": "a\r\nHost: b"}, False),
        ({"X Env": "a"}, False),
        ({"Content-Type": "a"}, False),
        ({"Host": "a"}, False),
        ({"webhook-id": "a"}, False),
        ({"X-Callcall-Signature": "a"}, False),
        ({"Authorization": "a"}, False),
        ({"Transfer-Encoding": "a"}, False),
        ({"X-A": "1", "x-a": "2"}, False),
        ({"X-A": 1}, False),
        (["X-A"], False),
    ],
)
def test_headers_are_harmless_or_refused(headers: object, good: bool) -> None:
    item = {"type": "custom.a", "data": {"x": 1}, "headers": headers}
    if good:
        assert _read(item).fact.headers == headers
    else:
        assert all(path.startswith("body.headers") for path in _faults(item))


def test_the_digest_tells_the_same_body_from_another() -> None:
    item = {"type": "Call Ended", "id": "e1", "data": {**_ID, "ring_s": 6, "queue": "q"}}
    turned = {**item, "type": "call.ended", "data": dict(reversed(item["data"].items()))}
    other = {**item, "data": {**item["data"], "queue": "r"}}
    assert _read(item).given_id == "e1"
    assert _read(item).digest == _read(turned).digest != _read(other).digest
    assert _read({**item, "id": None}).given_id is None


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
_names = st.sampled_from([*sorted(STATED_FIELDS), "status", "nonsense"])
_items = st.fixed_dictionaries(
    {"type": st.sampled_from(["call.ended", "call.disposition_set", "message.sent", "custom.a"])},
    optional={
        "data": st.dictionaries(_names, _json, max_size=8) | _json,
        "key": _json,
        "id": _json,
        "occurred_at": _json,
        "headers": _json,
    },
)


@given(_items | _json)
def test_reading_raises_nothing_but_refusals(item: object) -> None:
    try:
        submission = _read(item)
    except OffhookError:
        return
    assert submission.fact.headers is None or len(submission.fact.headers) <= 10
