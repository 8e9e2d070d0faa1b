"""The life of a call: which facts come to which events, and what the call's truth is then."""

from typing import Any

import pytest
from call_story import START, Story, at

from offhook.log.submit import read_submission
from offhook.model.errors import Conflict, Invalid
from offhook.model.event import to_ms
from offhook.model.fact import FactKind, TimerKind
from offhook.model.ids import DEFAULT_ACCOUNT

_ANSWERED = {"answered_at": at(6)}
_ENDED = {"ended_at": at(192)}


_BEGUN = {"started_at": at(0), "caller_id": "+12145550123"}
_STARTED = ("call.started", _BEGUN)
_LEFT = {"voicemail": {"left": True}}


@pytest.mark.parametrize(
    ("direction", "facts", "events", "outcome", "why"),
    [
        # Inbound: answered, and then nothing is ever missed.
        (
            "inbound",
            [("started", _BEGUN), "ringing", ("answered", _ANSWERED), ("ended", _ENDED)],
            ["started", "ringing", "answered", "ended"],
            "answered",
            None,
        ),
        (
            "inbound",
            ["started", "queued", "ringing", "answered", "transferred", "ended"],
            ["started", "queued", "ringing", "answered", "transferred", "ended"],
            "answered",
            None,
        ),
        (
            "inbound",
            ["started", ("ended", {"outcome": "answered"})],
            ["started", "ended"],
            "answered",
            None,
        ),
        ("inbound", ["started", ("ended", {"talk_s": 40})], ["started", "ended"], "answered", None),
        # Inbound: nobody answered.
        ("inbound", ["started", "ended"], ["started", "ended", "missed"], "missed", "no_answer"),
        ("inbound", ["started", "missed"], ["started", "missed"], "missed", "no_answer"),
        (
            "inbound",
            ["started", ("missed", {"missed_reason": "closed"}), "ended"],
            ["started", "missed", "ended"],
            "missed",
            "closed",
        ),
        (
            "inbound",
            ["started", ("ended", {"outcome": "missed"})],
            ["started", "missed", "ended"],
            "missed",
            "no_answer",
        ),
        (
            "inbound",
            ["started", ("ended", {"hangup_by": "caller"})],
            ["started", "ended", "abandoned", "missed"],
            "abandoned",
            "abandoned_ring",
        ),
        (
            "inbound",
            ["started", "abandoned", "ended"],
            ["started", "abandoned", "missed", "ended"],
            "abandoned",
            "abandoned_ring",
        ),
        (
            "inbound",
            ["started", "queued", "abandoned"],
            ["started", "queued", "abandoned", "missed"],
            "abandoned",
            "abandoned_queue",
        ),
        (
            "inbound",
            ["started", ("abandoned", {"ivr_s": 9})],
            ["started", "abandoned", "missed"],
            "abandoned",
            "abandoned_ivr",
        ),
        (
            "inbound",
            ["started", ("voicemail", _LEFT), "ended"],
            ["started", "voicemail", "missed", "ended"],
            "voicemail",
            "voicemail",
        ),
        (
            "inbound",
            ["started", ("ended", {**_LEFT, **_ANSWERED})],
            ["started", "voicemail", "missed", "ended"],
            "voicemail",
            "voicemail",
        ),
        (
            "inbound",
            ["started", ("failed", {"failure": "busy"})],
            ["started", "failed", "missed"],
            "busy",
            "busy",
        ),
        (
            "inbound",
            ["started", ("failed", {"failure": "carrier"})],
            ["started", "failed", "missed"],
            "failed",
            "failed",
        ),
        (
            "inbound",
            ["started", "voicemail", "abandoned", "ended"],
            ["started", "voicemail", "missed", "abandoned", "ended"],
            "abandoned",
            "abandoned_ring",
        ),
        (
            "inbound",
            ["started", "voicemail", ("ended", {"outcome": "missed"})],
            ["started", "voicemail", "missed", "ended"],
            "voicemail",
            "voicemail",
        ),
        # Outbound: never missed, whatever happens.
        (
            "outbound",
            ["started", ("answered", {"answered_by": "human"}), "connected", "ended"],
            ["started", "answered", "connected", "ended"],
            "answered",
            None,
        ),
        ("outbound", ["started", "ended"], ["started", "ended", "failed"], "no_answer", None),
        (
            "outbound",
            ["started", "answered", "abandoned", "ended"],
            ["started", "answered", "abandoned", "ended"],
            "abandoned",
            None,
        ),
        (
            "outbound",
            ["started", "answered", "voicemail_detected", "ended"],
            ["started", "answered", "voicemail_detected", "ended"],
            "machine",
            None,
        ),
        (
            "outbound",
            ["started", ("failed", {"sip_code": 486}), "ended"],
            ["started", "failed", "ended"],
            "busy",
            None,
        ),
        (
            "outbound",
            ["started", ("ended", {"sip_code": 487})],
            ["started", "ended", "failed"],
            "canceled",
            None,
        ),
        ("outbound", ["started", "missed"], ["started", "failed"], "no_answer", None),
        # Unknown direction: nothing is called missed that nobody said was inbound.
        (None, ["started", "ended"], ["started", "ended", "failed"], "no_answer", None),
        (None, ["started", "missed"], ["started", "missed"], "missed", "no_answer"),
    ],
)
def test_a_life_comes_to_its_events(
    direction: str | None,
    facts: list[str | tuple[str, dict[str, Any]]],
    events: list[str],
    outcome: str,
    why: str | None,
) -> None:
    story = Story(direction)
    told = [(fact, {}) if isinstance(fact, str) else fact for fact in facts]
    story.live(*[(f"call.{step}", data) for step, data in told])
    assert [type_.removeprefix("call.") for type_ in story.types] == events
    assert (story.data.outcome, story.data.missed_reason) == (outcome, why)
    assert story.due_ms is None


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        (486, "busy"),
        (600, "busy"),
        (480, "no_answer"),
        (408, "no_answer"),
        (487, "canceled"),
        (403, "rejected"),
        (603, "rejected"),
        (404, "invalid_number"),
        (484, "invalid_number"),
        (604, "invalid_number"),
        (503, "carrier"),
        (500, "carrier"),
        (420, None),
    ],
)
def test_a_sip_code_says_why_a_call_failed(code: int, failure: str | None) -> None:
    story = Story("outbound")
    story.post("call.failed", {"sip_code": code})
    assert story.data.failure == failure


