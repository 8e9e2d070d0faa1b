"""A simulated day has the shape of the real centre's, and is the same for the same seed."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from statistics import mean
from typing import Any

import phonenumbers
import pytest

from offhook.model.call import CallData
from offhook.testing.simulation import Centre, Step, simulate_day

MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)
INBOUND_DAY = Centre(calls_per_day=20_000, outbound_share=0)
Calls = dict[str, list[Step]]


def by_call(steps: Iterable[Step]) -> Calls:
    calls: Calls = defaultdict(list)
    for step in steps:
        calls[str(step.data["external_id"])].append(step)
    return calls


def types(call: list[Step]) -> list[str]:
    return [step.type for step in call]


def stated(call: list[Step], field: str) -> Any:
    return next((step.data[field] for step in call if field in step.data), None)


def share(calls: Calls, type_: str) -> float:
    return mean(type_ in types(call) for call in calls.values())


@pytest.fixture(scope="module")
def inbound() -> Calls:
    return by_call(simulate_day(Random(11), MIDNIGHT, INBOUND_DAY))


@pytest.fixture(scope="module")
def outbound() -> Calls:
    centre = Centre(calls_per_day=10_000, outbound_share=1)
    return by_call(simulate_day(Random(11), MIDNIGHT, centre))


@pytest.fixture(scope="module")
def mixed() -> list[Step]:
    return list(simulate_day(Random(3), MIDNIGHT, Centre(calls_per_day=4_000)))


def test_the_same_seed_gives_the_same_day() -> None:
    centre = Centre(calls_per_day=300)
    first, again, other = (
        [step.body() for step in simulate_day(Random(seed), MIDNIGHT, centre)] for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_facts_come_in_order_of_time(mixed: list[Step]) -> None:
    assert all(earlier.at <= later.at for earlier, later in pairwise(mixed))


def test_every_call_of_the_day_is_there(inbound: Calls) -> None:
    assert len(inbound) == INBOUND_DAY.calls_per_day


def test_inbound_calls_come_out_as_in_the_real_centre(inbound: Calls) -> None:
    assert share(inbound, "call.answered") == pytest.approx(0.815, abs=0.01)
    assert share(inbound, "call.abandoned") == pytest.approx(0.177, abs=0.01)
    assert share(inbound, "call.failed") == pytest.approx(0.008, abs=0.003)


def test_a_third_of_those_who_give_up_do_so_in_the_menu(inbound: Calls) -> None:
    reasons = Counter(stated(call, "missed_reason") for call in inbound.values())
    gave_up = reasons["abandoned_ivr"] + reasons["abandoned_queue"]
    assert reasons["abandoned_ivr"] / gave_up == pytest.approx(1 / 3, abs=0.03)


def test_talk_and_wait_have_the_real_means(inbound: Calls) -> None:
    answered = [call for call in inbound.values() if "call.answered" in types(call)]
    assert mean(stated(call, "talk_s") for call in answered) == pytest.approx(176, rel=0.04)
    waits = [stated(call, "wait_s") for call in answered]
    assert mean(waits) == pytest.approx(41, rel=0.05)
    assert mean(wait == 0 for wait in waits) == pytest.approx(0.481, abs=0.015)


def test_the_day_is_busy_at_ten_and_quiet_at_four(inbound: Calls) -> None:
    hours = Counter(call[0].at.hour for call in inbound.values())
    assert hours[10] / len(inbound) == pytest.approx(0.084, abs=0.01)
    assert hours[4] < hours[22] / 20


def test_some_callers_call_again_and_a_few_call_often(inbound: Calls) -> None:
    callers = Counter(stated(call, "caller_id") for call in inbound.values())
    callers.pop(None)
    again = sum(count - 1 for count in callers.values())
    assert 0.03 < again / len(inbound) < 0.25
    assert max(callers.values()) > 10


def test_a_withheld_caller_has_no_number(inbound: Calls) -> None:
    withheld = [call[0].data for call in inbound.values() if call[0].data.get("caller_withheld")]
    assert len(withheld) / len(inbound) == pytest.approx(0.03, abs=0.01)
    assert not any("caller_id" in data or "visitor" in data for data in withheld)


def test_numbers_are_valid_in_the_us_and_nobodys(mixed: list[Step]) -> None:
    numbers = {
        str(step.data[field])
        for step in mixed
        for field in ("caller_id", "dialed_number")
        if field in step.data
    }
    assert len(numbers) > 1_500
    assert all(number[5:8] == "555" for number in numbers)
    assert all(phonenumbers.is_valid_number(phonenumbers.parse(number)) for number in numbers)


def test_every_call_begins_ends_once_and_says_nothing_of_its_course_after_that(
    mixed: list[Step],
) -> None:
    after_the_end = {
        "call.disposition_set",
        "call.disposition_modified",
        "call.recording_received",
        "call.updated",
    }
    for call in by_call(mixed).values():
        told = types(call)
        assert told[0] == "call.started"
        assert told.count("call.ended") == 1
        assert set(told[told.index("call.ended") + 1 :]) <= after_the_end


def test_the_stated_times_agree_with_each_other(inbound: Calls) -> None:
    for call in inbound.values():
        if "call.answered" not in types(call):
            continue
        answered_at = datetime.fromisoformat(stated(call, "answered_at"))
        ended_at = datetime.fromisoformat(stated(call, "ended_at"))
        talked = timedelta(seconds=stated(call, "talk_s"))
        assert abs(ended_at - answered_at - talked) < timedelta(milliseconds=2)
        parts = sum(stated(call, name) for name in ("ivr_s", "wait_s", "ring_s", "talk_s"))
        assert stated(call, "duration_s") == pytest.approx(parts, abs=0.11)


def test_no_agent_is_in_two_calls_at_once(inbound: Calls) -> None:
    talks = defaultdict(list)
    for call in inbound.values():
        end = next(step.at for step in call if step.type == "call.ended")
        for step in call:
            if step.type in ("call.answered", "call.transferred"):
                talks[step.data["agent_id"]].append((step.at, end))
    assert len(talks) > 10
    for of_agent in talks.values():
        assert all(before[1] <= after[0] for before, after in pairwise(sorted(of_agent)))


def test_web_visitors_carry_where_they_came_from(inbound: Calls) -> None:
    visitors = [call[0].data["visitor"] for call in inbound.values() if "visitor" in call[0].data]
    sources = Counter(visitor["utm_source"] for visitor in visitors)
    assert set(sources) == {"google", "bing", "facebook", "newsletter"}
    assert all(("gclid" in visitor) == (visitor["utm_source"] == "google") for visitor in visitors)


def test_outbound_calls_know_what_picked_up(outbound: Calls) -> None:
    assert share(outbound, "call.connected") == pytest.approx(0.24, abs=0.02)
    assert share(outbound, "call.voicemail_detected") == pytest.approx(0.36, abs=0.02)
    for call in outbound.values():
        if "call.voicemail_detected" in types(call):
            assert stated(call, "answered_by") == "machine"
        if "call.connected" in types(call):
            assert stated(call, "answered_by") == "human"


def test_a_failed_outbound_call_has_its_sip_code(outbound: Calls) -> None:
    codes = {
        (stated(call, "failure"), stated(call, "sip_code"))
        for call in outbound.values()
        if "call.failed" in types(call)
    }
    assert codes == {
        ("no_answer", 480),
        ("busy", 486),
        ("invalid_number", 404),
        ("rejected", 603),
        ("canceled", 487),
        ("carrier", 503),
    }


def test_only_fields_of_a_call_are_stated(mixed: list[Step]) -> None:
    stated_fields = {field for step in mixed for field in step.data}
    assert stated_fields - {"external_id", "source"} <= set(CallData.__struct_fields__)


def test_a_body_is_an_item_of_the_api() -> None:
    body = next(simulate_day(Random(1), MIDNIGHT, Centre(calls_per_day=1))).body()
    assert set(body) == {"type", "occurred_at", "data"}
    assert str(body["occurred_at"]).endswith("Z")
