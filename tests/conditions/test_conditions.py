"""Conditions: what is true, what is false, what is a fault, and what is no condition."""

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.conditions.bounds import ConditionError
from offhook.conditions.condition import Fault, compile_condition
from offhook.conditions.facts import KNOWN_FIELDS, facts_of
from offhook.conditions.work import MAX_WORK
from offhook.model.catalogue import CATALOGUE
from offhook.model.event import LogEvent
from offhook.model.examples import example_data
from offhook.model.ids import AccountId, EventId


def event(type_: str = "call.ended", **changed: Any) -> LogEvent:
    data = {**example_data(type_), **changed}
    return LogEvent(
        partition=0,
        position=7,
        id=EventId("evt_7"),
        account=AccountId("acc"),
        type=type_,
        key="call_1",
        sequence=3,
        created_ms=1_700_000_000_000,
        test=False,
        historical=True,
        headers=None,
        data=msgspec.json.encode(data),
    )


def outcome(text: str, of: LogEvent | None = None) -> bool | Fault:
    condition = compile_condition(text)
    return condition.holds(facts_of(of or event(), condition.fields))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("data.duration_s != null && data.duration_s > 90", True),
        ("data.duration_s > 192", False),
        ("data.revenue == 45 && data.revenue > 44.99", True),
        ("data.revenue - data.payout == 15.0", True),
        ("data.cost == null", True),
        ("type == 'call.ended' && key == 'call_1' && sequence == 3", True),
        ("test || !historical", False),
        ("created < '2030-01-01' && id.startsWith('evt_')", True),
        ("data.location.state in ['NY', 'NJ']", True),
        ("data.disposition.code == 'SALE'", True),
        ("data.source.matches('^twi')", True),
        ("has(data.attributes.crm_lead)", True),
        ("data['attributes'].crm_lead.contains('4711')", True),
        ("data.legs.exists(leg, leg.role == 'agent')", False),
        ("timestamp(data.started_at) < timestamp('2026-11-20T10:00:01Z')", True),
        ("data.contact_list_ids.size() == 0", True),
    ],
)
def test_what_is_true_and_what_is_false(text: str, expected: bool) -> None:
    assert outcome(text) is expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("data.duration_s > 'ninety'", "does not work on number and string"),
        ("data.cost > 5", "does not work on null and int"),
        ("data.nothing == 1", "there is no field 'nothing'"),
        ("data.voicemail.left", "has none, such as null"),
        ("data.caller_id", "gives string, not true or false"),
        ("data.tags[4] == 'x'", "Index error"),
        ("data.sip_code / 0 == 1", "divide by zero"),
    ],
)
def test_a_fault_is_neither_true_nor_false_and_says_why(text: str, said: str) -> None:
    """The library gives a fault back as a text, which any test for truth would take for true."""
    found = outcome(text)
    assert isinstance(found, Fault)
    assert said in found.reason


@pytest.mark.parametrize("type_", sorted(CATALOGUE))
def test_every_field_of_the_catalogue_is_there_whatever_the_type(type_: str) -> None:
    for field in sorted(KNOWN_FIELDS):
        assert outcome(f"data['{field}'] == data['{field}']", event(type_)) is True


def test_a_field_outside_the_catalogue_is_there_only_if_the_event_has_it() -> None:
    given_one = event("custom.order", total=3)
    assert outcome("has(data.total) && data.total == 3", given_one) is True
    assert outcome("has(data.discount)", given_one) is False


def test_money_is_a_number_in_what_changed_too() -> None:
    changed = event("call.updated", changes={"payout": ["25.00", None], "notes": ["1", "2"]})
    assert outcome("data.changes.payout[0] == 25 && data.changes.notes[0] == '1'", changed) is True


def test_money_that_is_none_stays_what_it_is() -> None:
    assert outcome("data.revenue == 'much'", event("custom.order", revenue="much")) is True


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tpye == 'call.ended'", "line 1, column 1: 'tpye' is unknown; did you mean type?"),
        (
            "test &&\n duration_s > 3",
            "line 2, column 2: 'duration_s' is unknown; .*data.duration_s",
        ),
        ("data.duration_s >", "line 1, column 18: the text ends"),
        ("data.duration_s", None),
        ("1 + 1", "gives int, not true or false"),
        ("type == 1", "line 1, column 6: == does not work on string and int"),
        ("data == 1", "line 1, column 1: name a field of data"),
        ("data.size() > 1", "name a field of data"),
        ("data.tags.map(t, t) == []", "line 1, column 11: map makes a list"),
        ("'.map(' == type // .map(", None),
        ("data.a.all(x, data.b.all(y, x == y))", "line 1, column 22: a loop inside a loop"),
        (" || ".join(["data.tags.exists(t, t == 'a')"] * 5), "loop 5 .*4 are the most"),
        ("data.tags.exists(t, t == '" + "a" * 1_000 + "')", "with a loop .*500 are the most"),
        ("type == '" + "a" * 4_000 + "'", "4000 are the most"),
        ("+".join(["1"] * 18) + " > 1", "plus signs"),
        ("data.queue.matches(data.notes)", "matches takes a pattern in quotes"),
        ("matches(data.queue, data.notes)", "matches takes a pattern in quotes"),
        ("data.queue.matches(r'(')", r"missing \): \(, in r'\('"),
        (
            "data.s.matches('(a?){900}c')",
            r"pattern '\(a\?\)\{900\}c' repeats up to \{900\}; 32 times are the most: use \* or",
        ),
        ("data.s.matches('x{33,}')", "32 times are the most"),
        ("data.s.matches('((a{16}){16}){2}')", "comes to .* multiplied out; 500 are the most"),
        ("data.s.matches('(?:(ab?){25}c|d){20}')", "500 are the most"),
        (r"data.s.matches(r'(\pL{2} ){2}')", r"steps to compile; 25000 are the most: .*\[a-z\]"),
        (r"data.s.matches(r'[^\pL\pN\pP]')", "25000 are the most"),
        (r"data.s.matches(r'\Qa\E{4}')", "write a backslash"),
        ("data.s.matches('" + "a" * 501 + "')", "pattern 'aaa.*has 501 characters; 500 are"),
        ("(" * 40 + "test" + ")" * 40, "nested too deeply"),
        ("", "the text ends"),
        ("\udcff == type", "line 1|nested|UTF|surrogate"),
    ],
)
def test_a_text_that_is_no_condition_says_where_what_and_the_remedy(
    text: str, said: str | None
) -> None:
    if said is None:
        compile_condition(text)
        return
    with pytest.raises(ConditionError, match=said):
        compile_condition(text)


