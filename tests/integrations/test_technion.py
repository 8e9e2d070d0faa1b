"""The whole of a real file, through the example's mapping: its figures come out exactly."""

import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from statistics import fmean
from zoneinfo import ZoneInfo

import pytest

from offhook.integrations.files import Row, open_table
from offhook.mapping.compiler import FieldMapping, compile_mapping

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared/data/technion_anonymous_bank_1999_02.tsv"
JERUSALEM = ZoneInfo("Asia/Jerusalem")

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the Technion file is not here")


@pytest.fixture(scope="module")
def mapping() -> FieldMapping:
    return compile_mapping(json.loads((ROOT / "examples/technion/mapping.json").read_bytes()))


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    with open_table(DATA) as table:
        found = list(table.rows())
    assert all(isinstance(row, Row) for row in found)
    return [row for row in found if isinstance(row, Row)]


@pytest.fixture(scope="module")
def calls(mapping: FieldMapping, rows: list[Row]) -> dict[str, dict[str, object]]:
    mapped = [mapping.apply(row.record) for row in rows]
    assert [each for each in mapped if each.errors or each.adjusted] == []
    return {str(each.fields["external_id"]): each.fields for each in mapped}


def moment(fields: dict[str, object], name: str) -> datetime:
    return datetime.fromisoformat(str(fields[name]))


def seconds(fields: dict[str, object], name: str) -> float:
    value = fields[name]
    assert isinstance(value, float)
    return value


def test_every_row_is_a_call_of_its_own(calls: dict[str, dict[str, object]]):
    assert len(calls) == 33_344


def test_outcomes_and_reasons(calls: dict[str, dict[str, object]]):
    said = Counter((call["outcome"], call.get("missed_reason")) for call in calls.values())
    assert said == {
        ("answered", None): 27_162,
        ("abandoned", "abandoned_queue"): 3_963,
        ("abandoned", "abandoned_ivr"): 1_941,
        ("failed", "failed"): 278,
    }
    assert {call["direction"] for call in calls.values()} == {"inbound"}


def test_means_over_the_answered(calls: dict[str, dict[str, object]]):
    answered = [call for call in calls.values() if call["outcome"] == "answered"]
    assert fmean(seconds(call, "talk_s") for call in answered) == pytest.approx(176.35, abs=0.005)
    assert fmean(seconds(call, "wait_s") for call in answered) == pytest.approx(40.77, abs=0.005)
    assert sum("answered_at" in call for call in answered) == 27_162 - 50
    assert sum("agent_id" in call for call in answered) == 27_162 - 491


def test_only_the_answered_have_a_conversation(calls: dict[str, dict[str, object]]):
    others = [call for call in calls.values() if call["outcome"] != "answered"]
    assert not any({"answered_at", "talk_s", "agent_id"} & call.keys() for call in others)


def test_times_are_in_order_and_of_a_bearable_length(calls: dict[str, dict[str, object]]):
    for call in calls.values():
        started, ended = moment(call, "started_at"), moment(call, "ended_at")
        assert 0 <= (ended - started).total_seconds() <= 4_276
        if "answered_at" in call:
            assert started <= moment(call, "answered_at") <= ended


def test_calls_across_local_midnight_end_on_the_next_day(calls: dict[str, dict[str, object]]):
    def local_day(call: dict[str, object], name: str) -> object:
        return moment(call, name).astimezone(JERUSALEM).date()

    over = [
        call
        for call in calls.values()
        if local_day(call, "started_at") != local_day(call, "ended_at")
    ]
    assert Counter(call["outcome"] for call in over) == {"answered": 20, "abandoned": 2}


def test_what_is_no_figure_is_null(calls: dict[str, dict[str, object]]):
    assert sum("ivr_s" not in call for call in calls.values()) == 25
    attributes = [call["attributes"] for call in calls.values()]
    known = sum(isinstance(each, dict) and "customer_id" in each for each in attributes)
    assert known == 33_344 - 19_558 - 21


def test_a_call_that_joined_the_queue_at_midnight_exactly(calls: dict[str, dict[str, object]]):
    assert calls["AA0102-31056"] == {
        "external_id": "AA0102-31056",
        "source": "technion-bank",
        "direction": "inbound",
        "outcome": "answered",
        "started_at": "1999-02-15T21:59:54Z",
        "answered_at": "1999-02-15T22:00:26Z",
        "ended_at": "1999-02-15T22:01:33Z",
        "ivr_s": 0.0,
        "wait_s": 27.0,
        "talk_s": 67.0,
        "queue": "PS",
        "agent_id": "AVNI",
        "attributes": {"line": "AA0102", "priority": 2, "customer_id": "15696776"},
    }
