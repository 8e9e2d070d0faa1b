"""What holds of the fold for any facts in any order."""

from typing import Any

import msgspec
from call_story import Story, at
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.model.call import Call, Status
from offhook.model.catalogue import CATALOGUE

_ORDER = {status.value: place for place, status in enumerate(Status)}
_MAY_REPEAT = {
    "call.updated",
    "call.transferred",
    "call.recording_received",
    "call.disposition_modified",
}
_PER_EVENT = {"occurred_at", "transition", "changes"}

_ANSWERED_CALL = [
    ("call.started", {"started_at": at(0), "caller_id": "+12145550123", "campaign_id": "c"}),
    ("call.ringing", {}),
    ("call.queued", {"queue": "sales"}),
    ("call.answered", {"answered_at": at(6), "agent_id": "a"}),
    ("call.ended", {"ended_at": at(60), "hangup_by": "caller"}),
    ("call.disposition_set", {"disposition": {"code": "SALE"}}),
    ("call.recording_received", {"recording_urls": ["https://r/1"]}),
    ("call.updated", {"payout": "12.50", "attributes": {"x": 1}}),
]
_ABANDONED_CALL = [
    ("call.started", {"started_at": at(0), "caller_id": "+12145550123"}),
    ("call.queued", {"queue": "sales"}),
    ("call.abandoned", {"ended_at": at(20)}),
    ("call.ended", {"ended_at": at(20), "sip_code": 487}),
    ("call.updated", {"visitor": {"gclid": "g"}}),
]
_UNANSWERED_CALL = [
    ("call.started", {"started_at": at(0)}),
    ("call.ringing", {}),
    ("call.ended", {"ended_at": at(20)}),
    ("call.updated", {"location": {"zip": "14604"}}),
]
_DIALLED_CALL = [
    ("call.started", {"started_at": at(0), "dialed_number": "+12145550123"}),
    ("call.answered", {"answered_at": at(5)}),
    ("call.voicemail_detected", {}),
    ("call.ended", {"ended_at": at(9)}),
]
_LIVES = st.sampled_from(
    [
        ("inbound", _ANSWERED_CALL),
        ("inbound", _ABANDONED_CALL),
        ("inbound", _UNANSWERED_CALL),
        ("outbound", _DIALLED_CALL),
    ]
)


@st.composite
def _shuffled_lives(draw: st.DrawFn) -> tuple[str, list[Any], list[Any]]:
    direction, facts = draw(_LIVES)
    repeated = draw(st.lists(st.sampled_from(facts), max_size=4))
    return direction, facts, draw(st.permutations([*facts, *repeated]))


def _truth(story: Story) -> dict[str, Any]:
    truth: dict[str, Any] = msgspec.to_builtins(story.data)
    return {field: value for field, value in truth.items() if field not in _PER_EVENT}


@given(_shuffled_lives())
@settings(max_examples=200, deadline=None)
def test_the_order_and_repetition_of_facts_decide_nothing(
    life: tuple[str, list[Any], list[Any]],
) -> None:
    direction, facts, shuffled = life
    in_order, in_disorder = Story(direction), Story(direction)
    in_order.live(*facts)
    in_disorder.live(*shuffled)
    assert _truth(in_disorder) == _truth(in_order)


@given(_shuffled_lives())
@settings(max_examples=200, deadline=None)
def test_an_answered_call_is_never_called_missed_from_then_on(
    life: tuple[str, list[Any], list[Any]],
) -> None:
    direction, _, shuffled = life
    story = Story(direction)
    for type_, data in shuffled:
        answered = story.call is not None and story.data.outcome == "answered"
        told = story.post(type_, data)
        story.now_s += 5
        assert not (answered and {"call.missed", "call.abandoned"} & set(told))
    if any(type_ == "call.answered" for type_, _ in shuffled):
        assert story.settle() == []