def test_the_same_text_is_compiled_once() -> None:
    assert compile_condition("test || historical") is compile_condition("test || historical")


@pytest.mark.parametrize(
    "large",
    [
        "x" * 5_000,
        list(range(300)),
        [[0] * 150 for _ in range(10)],
        {"deep": ["y" * 5_000]},
        {"y" * 5_000: 1},
    ],
)
def test_what_is_too_large_is_not_looked_at_and_the_fault_says_so(large: object) -> None:
    """Otherwise one short text could keep the process busy for seconds."""
    of = event("custom.bulk", payload=large)
    found = outcome("data.payload == 'x'", of)
    assert found == Fault("data.payload is too large to be looked at")
    assert outcome("type == 'custom.bulk' || data.payload == 'x'", of) is True


def largest_event() -> LogEvent:
    return event(
        "custom.worst",
        l=list(range(200)),
        m={str(n): list(range(3)) for n in range(120)},
        s="a" * 4_096,
        t=["xyq" * 400] * 190,
        u="é" * 4_096,
    )


_TOO_MUCH = [
    "data.l.all(x, data.m == data.m" + " && data.m == data.m" * 21 + ")",
    "data.l.all(x, !data.s.matches('(a?){32}c'))",
    "data.l.all(x, !data.s.matches('[aé]{32}c') || x == 'a')",
    "data.l.all(x, !(data.s + data.s).matches('a*c'))",
    "data.l.all(x, !(x == 3 ? data.s : data.u).matches('a*b*c*d*'))",
    "data.t.exists(t, t.matches('x.{12}z'))",
    "data.t.exists(t, string(t).matches('x.{12}z'))",
    "['a', 'b', 'c'].exists(t, data.u.matches('(.{32}a|.{32}b|.{32}c)'))",
    "[data.t, data.t].all(t, t[0].matches('.{32}c'))",
    " || ".join([r"data.u.matches(r'\w{32}c')"] * 20),
    r"data.l.exists(x, 'abc'.matches(r'\pL+ \pL+'))",
    "data.m.all(key, !data.s.contains(data.s + data.s + data.u))",
]


@pytest.mark.parametrize("text", _TOO_MUCH)
def test_what_would_be_too_much_work_on_an_event_is_a_fault_and_not_begun(text: str) -> None:
    of = largest_event()
    condition = compile_condition(text)
    facts = facts_of(of, condition.fields)
    assert condition.work(facts.sizes) > MAX_WORK
    found = condition.holds(facts)
    assert isinstance(found, Fault)
    assert "steps of work on this event; 2500000 are the most: match shorter" in found.reason
    assert condition.work(facts_of(event("custom.small"), condition.fields).sizes) < MAX_WORK


@pytest.mark.parametrize(
    "text",
    [
        "data.l.all(x, !([[data.l, data.l, data.l]] == [[x]]))",
        "[data.s, data.s].all(x, (x + x + x + x + x).size() > 5)",
        "!data.s.matches('(a{1,32}b?)*(a|aa)*c$')",
        "data.t.all(t, !t.matches('z'))",
        "!data.t.exists(t, t == 'x' || t.contains('z'))",
        "!data.s.matches('(?i)(agent|sales|support|complaint)')",
    ],
)
def test_what_is_within_the_bounds_of_work_is_evaluated(text: str) -> None:
    assert outcome(text, largest_event()) is True


@given(st.integers(1, 200), st.integers(1, 1_000), st.integers(1, 32))
def test_work_rises_with_the_items_the_texts_and_the_counts(items: int, size: int, n: int) -> None:
    def work(items: int, size: int, count: int) -> int:
        condition = compile_condition(f"data.t.all(t, t.matches('x.{{{count}}}z'))")
        facts = facts_of(event("custom.any", t=["x" * size] * items), condition.fields)
        assert condition.holds(facts) in {True, False} or condition.work(facts.sizes) > MAX_WORK
        return condition.work(facts.sizes)

    least = work(items, size, n)
    assert work(items, size, n + 1 if n < 32 else n) >= least
    assert work(min(items + 1, 200), size + 1, n) > least
    assert least >= items * size * n


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(), below, max_size=4),
    max_leaves=12,
)


@given(_JSON)
def test_whatever_an_event_holds_a_condition_answers(value: Any) -> None:
    for text in ("data.x > 3", "data.x == data.x", "data.x.y[0] == 'a'", "data.x.all(i, i == 1)"):
        assert isinstance(outcome(text, event("custom.any", x=value)), bool | Fault)


@given(st.text(max_size=60))
def test_whatever_is_written_is_a_condition_or_said_not_to_be(text: str) -> None:
    with suppress(ConditionError):
        compile_condition(text)
