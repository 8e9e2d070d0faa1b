"""Mapping documents: what each option does, and everything wrong with one said at once."""

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.mapping.compiler import Mapped, Unread, compile_mapping
from offhook.mapping.targets import TARGETS
from offhook.model.call import CallData, Location, Visitor
from offhook.model.errors import Invalid
from offhook.model.reading import STATED_FIELDS

RECORD: dict[str, object] = {
    "id": 7,
    "first": "Ada",
    "last": "",
    "tags": [{"name": "vip"}, {"name": ""}, {"name": "late"}],
    "more": ["x"],
    "words": "a, b,,c",
    "status": " NO ANSWER ",
    "len": -57,
    "nothing": "NULL",
    "deep": {"list": [1, 2], "object": {"a": 1}},
}


def mapped(target: str, rule: object) -> Mapped:
    return compile_mapping({target: rule}).apply(RECORD)


def faults(document: object) -> dict[str, str]:
    with pytest.raises(Invalid) as refused:
        compile_mapping(document)
    for error in refused.value.errors:
        assert f"{error.path}: {error.message}" in refused.value.detail
    return {error.path: error.message for error in refused.value.errors}


@pytest.mark.parametrize(
    ("target", "rule", "value"),
    [
        ("external_id", "id", "7"),
        ("notes", {"value": "fixed"}, "fixed"),
        ("caller_name", {"concat": ["first", "last"], "separator": " "}, "Ada"),
        ("external_id", {"concat": [{"value": "x"}, "id"], "separator": "-"}, "x-7"),
        ("tags", {"concat": ["tags[*].name", "more", "first"]}, ["vip", "late", "x", "Ada"]),
        ("tags", {"path": "words", "as": "list", "separator": ","}, ["a", "b", "c"]),
        ("tags", "first", ["Ada"]),
        ("notes", {"path": "tags[*].name", "join": "; "}, "vip; late"),
        ("campaign_id", {"first": ["nothing", "absent", "id"]}, "7"),
        ("outcome", {"path": "status", "lookup": {"NO ANSWER": "missed"}}, "missed"),
        ("tags", {"path": "more", "lookup": {"x": "ex"}}, ["ex"]),
        ("outcome", {"path": "first", "lookup": {"b": "busy"}, "default": "missed"}, "missed"),
        ("attributes.n", {"path": "id", "as": "integer"}, 7),
        ("attributes.n", {"path": "absent", "as": "integer", "default": "3"}, 3),
        ("attributes.raw", "deep.object", {"a": 1}),
        ("ivr_s", {"path": "id", "when": {"path": "id", "min": 7, "max": 7}}, 7.0),
        ("notes", {"path": "first", "when": {"path": "last", "in": [None]}}, "Ada"),
        ("notes", {"path": "first", "when": {"path": "status", "in": ["NO ANSWER"]}}, "Ada"),
        ("converted", {"value": True}, True),
    ],
)
def test_an_option_does_what_it_says(target: str, rule: object, value: object):
    nested = value
    for part in reversed(target.split(".")):
        nested = {part: nested}
    assert mapped(target, rule) == Mapped(nested)


@pytest.mark.parametrize(
    ("target", "rule"),
    [
        ("notes", "nothing"),
        ("notes", "last"),
        ("notes", "absent.deeper"),
        ("outcome", {"path": "first", "lookup": {"b": "busy"}, "default": None}),
        ("external_id", {"path": "id", "null_if": [7]}),
        ("external_id", {"path": "id", "null_if": ["7"]}),
        ("ivr_s", {"path": "len", "when": {"path": "len", "min": 0}}),
        ("notes", {"path": "first", "when": {"path": "first", "min": 0}}),
        ("notes", {"path": "first", "when": {"path": "first", "not_in": ["Ada"]}}),
        ("notes", {"path": "first", "when": [{"path": "id", "in": [7]}, {"path": "id", "max": 6}]}),
        ("notes", {"path": "first", "when": {"any": [{"path": "id", "in": [8]}]}}),
        ("notes", {"concat": ["last", "nothing"], "separator": "-"}),
    ],
)
def test_null_is_left_out(target: str, rule: object):
    assert mapped(target, rule) == Mapped({})


