"""One truth per call: how statements merge, and what is worked out from them."""

from typing import Any

import pytest
from call_story import Story, at

from offhook.model.errors import Invalid, TooLarge

_STARTED = ("call.started", {"started_at": at(0), "caller_id": "+12145550123"})
_ANSWERED = {"answered_at": at(6)}
_ENDED = {"ended_at": at(192)}


class TestMerging:
    """A later statement wins unless it is empty; what nothing changes comes to nothing."""

    def test_empty_statements_erase_nothing(self) -> None:
        story = Story()
        story.post("call.started", {"queue": "sales", "tags": ["a"], "visitor": {"gclid": "g"}})
        blank = {"queue": "", "tags": [], "visitor": {}, "caller_id": None}
        assert story.post("call.updated", blank) == []
        assert story.data.queue == "sales"

    def test_parts_of_a_field_come_together(self) -> None:
        story = Story()
        story.post("call.started", {"visitor": {"gclid": "g"}, "attributes": {"a": 1, "b": 2}})
        story.post("call.updated", {"visitor": {"utm_source": "x"}, "attributes": {"b": 3}})
        assert (story.data.visitor.gclid, story.data.visitor.utm_source) == ("g", "x")
        assert story.data.attributes == {"a": 1, "b": 3}

    def test_the_same_amount_written_otherwise_is_no_change(self) -> None:
        story = Story()
        story.post("call.started", {"payout": "12.50"})
        assert story.post("call.updated", {"payout": 12.5}) == []

    def test_a_call_handed_in_is_never_changed(self) -> None:
        story = Story()
        story.post("call.started", {"attributes": {"a": 1}})
        before = story.call
        assert before is not None
        story.post("call.ended", {"attributes": {"b": 1}})
        assert before.data.attributes == {"a": 1}
        assert before.data.status == "initiated"

    def test_numbers_are_placed_by_direction(self) -> None:
        for direction, contact, our in (
            ("inbound", "+12145550123", "+14045550100"),
            ("outbound", "+14045550100", "+12145550123"),
        ):
            story = Story(None)
            story.post(
                "call.started", {"caller_id": "+12145550123", "dialed_number": "+14045550100"}
            )
            assert story.data.contact_number is None
            story.post("call.updated", {"direction": direction})
            assert (story.data.contact_number, story.data.our_number) == (contact, our)

    def test_a_caller_who_withholds_is_no_contact_until_the_number_is_known(self) -> None:
        story = Story()
        story.post("call.started", {"caller_id": "anonymous"})
        assert (story.data.caller_withheld, story.data.contact_number) == (True, None)
        story.post("call.updated", {"caller_id": "+12145550123"})
        story.post("call.updated", {"caller_id": "anonymous"})
        assert (story.data.caller_withheld, story.data.contact_number) == (False, "+12145550123")

    def test_a_status_never_goes_back(self) -> None:
        story = Story()
        story.live("call.answered", "call.started", "call.queued")
        assert story.data.status == "answered"
        assert story.types == ["call.answered", "call.updated"]

    def test_attributes_are_bounded_over_all_facts(self) -> None:
        story = Story()
        story.post("call.started", {"attributes": {f"a{n}": n for n in range(200)}})
        with pytest.raises(Invalid) as refused:
            story.post("call.updated", {"attributes": {"one_more": 1}})
        assert refused.value.code == "too_many_attributes"

    def test_data_is_bounded_over_all_facts(self) -> None:
        story = Story()
        story.post("call.started", {"attributes": {"a": ["x" * 60_000] * 3}})
        with pytest.raises(TooLarge):
            story.post("call.updated", {"attributes": {"b": ["y" * 60_000] * 2}})


class TestWorkedOut:
    """What follows from other fields is worked out, and gives way to what the source states."""

    def test_spans_follow_from_times(self) -> None:
        story = Story()
        story.live(_STARTED, "call.ringing", ("call.answered", _ANSWERED), ("call.ended", _ENDED))
        data = story.data
        assert (data.ring_s, data.talk_s, data.billable_s, data.duration_s) == (6, 186, 186, 192)

    def test_waiting_in_a_queue_is_not_ringing(self) -> None:
        story = Story()
        story.live(_STARTED, "call.ringing", ("call.answered", _ANSWERED), "call.ended")
        assert story.data.ring_s == 6
        story.post("call.queued")
        assert story.data.ring_s is None

    def test_outbound_talk_begins_with_the_agent(self) -> None:
        story = Story("outbound")
        connected = {"agent_connected_at": at(8)}
        story.live(_STARTED, ("call.answered", _ANSWERED), ("call.connected", connected),
              ("call.ended", _ENDED))  # fmt: skip
        assert (story.data.talk_s, story.data.billable_s) == (184, 186)

    def test_a_corrected_time_moves_what_followed_but_not_what_was_stated(self) -> None:
        story = Story()
        story.live(_STARTED, ("call.answered", _ANSWERED), ("call.ended", _ENDED))
        story.post("call.updated", {"talk_s": 150, "ended_at": at(200)})
        assert (story.data.talk_s, story.data.duration_s) == (150, 200)

    def test_a_time_that_nobody_stated_is_when_it_was_told(self) -> None:
        story = Story()
        story.now_s = 7
        story.post("call.started")
        assert story.events[0][1]["started_at"] == "2026-11-20T10:00:07Z"
        story.post("call.answered", occurred_at=at(5))
        assert story.events[1][1]["answered_at"] == "2026-11-20T10:00:05Z"
        assert story.events[1][1]["occurred_at"] == "2026-11-20T10:00:05Z"

    def test_a_late_fact_without_a_time_does_not_happen_now(self) -> None:
        story = Story()
        story.live("call.ended", "call.answered", "call.started")
        assert (story.data.answered_at, story.data.started_at) == (None, None)
        assert story.data.outcome == "answered"

    @pytest.mark.parametrize(
        ("facts", "qualified"),
        [
            ([{"payout": "0.01"}], True),
            ([{"payout": "0.00"}], False),
            ([{"payout": "5"}, {"payout": "0"}], False),
            ([{"payout": "5", "qualified": False}], False),
            ([{"qualified": False}, {"payout": "5"}], False),
            ([{"revenue": "5"}], None),
        ],
    )
    def test_a_payout_qualifies(self, facts: list[dict[str, Any]], qualified: bool | None) -> None:
        story = Story()
        for fact in facts:
            story.post("call.updated", fact)
        assert story.data.qualified is qualified

    def test_an_answering_machine_corrects_an_answer(self) -> None:
        story = Story("outbound")
        story.tell("call.started", "call.answered")
        assert story.data.outcome == "answered"
        assert story.post("call.updated", {"answered_by": "machine"}) == ["call.updated"]
        assert story.events[-1][1]["changes"]["outcome"] == ["answered", "machine"]