class TestSettling:
    """What is derived from an absence waits until the call is settled."""

    def test_the_absence_of_an_answer_waits(self) -> None:
        story = Story()
        story.post("call.started")
        story.now_s = 30
        assert story.post("call.ended") == ["call.ended"]
        assert story.data.outcome is None
        assert story.due_ms == to_ms(START) + 45_000

    def test_an_answer_that_comes_in_time_keeps_the_call_from_being_missed(self) -> None:
        story = Story()
        story.tell("call.started", "call.ended")
        story.post("call.answered", _ANSWERED)
        assert story.due_ms is None
        assert story.timer(FactKind.SETTLE) == []
        assert story.data.outcome == "answered"
        assert "call.missed" not in story.types

    def test_a_late_answer_corrects_a_missed_call(self) -> None:
        story = Story()
        assert story.live("call.started", "call.ended")[-1] == "call.missed"
        assert story.post("call.answered", _ANSWERED) == ["call.updated"]
        changes = story.events[-1][1]["changes"]
        assert changes["outcome"] == ["missed", "answered"]
        assert changes["missed_reason"] == ["no_answer", None]
        assert story.data.status == "ended"

    def test_an_answer_after_voicemail_is_said_and_corrects(self) -> None:
        story = Story()
        story.tell("call.started", "call.voicemail")
        assert story.post("call.answered") == ["call.answered", "call.updated"]
        assert story.last is not None
        assert story.last.carrier == 0

    @pytest.mark.parametrize("type_", ["call.missed", "call.abandoned", "call.failed"])
    def test_what_befalls_another_leg_does_not_end_an_answered_call(self, type_: str) -> None:
        story = Story()
        story.tell("call.started", "call.answered")
        assert story.post(type_) == []
        assert (story.data.status, story.data.outcome) == ("answered", "answered")

    def test_a_timer_that_fires_early_waits_on(self) -> None:
        story = Story()
        story.tell("call.started", "call.ended")
        due_ms = story.due_ms
        assert story.timer(FactKind.SETTLE) == []
        assert story.due_ms == due_ms

    def test_what_arrives_in_the_meantime_puts_settling_off(self) -> None:
        story = Story()
        story.tell("call.started", "call.ended")
        first = story.due_ms
        story.post("call.updated", {"queue": "sales"})
        assert story.due_ms is not None
        assert first is not None
        assert story.due_ms > first

    def test_a_repeated_end_does_not_put_it_off(self) -> None:
        story = Story()
        story.tell("call.started", "call.ended")
        first = story.due_ms
        assert story.post("call.ended") == []
        assert story.due_ms == first