@pytest.mark.parametrize(
    ("target", "rule", "error"),
    [
        ("ivr_s", "len", Unread("ivr_s", "len", -57, "is a negative duration")),
        (
            "external_id",
            {"path": "absent", "required": True},
            Unread("external_id", "absent", None, "is required, and the record has none"),
        ),
        (
            "external_id",
            {"concat": ["first", {"path": "last", "required": True}]},
            Unread("external_id", "last", None, "is required, and the record has none"),
        ),
        (
            "notes",
            "more",
            Unread("notes", "more", ["x"], "is a list; take one value, or use join"),
        ),
        (
            "outcome",
            {"path": "status", "lookup": {"BUSY": "busy"}},
            Unread(
                "outcome",
                "status",
                "NO ANSWER",
                'is not in "lookup", and the rule has no "default"',
            ),
        ),
        (
            "direction",
            "first",
            Unread("direction", "first", "Ada", "is no direction; it is one of inbound, outbound"),
        ),
        (
            "started_at",
            {"concat": ["first", "id"], "separator": " "},
            Unread("started_at", "first + id", "Ada 7", "is not in the format iso8601"),
        ),
    ],
)
def test_what_cannot_be_read_is_told_with_its_source_and_value(
    target: str, rule: object, error: Unread
):
    assert mapped(target, rule) == Mapped({}, (error,))


def test_one_bad_field_spoils_no_other():
    found = compile_mapping({"ivr_s": "len", "caller_name": "first"}).apply(RECORD)
    assert found.fields == {"caller_name": "Ada"}
    assert [error.target for error in found.errors] == ["ivr_s"]


def test_a_nested_object_without_the_field_that_makes_it_is_an_error():
    mapping = compile_mapping({"disposition.code": "absent", "disposition.note": "first"})
    found = mapping.apply(RECORD)
    assert found.fields == {}
    assert [error.target for error in found.errors] == ["disposition.code"]


def test_every_error_of_a_document_is_said_at_once():
    assert faults(
        {
            "caller": "from",
            "call_id": "id",
            "leg.role": "role",
            "disposition": "code",
            "started_at": {"path": "at", "as": "timestamp", "format": "%Q"},
            "ended_at": {"pth": "at"},
            "external_id": {"path": "a b", "value": 1},
            "duration_s": {"path": "len", "unit": "minutes"},
            "outcome": {"path": "x", "lookup": []},
            "notes": {"path": "x", "as": "txt", "when": {"path": "y"}},
            "tags": {"concat": []},
            "caller_id": {"path": "x", "region": "USA"},
            "queue": {"path": "x", "format": "iso8601", "required": "yes"},
        }
    ).keys() == {
        "mapping.caller",
        "mapping.call_id",
        "mapping.leg.role",
        "mapping.disposition",
        "mapping.started_at.format",
        "mapping.ended_at.pth",
        "mapping.ended_at",
        "mapping.external_id",
        "mapping.external_id.path",
        "mapping.duration_s.unit",
        "mapping.outcome.lookup",
        "mapping.notes.as",
        "mapping.notes.when",
        "mapping.tags.concat",
        "mapping.caller_id.region",
        "mapping.queue.format",
        "mapping.queue.required",
    }


