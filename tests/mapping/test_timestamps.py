"""Timestamps: declared formats, explicit offsets, and local clocks through overlap and gap."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.mapping.compiler import Adjusted, Mapped, compile_mapping
from offhook.mapping.zones import Adjustment
from offhook.model.errors import Invalid

Rule = dict[str, object]


def read(value: object, **rule: object) -> Mapped:
    document = {"started_at": {"path": "at", "as": "timestamp", **rule}}
    return compile_mapping(document).apply({"at": value})


def call(start: str, end: str, zone: str, **ends: object) -> Mapped:
    local: Rule = {"as": "timestamp", "format": "%Y-%m-%d %H:%M:%S", "timezone": zone}
    document = {"ended_at": {"path": "b", **local, **ends}, "started_at": {"path": "a", **local}}
    return compile_mapping(document).apply({"a": start, "b": end})


@pytest.mark.parametrize(
    ("value", "rule", "moment"),
    [
        ("2026-01-13T10:15:30+02:00", {}, "2026-01-13T08:15:30Z"),
        ("2018-02-19T13:41:00.236-05:00", {}, "2018-02-19T18:41:00.236000Z"),
        ("2026-01-13T08:15Z", {}, "2026-01-13T08:15:00Z"),
        ("2018-02-19 18:41:00", {"timezone": "UTC"}, "2018-02-19T18:41:00Z"),
        ("Mon, 19 Feb 2018 13:41:00 -0500", {"format": "rfc2822"}, "2018-02-19T18:41:00Z"),
        (
            "8/12/2025 4:12:56 PM +00:00",
            {"format": "%m/%d/%Y %I:%M:%S %p %z"},
            "2025-08-12T16:12:56Z",
        ),
        (
            "12/08/2025 16:12:56",
            {"format": "%d/%m/%Y %H:%M:%S", "timezone": "Europe/Paris"},
            "2025-08-12T14:12:56Z",
        ),
        (
            "990201 7:02:47",
            {"format": "%y%m%d %H:%M:%S", "timezone": "Asia/Jerusalem"},
            "1999-02-01T05:02:47Z",
        ),
        ("02 Jan 2026 12:05 am", {"format": "%d %b %Y %I:%M %p", "timezone": "UTC"},
         "2026-01-02T00:05:00Z"),
        (1755015176, {"format": "epoch_s"}, "2025-08-12T16:12:56Z"),
        ("1755015176448", {"format": "epoch_ms"}, "2025-08-12T16:12:56.448000Z"),
        ("20260113101530", {"format": "%Y%m%d%H%M%S", "timezone": "UTC"}, "2026-01-13T10:15:30Z"),
        ("7/4/2026 9:05 AM", {"format": ["iso8601", "%m/%d/%Y %I:%M %p"], "timezone": "UTC"},
         "2026-07-04T09:05:00Z"),
    ],
)  # fmt: skip
def test_a_declared_format_is_read_exactly(value: object, rule: Rule, moment: str):
    assert read(value, **rule) == Mapped({"started_at": moment})


@pytest.mark.parametrize(
    ("value", "rule", "reason"),
    [
        ("2026-01-13", {}, "not in the format"),
        ("2026-02-30T10:00:00Z", {}, "no moment"),
        ("2026-01-13T10:15:30", {}, "no offset"),
        ("20260113T101530Z", {}, "not in the format"),
        (1755015176, {}, "not in the format"),
        (1755015176448, {"format": "epoch_s"}, "another unit"),
        (1755015176, {"format": "epoch_ms"}, "another unit"),
        ("soon", {"format": "epoch_s"}, "not in the format"),
        ("13/13/2025 10:00", {"format": "%m/%d/%Y %H:%M", "timezone": "UTC"}, "no moment"),
        ("0:30 PM 1/2/2025", {"format": "%I:%M %p %m/%d/%Y", "timezone": "UTC"}, "hour"),
        ("1 Foo 2025 10:00", {"format": "%d %b %Y %H:%M", "timezone": "UTC"}, "month"),
        ("99201 7:02:47", {"format": "%y%m%d %H:%M:%S", "timezone": "UTC"}, "not in the format"),
        ("0001-01-01T00:00:00+14:00", {}, "out of range"),
    ],
)
def test_what_is_not_in_the_format_is_an_error_with_its_value(
    value: object, rule: Rule, reason: str
):
    (error,) = read(value, **rule).errors
    assert reason in error.reason
    assert (error.target, error.source, error.value) == ("started_at", "at", value)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"format": "%Y-%m-%d"}, "lacks %H"),
        ({"format": "%m/%d %H:%M"}, "lacks %Y"),
        ({"format": "%Y-%m-%d %I:%M"}, "%p together"),
        ({"format": "%Y-%m-%d %H:%M %Z"}, "%Z"),
        ({"format": "%Y-%m-%d %H:%H"}, "twice"),
        ({"format": "european"}, "is no format"),
        ({"format": "%Y-%m-%d %H:%M"}, "names no offset"),
        ({"timezone": "Mars/Olympus"}, "IANA"),
    ],
)
def test_a_format_that_leaves_room_for_a_guess_is_refused_at_once(rule: Rule, message: str):
    with pytest.raises(Invalid) as refused:
        read("", **rule)
    assert any(message in error.message for error in refused.value.errors)


@given(st.datetimes(min_value=datetime(1980, 1, 1), max_value=datetime(2099, 12, 31)))  # noqa: DTZ001
def test_any_moment_comes_back_from_its_zone(naive: datetime):
    moment = naive.replace(tzinfo=UTC, microsecond=0)
    for zone in ("Asia/Jerusalem", "America/New_York"):
        local = moment.astimezone(ZoneInfo(zone))
        text = f"{local:%Y-%m-%d %H:%M:%S}"
        mapped = read(text, format="%Y-%m-%d %H:%M:%S", timezone=zone)
        found = datetime.fromisoformat(str(mapped.fields["started_at"]))
        assert found == moment or mapped.adjusted == (Adjusted("started_at", Adjustment.OVERLAP),)
        assert found <= moment


@pytest.mark.parametrize(
    ("zone", "local", "earlier"),
    [
        ("Asia/Jerusalem", "1999-09-03 01:30:00", "1999-09-02T22:30:00Z"),
        ("America/New_York", "1999-10-31 01:30:00", "1999-10-31T05:30:00Z"),
    ],
)
def test_in_the_autumn_overlap_the_earlier_instant_is_taken_and_flagged(
    zone: str, local: str, earlier: str
):
    mapped = read(local, format="%Y-%m-%d %H:%M:%S", timezone=zone)
    assert mapped.fields == {"started_at": earlier}
    assert mapped.adjusted == (Adjusted("started_at", Adjustment.OVERLAP),)


def test_in_the_overlap_a_call_does_not_end_before_it_starts():
    mapped = call("1999-10-31 01:50:00", "1999-10-31 01:10:00", "America/New_York")
    assert mapped.fields == {
        "started_at": "1999-10-31T05:50:00Z",
        "ended_at": "1999-10-31T06:10:00Z",
    }
    assert {each.target for each in mapped.adjusted} == {"started_at", "ended_at"}


@pytest.mark.parametrize(
    ("zone", "local", "shifted"),
    [
        ("Asia/Jerusalem", "1999-04-02 02:30:00", "1999-04-02T00:30:00Z"),
        ("America/New_York", "1999-04-04 02:30:00", "1999-04-04T07:30:00Z"),
    ],
)
def test_in_the_spring_gap_the_time_is_shifted_forward_and_flagged(
    zone: str, local: str, shifted: str
):
    mapped = read(local, format="%Y-%m-%d %H:%M:%S", timezone=zone)
    assert mapped.fields == {"started_at": shifted}
    assert mapped.adjusted == (Adjusted("started_at", Adjustment.GAP),)


def test_an_explicit_offset_beats_the_time_zone():
    mapped = read("1999-10-31T01:30:00-05:00", timezone="America/New_York")
    assert mapped == Mapped({"started_at": "1999-10-31T06:30:00Z"})


def test_a_time_of_day_after_midnight_is_of_the_next_day():
    mapped = call("2026-01-31 23:59:30", "2026-01-31 00:01:10", "UTC", not_before="started_at")
    assert mapped.fields["ended_at"] == "2026-02-01T00:01:10Z"


def test_the_next_day_is_one_of_the_local_calendar():
    mapped = call(
        "1999-10-30 23:50:00", "1999-10-30 03:00:00", "America/New_York", not_before="started_at"
    )
    assert mapped.fields["ended_at"] == "1999-10-31T08:00:00Z", "four hours and ten minutes later"


def test_a_clock_that_went_back_a_little_is_not_taken_for_midnight():
    mapped = call("2026-01-31 10:00:02", "2026-01-31 10:00:00", "UTC", not_before="started_at")
    (error,) = mapped.errors
    assert (error.target, error.value) == ("ended_at", "2026-01-31 10:00:00")
    assert "twelve hours" in error.reason


def test_without_not_before_an_early_end_stays_as_the_source_says():
    mapped = call("2026-01-31 10:00:02", "2026-01-31 10:00:00", "UTC")
    assert mapped.fields["ended_at"] == "2026-01-31T10:00:00Z"
    assert not mapped.errors
