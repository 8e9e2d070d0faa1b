"""Cursors are opaque, proof against damage, and good only for the list that gave them out."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from offhook.api.pages import (
    CallCursor,
    DeliveryCursor,
    FeedCursor,
    IdCursor,
    Moment,
    WindowQuery,
    read_cursor,
    write_cursor,
)
from offhook.model.errors import Invalid
from offhook.model.event import LATEST_MS
from offhook.model.ids import FARTHEST_POSITION, LAST_PARTITION

GENERATION = st.integers(0, (1 << 63) - 1)
PARTITION = st.integers(0, LAST_PARTITION)
POSITION = st.integers(0, FARTHEST_POSITION)
MS = st.integers(0, LATEST_MS)
NAME = st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), max_size=40)
MOMENT = TypeAdapter(Moment)


@given(GENERATION, st.dictionaries(PARTITION, POSITION, max_size=64), MS)
def test_a_feed_cursor_comes_back_as_it_was(
    generation: int, after: dict[int, int], at_ms: int
) -> None:
    cursor = FeedCursor(generation, after, at_ms)
    assert read_cursor(write_cursor(cursor), FeedCursor) == cursor


@given(st.integers(-LATEST_MS, LATEST_MS), NAME)
def test_a_call_cursor_comes_back_as_it_was(started_ms: int, call: str) -> None:
    cursor = CallCursor(started_ms, call)
    assert read_cursor(write_cursor(cursor), CallCursor) == cursor


@given(st.integers(-FARTHEST_POSITION, FARTHEST_POSITION), PARTITION, NAME)
def test_a_delivery_cursor_comes_back_as_it_was(position: int, partition: int, name: str) -> None:
    """Also where the log was moved here, and what was trimmed before stands below zero."""
    cursor = DeliveryCursor({partition: (position, name), 0: (position, None)})
    assert read_cursor(write_cursor(cursor), DeliveryCursor) == cursor


@pytest.mark.parametrize(
    "forged",
    [
        FeedCursor(0, {1 << 31: 1}),
        FeedCursor(0, {0: 1 << 63}),
        FeedCursor(0, {}, LATEST_MS + 1),
        CallCursor(1 << 63, "call_1"),
        CallCursor(1, "call_\x00"),
        DeliveryCursor({1 << 31: (1, "wh_1")}),
        DeliveryCursor({0: (1 << 63, "wh_1")}),
        DeliveryCursor({0: (1, "wh_\x00")}),
        IdCursor("wh_\x00"),
    ],
)
def test_a_forged_cursor_that_no_store_could_ask_by_is_refused(
    forged: FeedCursor | CallCursor | DeliveryCursor | IdCursor,
) -> None:
    with pytest.raises(Invalid) as refused:
        read_cursor(write_cursor(forged), type(forged))
    assert refused.value.code == "invalid_cursor"


@given(st.data())
def test_a_damaged_cursor_never_leads_elsewhere(data: st.DataObject) -> None:
    cursor = FeedCursor(0, {0: data.draw(POSITION)})
    text = write_cursor(cursor)
    at = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from("Aq0_-+/ \x00é").filter(lambda it: it != text[at]))
    with suppress(Invalid):
        # The last letter of base64 has bits that say nothing; only those may differ.
        assert read_cursor(text[:at] + letter + text[at + 1 :], FeedCursor) == cursor


@given(st.text(max_size=60))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_cursor(text, IdCursor)
    assert refused.value.code == "invalid_cursor"
    assert refused.value.errors[0].path == "query.cursor"


@pytest.mark.parametrize(
    "foreign", [IdCursor("wh_1"), CallCursor(1, "call_1"), DeliveryCursor({0: (1, "wh_1")})]
)
def test_a_cursor_of_another_list_is_refused(
    foreign: IdCursor | CallCursor | DeliveryCursor,
) -> None:
    with pytest.raises(Invalid):
        read_cursor(write_cursor(foreign), FeedCursor)


def test_no_cursor_is_the_beginning() -> None:
    assert read_cursor(None, FeedCursor) is None


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2026-11-20T10:00:00Z", 10),
        ("2026-11-20t10:00:00.123456z", 10),
        ("2026-11-20T10:00:00+02:00", 8),
        ("2026-11-20 10:00:00-05:00", 15),
    ],
)
def test_a_moment_is_read_with_its_offset(text: str, hour: int) -> None:
    moment = MOMENT.validate_python(text)
    assert moment.tzinfo is UTC
    assert moment.hour == hour


@pytest.mark.parametrize(
    "text", ["yesterday", "1700000000", "2026-11-20", "2026-11-20T10:00:00", "2026-13-01T10:00:00Z"]
)
def test_a_moment_without_offset_or_sense_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="2026-11-20T10:00:00Z"):
        MOMENT.validate_python(text)


def test_a_window_that_ends_before_it_begins_is_refused() -> None:
    early, late = "2026-11-20T10:00:00Z", "2026-11-20T11:00:00Z"
    query = WindowQuery.model_validate({"since": early, "until": late})
    assert query.since == datetime(2026, 11, 20, 10, tzinfo=UTC)
    with pytest.raises(ValidationError, match="later than since"):
        WindowQuery.model_validate({"since": late, "until": early})