@pytest.mark.parametrize(
    ("document", "path", "message"),
    [
        ({"caler_id": "x"}, "mapping.caler_id", 'did you mean "caller_id"?'),
        ({"vertical": "x"}, "mapping.vertical", "attributes.<name>"),
        ({"leg.role": "x"}, "mapping.leg.role", "legs cannot be mapped yet"),
        ({"status": "x"}, "mapping.status", "for Offhook to say"),
        ({"visitor": "x"}, "mapping.visitor", '"visitor.session_id"'),
        ({"notes": {"path": "x", "as": "integr"}}, "mapping.notes.as", '"integer"'),
        ({"notes": {"path": "x", "as": "integer"}}, "mapping.notes.as", "notes takes text"),
        ({"notes": {"pathe": "x"}}, "mapping.notes.pathe", '"path"'),
        ({"notes": "vru+line"}, "mapping.notes.path", "in quotes"),
        ({"notes": {"path": "x", "unit": "ms"}}, "mapping.notes.unit", '"as": "duration"'),
        ({"notes": {"path": "x", "separator": ","}}, "mapping.notes.separator", "concat"),
        ({"outcome": {"value": "anwered"}}, "mapping.outcome.value", "is no outcome"),
        (
            {"outcome": {"path": "x", "lookup": {"A": "anwered"}}},
            "mapping.outcome.lookup.A",
            "is no outcome",
        ),
        (
            {"outcome": {"first": ["x", {"value": "lost"}]}},
            "mapping.outcome.first[1].value",
            "is no outcome",
        ),
        ({"talk_s": {"path": "x", "default": "-1"}}, "mapping.talk_s.default", "negative"),
        ({"started_at": {"value": "now"}}, "mapping.started_at.value", "same for every call"),
        ({"voicemail.url": "x"}, "mapping.voicemail", "needs voicemail.left"),
        (
            {"ended_at": {"path": "x", "not_before": "started_at"}},
            "mapping.ended_at.not_before",
            "no time that this mapping fills",
        ),
        (
            {
                "started_at": {"path": "x", "not_before": "ended_at"},
                "ended_at": {"path": "y", "not_before": "started_at"},
            },
            "mapping.started_at.not_before",
            "itself depends on started_at",
        ),
        ({}, "mapping", "1 to 300 targets"),
        ([], "mapping", "1 to 300 targets"),
        ({"notes": 3}, "mapping.notes", "must be a path or an object"),
    ],
)
def test_an_error_names_its_place_and_the_remedy(document: object, path: str, message: str):
    assert message in faults(document)[path]


def test_a_document_that_nests_without_end_is_refused():
    rule: object = "x"
    for _ in range(50):
        rule = {"first": [rule]}
    assert faults({"notes": rule})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["path", "value", "concat", "first", "as", "when", "in", "default"])
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(rule=JSON, record=st.dictionaries(st.sampled_from(["a", "b"]), JSON))
def test_any_document_compiles_or_is_refused_and_then_any_record_is_mapped(
    rule: object, record: dict[str, object]
):
    with suppress(Invalid):
        mapping = compile_mapping({"notes": rule, "attributes.x": rule})
        assert isinstance(mapping.apply(record), Mapped)


def test_the_targets_are_the_fields_that_a_source_may_state():
    heads = {name.partition(".")[0] for name in TARGETS} | {"attributes"}
    assert heads == STATED_FIELDS - {"call_id", "client_id", "historical"}
    assert heads - {"group"} <= set(CallData.__struct_fields__)
    nested = {name for name in TARGETS if name.startswith(("visitor.", "location."))}
    assert nested == {f"visitor.{field}" for field in Visitor.__struct_fields__} | {
        f"location.{field}" for field in Location.__struct_fields__
    }


def test_defaults_of_the_client_serve_rules_that_name_none():
    mapping = compile_mapping(
        {"caller_id": "from", "started_at": {"path": "at", "format": "%Y-%m-%d %H:%M"}},
        timezone="Asia/Jerusalem",
        region="IL",
    )
    record: dict[str, object] = {"from": "03-608-6666", "at": "1999-02-01 07:02"}
    fields = {"caller_id": "+97236086666", "started_at": "1999-02-01T05:02:00Z"}
    assert mapping.apply(record) == Mapped(fields)


def test_fields_are_plain_json():
    document = {"started_at": "at", "tags": "tags", "payout": "pay", "attributes.at": {
        "path": "at", "as": "timestamp"}}  # fmt: skip
    record: dict[str, object] = {"at": "2026-01-01T00:00:00Z", "tags": ["a"], "pay": 1.5}
    fields = compile_mapping(document).apply(record).fields
    assert msgspec.json.decode(msgspec.json.encode(fields)) == fields


def test_the_columns_looked_at_are_known():
    mapping = compile_mapping({"notes": {"path": "a.b", "when": {"path": "'c d'", "in": ["x"]}}})
    assert mapping.columns == {"a", "c d"}