_WHOLE = {"started_at": at(0), "ended_at": at(30)}


class TestRecords:
    """A finished record is one call; its history is not invented."""

    @pytest.mark.parametrize(
        ("facts", "events"),
        [
            ({"answered_at": at(5)}, ["call.ended"]),
            ({"outcome": "answered", "disposition": "SALE", "payout": "3"}, ["call.ended"]),
            ({}, ["call.missed", "call.ended"]),
            ({"outcome": "missed"}, ["call.missed", "call.ended"]),
            ({"outcome": "voicemail"}, ["call.voicemail", "call.missed", "call.ended"]),
            ({"outcome": "abandoned"}, ["call.abandoned", "call.missed", "call.ended"]),
            ({"failure": "busy"}, ["call.failed", "call.missed", "call.ended"]),
        ],
    )
    def test_a_record_ends_with_the_end(self, facts: dict[str, Any], events: list[str]) -> None:
        story = Story()
        story.now_s = 60
        assert story.record({**_WHOLE, **facts}) == events
        assert story.last is not None
        assert story.last.carrier == len(events) - 1
        assert {data["occurred_at"] for _, data in story.events} == {"2026-11-20T10:00:30Z"}
        assert story.events[-1][1]["transition"] == {"from": None, "to": "ended"}
        assert story.due_ms is None

    def test_a_whole_call_posted_at_once_needs_no_settling(self) -> None:
        story = Story()
        story.now_s = 60
        posted = {**_WHOLE, "outcome": "missed"}
        assert story.post("call.ended", posted) == ["call.missed", "call.ended"]

    def test_an_end_follows_from_start_and_duration(self) -> None:
        story = Story()
        story.record({"started_at": at(0), "duration_s": 42, "outcome": "answered"})
        assert story.events[-1][1]["ended_at"] == "2026-11-20T10:00:42Z"

    def test_the_same_record_again_changes_nothing(self) -> None:
        story = Story()
        story.record(_WHOLE)
        assert story.record(_WHOLE) == []
        assert story.last is not None
        assert story.last.carrier is None

    def test_a_record_of_a_live_call_fills_in_what_is_missing(self) -> None:
        story = Story()
        story.live("call.started", "call.answered", ("call.ended", _ENDED))
        assert story.record({"payout": "12.50", "ended_at": at(192)}) == ["call.updated"]
        changes = story.events[-1][1]["changes"]
        assert changes == {"payout": [None, "12.50"], "qualified": [None, True]}


class TestSayingOnce:
    """Each thing is said once, and no change goes unsaid."""

    def test_a_step_posted_again_with_more_is_an_update(self) -> None:
        story = Story()
        story.tell("call.started", "call.answered")
        assert story.post("call.answered") == []
        assert story.post("call.answered", {"agent_id": "a"}) == ["call.updated"]
        assert story.events[-1][1]["changes"] == {"agent_id": [None, "a"]}

    def test_dispositions_are_set_once_and_then_modified(self) -> None:
        story = Story()
        story.post("call.started")
        assert story.post("call.disposition_set", {"disposition": "A"}) == ["call.disposition_set"]
        assert story.post("call.disposition_set", {"disposition": "A"}) == []
        assert story.post("call.updated", {"disposition": "B"}) == ["call.disposition_modified"]
        old, new = story.events[-1][1]["changes"]["disposition"]
        assert (old["code"], new["code"]) == ("A", "B")

    def test_a_disposition_among_other_changes_leaves_none_unsaid(self) -> None:
        story = Story()
        story.post("call.started")
        told = story.post("call.updated", {"disposition": "A", "payout": "3"})
        assert told == ["call.updated", "call.disposition_set"]

    def test_recordings_are_announced_whenever_more_arrive(self) -> None:
        story = Story()
        story.post("call.ended", {"outcome": "answered"})
        one, two = {"recording_urls": ["https://r/1"]}, {"recording_urls": ["https://r/2"]}
        assert story.post("call.recording_received", one) == ["call.recording_received"]
        assert story.post("call.recording_received", one) == []
        assert story.post("call.recording_received", two) == ["call.recording_received"]

    def test_transfers_are_told_each(self) -> None:
        story = Story()
        story.tell("call.started", "call.answered")
        for agent in ("b", "c"):
            assert story.post("call.transferred", {"agent_id": agent}) == ["call.transferred"]

    def test_the_step_and_the_headers_go_with_the_event_that_carries_the_fact(self) -> None:
        story = Story()
        story.post("call.started")
        story.post("call.abandoned", headers={"X-Env": "prod"})
        assert story.last is not None
        abandoned, missed = story.last.drafts
        assert (abandoned.headers, missed.headers) == ({"X-Env": "prod"}, None)
        assert story.events[-2][1]["transition"] == {"from": "initiated", "to": "ended"}
        assert story.events[-1][1]["transition"] is None


