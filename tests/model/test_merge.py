"""What an edit remembers: changes net of what was taken back, and which fields are derived."""

from datetime import UTC, datetime, timedelta

import pytest

from offhook.model.call import CallData, Disposition, Location, Status, Voicemail
from offhook.model.merge import Edit, merge, span_s
from offhook.model.reading import STATED_FIELDS


def _edit(**fields: object) -> Edit:
    return Edit(CallData("call_1", **fields), ())


def test_a_change_is_told_from_where_it_began_to_where_it_ends() -> None:
    edit = _edit(queue="a")
    edit.set("queue", "b")
    edit.set("queue", "c")
    assert edit.changes == {"queue": ("a", "c")}


def test_what_comes_back_to_where_it_was_is_no_change() -> None:
    edit = _edit(queue="a")
    edit.set("queue", "b")
    edit.set("queue", "a")
    assert edit.changes == {}


def test_a_statement_replaces_what_was_derived_and_is_not_derived_over() -> None:
    edit = _edit()
    edit.derive("talk_s", 5.0)
    edit.derive("talk_s", 6.0)
    assert (edit.data.talk_s, edit.derived) == (6.0, ("talk_s",))
    edit.state("talk_s", 4.0)
    edit.derive("talk_s", 7.0)
    assert (edit.data.talk_s, edit.derived) == (4.0, ())


def test_what_no_longer_follows_is_unknown_again() -> None:
    edit = _edit()
    edit.derive("talk_s", 5.0)
    edit.derive("talk_s", None)
    assert (edit.data.talk_s, edit.derived, edit.changes) == (None, (), {})


def test_what_does_not_hold_is_retracted_even_if_it_was_stated() -> None:
    edit = _edit(failure="busy")
    edit.retract("failure")
    assert edit.data.failure is None


@pytest.mark.parametrize("before", list(Status))
@pytest.mark.parametrize("after", list(Status))
def test_a_status_only_advances(before: Status, after: Status) -> None:
    edit = _edit(status=before)
    edit.advance(after)
    order = list(Status)
    assert edit.data.status is order[max(order.index(before), order.index(after))]


def test_a_known_voicemail_stays_left_when_its_recording_arrives() -> None:
    edit = _edit(voicemail=Voicemail(True, duration_s=9.0))
    merge(edit, {"voicemail": Voicemail(False, url="https://r/1")})
    assert edit.data.voicemail == Voicemail(True, "https://r/1", 9.0)


def test_the_same_disposition_without_its_note_keeps_the_note() -> None:
    edit = _edit(disposition=Disposition("SALE", "Friday"))
    merge(edit, {"disposition": Disposition("SALE")})
    assert edit.data.disposition == Disposition("SALE", "Friday")
    merge(edit, {"disposition": Disposition("LOST")})
    assert edit.data.disposition == Disposition("LOST")


def test_parts_stated_again_win_and_others_stay() -> None:
    edit = _edit(location=Location("14604", "Rochester"))
    merge(edit, {"location": Location("14605", state="NY")})
    assert edit.data.location == Location("14605", "Rochester", "NY")


def test_who_a_call_is_never_changes() -> None:
    edit = _edit(source="a", external_id="1")
    merge(edit, {"source": "b", "external_id": "2"})
    assert edit.changes == {}


def test_every_field_that_may_be_stated_has_its_place_in_a_call() -> None:
    beside = {"call_id", "group", "occurred_at", "historical"}
    assert STATED_FIELDS - beside <= set(CallData.__struct_fields__)


def test_no_span_runs_backwards() -> None:
    start = datetime(2026, 11, 20, tzinfo=UTC)
    assert span_s(start, start + timedelta(seconds=1.5)) == 1.5
    assert span_s(start, start - timedelta(seconds=1)) is None
    assert span_s(None, start) is None