_fields = st.fixed_dictionaries(
    {},
    optional={
        "direction": st.sampled_from(["inbound", "outbound"]),
        "caller_id": st.sampled_from(["+12145550123", "anonymous", "104"]),
        "started_at": st.integers(-9999, 99).map(at),
        "answered_at": st.integers(-99, 99).map(at),
        "agent_connected_at": st.integers(-99, 99).map(at),
        "ended_at": st.integers(-9999, 99).map(at),
        "outcome": st.sampled_from(
            ["answered", "missed", "voicemail", "machine", "failed", "busy"]
        ),
        "missed_reason": st.sampled_from(["closed", "voicemail", "abandoned_ivr"]),
        "failure": st.sampled_from(["busy", "carrier", "no_answer"]),
        "answered_by": st.sampled_from(["human", "machine", "unknown"]),
        "sip_code": st.sampled_from([200, 404, 486, 487, 503]),
        "hangup_by": st.sampled_from(["caller", "agent"]),
        "talk_s": st.floats(0, 99),
        "duration_s": st.floats(0, 99),
        "queue": st.sampled_from(["", "sales", "support"]),
        "payout": st.sampled_from(["0", "1.50", "1.5"]),
        "qualified": st.booleans(),
        "historical": st.booleans(),
        "voicemail": st.fixed_dictionaries({"left": st.booleans()}),
        "attributes": st.dictionaries(st.sampled_from("abc"), st.integers(0, 2)),
    },
)
_types = st.sampled_from([type_ for type_ in CATALOGUE if type_.startswith("call.")] + ["record"])
_steps = st.lists(
    st.tuples(_types, _fields, st.sampled_from(["A", "B"]), st.integers(0, 30)), max_size=10
)


def _step(story: Story, step: tuple[str, dict[str, Any], str, int]) -> list[str]:
    type_, fields, code, pause_s = step
    story.now_s += pause_s
    if type_ == "record":
        return story.record(fields)
    if type_.startswith("call.disposition"):
        fields = {**fields, "disposition": code}
    return story.post(type_, fields)


def _check_step(story: Story, before: dict[str, Any], types: list[str]) -> None:
    after = _truth(story)
    assert story.last is not None
    assert bool(types) == (story.last.carrier is not None)
    if not types:
        assert after == before
    if before:
        assert _ORDER[after["status"]] >= _ORDER[before["status"]]
    for type_, data in story.events[-len(types) :] if types else []:
        assert {field: data[field] for field in after} == msgspec.json.decode(
            msgspec.json.encode(after)
        )
        if type_ == "call.missed":
            assert (data["direction"], data["outcome"] != "answered") == ("inbound", True)
        for field, (old, new) in (data["changes"] or {}).items():
            assert new == data[field]
            assert not before or old == msgspec.json.decode(msgspec.json.encode(before[field]))


@given(_steps)
@settings(max_examples=300, deadline=None)
def test_every_event_is_true_and_no_change_goes_unsaid(steps: list[Any]) -> None:
    story = Story(None)
    for step in steps:
        before = _truth(story) if story.call is not None else {}
        _check_step(story, before, _step(story, step))
    if story.call is not None:
        before = _truth(story)
        settled = story.settle()
        _check_step(story, before, settled) if story.due_ms is None and settled else None
        assert story.due_ms is None
    once = [type_ for type_ in story.types if type_ not in _MAY_REPEAT]
    assert len(once) == len(set(once))


def _stored(call: Call | None) -> Call | None:
    """The call as it comes back from a store."""
    return None if call is None else msgspec.json.decode(msgspec.json.encode(call), type=Call)


@given(_steps)
@settings(max_examples=150, deadline=None)
def test_a_call_read_back_from_a_store_folds_alike(steps: list[Any]) -> None:
    kept, stored = Story(None), Story(None)
    for step in steps:
        assert _step(kept, step) == _step(stored, step)
        stored.call = _stored(stored.call)
    assert kept.events == stored.events


@given(_steps)
@settings(max_examples=100, deadline=None)
def test_the_call_handed_in_is_never_mutated(steps: list[Any]) -> None:
    story = Story(None)
    for step in steps:
        call, before = story.call, _stored(story.call)
        _step(story, step)
        assert _stored(call) == before


@given(_steps)
@settings(max_examples=100, deadline=None)
def test_a_fact_delivered_twice_is_one_fact(steps: list[Any]) -> None:
    story = Story(None)
    for step in steps:
        _step(story, step)
        truth = _truth(story)
        type_, fields, code, _ = step
        assert _step(story, (type_, fields, code, 0)) == []
        assert _truth(story) == truth