class TestHistorical:
    """Nobody hears of last month's call unless asked for."""

    def test_what_ended_long_before_it_arrived_is_historical(self) -> None:
        story = Story()
        story.now_s = 30 + 3601
        story.record({"started_at": at(0), "ended_at": at(30)})
        assert story.last is not None
        assert all(draft.historical for draft in story.last.drafts)
        assert story.data.historical

    @pytest.mark.parametrize(("said", "now_s"), [(True, 31), (False, 999_999)])
    def test_the_source_may_say_so_itself(self, said: bool, now_s: float) -> None:
        story = Story()
        story.now_s = now_s
        story.record({"ended_at": at(30), "outcome": "missed"}, historical=said)
        assert story.data.historical is said

    def test_a_live_call_stays_live_however_late_its_disposition(self) -> None:
        story = Story()
        story.live("call.started", "call.answered", "call.ended")
        story.now_s = 86_400
        story.post("call.disposition_set", {"disposition": "SALE"})
        assert story.last is not None
        assert not story.last.drafts[0].historical


_CALLER = {"caller_id": "+12145550123"}


class TestRepeatCallers:
    """Seen before, within 30 days."""

    @pytest.mark.parametrize("repeat", [True, False])
    def test_the_look_up_decides(self, repeat: bool) -> None:
        story = Story()
        story.post("call.started", _CALLER, repeat=repeat)
        assert story.data.repeat_caller is repeat

    def test_test_calls_never_count(self) -> None:
        story = Story(test=True)
        story.post("call.started", _CALLER, repeat=True, later_first=("call_other",))
        assert story.data.repeat_caller is None
        assert story.timers == {}

    def test_a_late_older_call_re_evaluates_the_later_ones(self) -> None:
        older = Story()
        older.post("call.started", _CALLER, repeat=False, later_first=("call_later",))
        assert (TimerKind.RECHECK_REPEAT, "call_later") in older.timers
        later = Story()
        later.post("call.started", _CALLER, repeat=False)
        assert later.timer(FactKind.RECHECK_REPEAT) == ["call.updated"]
        assert later.events[-1][1]["changes"] == {"repeat_caller": [False, True]}
        assert later.timer(FactKind.RECHECK_REPEAT) == []


class TestRefusals:
    """What cannot be folded is refused with its remedy."""

    def test_an_unknown_call_has_to_be_introduced(self) -> None:
        item = {"type": "call.ended", "data": {"call_id": "call_7GQ2M4ZB1X0V8K6T"}}
        unknown = read_submission(item, account=DEFAULT_ACCOUNT, test=False, size=9)
        with pytest.raises(Invalid, match="external_id") as refused:
            Story().take(unknown)
        assert refused.value.code == "unknown_call"

    def test_test_and_live_never_mix(self) -> None:
        story = Story()
        story.post("call.started")
        item = {"type": "call.ended", "data": {"call_id": story.data.call_id}}
        tried = read_submission(item, account=DEFAULT_ACCOUNT, test=True, size=9)
        with pytest.raises(Conflict) as refused:
            story.take(tried)
        assert refused.value.code == "test_mode"

    def test_an_own_event_counts_with_its_call_and_leaves_it_alone(self) -> None:
        story = Story()
        story.post("call.started")
        item = {"type": "custom.scored", "key": story.data.call_id, "data": {"score": 7}}
        own = read_submission(item, account=DEFAULT_ACCOUNT, test=False, size=9)
        call = story.call
        assert story.take(own) == ["custom.scored"]
        assert story.call is call
        with pytest.raises(Invalid):
            Story().take(own)

    @pytest.mark.parametrize("kind", [FactKind.SETTLE, FactKind.RECHECK_REPEAT])
    def test_a_timer_of_a_call_that_needs_it_no_more_is_cleared(self, kind: FactKind) -> None:
        story = Story(test=True)
        story.post("call.started")
        assert story.timer(kind) == []
        assert story.last is not None
        assert [timer.due_ms for timer in story.last.timers] == [None]
