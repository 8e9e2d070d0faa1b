"""What the owner of a filter is warned of."""

import re

import pytest

from offhook.delivery.filter_faults import FilterFaults, add_faults
from offhook.delivery.webhooks.filtering import filter_warnings
from offhook.model.ids import EventId


@pytest.mark.parametrize(
    "text",
    [
        "data.duration_s != null && data.duration_s > 90",
        "data.duration_s == 90",
        "has(data.revenue) && data.direction == 'inbound'",
        "'vip' in data.tags",
        "type.startsWith('call.')",
    ],
)
def test_a_sound_filter_warns_of_nothing(text: str) -> None:
    assert filter_warnings(text, ("call.*",)) == []


@pytest.mark.parametrize(
    ("text", "patterns", "said"),
    [
        ("data.revenue == '45.00'", ("call.ended",), "for call.ended: .*== .*number and string"),
        ("data.caller_id == 12145550123", ("call.*",), "and 13 more types: .*string and int"),
        ("data.converted == 'yes'", ("call.ended",), "column 16: == does not work on bool"),
        ("5 in data.tags", ("call.ended",), "in does not work on int and list"),
        ("data.duratoin_s == 1", ("call.ended",), "no field 'duratoin_s'; did you mean duration_s"),
        ("data.crm == 1", ("call.ended",), "your own stand in data.attributes"),
        ("data.disposition.code == 'SALE'", ("call.started", "call.ended"), "for call.started:"),
        ("data.score > 80", ("*",), "null and int"),
    ],
)
def test_what_cannot_be_true_or_cannot_be_evaluated_is_told_of_by_type(
    text: str, patterns: tuple[str, ...], said: str
) -> None:
    assert re.search(said, " ".join(filter_warnings(text, patterns)))


def test_the_account_s_own_types_are_the_account_s_to_know() -> None:
    assert filter_warnings("data.total > 5", ("custom.order",)) == []


def test_faults_add_and_the_last_one_is_shown() -> None:
    early = FilterFaults(2, "one", EventId("evt_1"), 10)
    late = FilterFaults(3, "other", EventId("evt_2"), 20)
    assert add_faults(late, early) == add_faults(early, late)
    assert add_faults(early, late) == FilterFaults(5, "other", EventId("evt_2"), 20)
