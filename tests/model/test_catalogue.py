"""What a type is called, who may post it, and what a subscription brings."""

import pytest

from offhook.model.catalogue import (
    CATALOGUE,
    canonical,
    matches,
    postable,
    read_pattern,
    spelling,
)
from offhook.model.errors import Forbidden, Invalid


@pytest.mark.parametrize(
    ("spelled", "type_"),
    [
        ("call.missed", "call.missed"),
        ("CALL.Missed", "call.missed"),
        ("call.completed", "call.ended"),
        ("call.initiated", "call.started"),
        ("Call Ended", "call.ended"),
        ("call abandoned", "call.abandoned"),
        ("Call Overflowed To Voicemail", "call.voicemail"),
        ("Voicemail detected", "call.voicemail_detected"),
        ("voicemail.detected", "call.voicemail_detected"),
        ("Call Disposition Saved", "call.disposition_set"),
        ("Contact List Modified", "contact_list.modified"),
        ("Message Sent", "message.sent"),
        ("custom.lead.won_2", "custom.lead.won_2"),
    ],
)
def test_every_spelling_stands_for_one_type(spelled: str, type_: str) -> None:
    assert canonical(spelled) == type_


@pytest.mark.parametrize(
    "name", ["", "call", "call.", "custom.", "custom.Lead", "custom.a..b", "*"]
)
def test_what_is_no_type_stands_for_none(name: str) -> None:
    assert canonical(name) is None


def test_no_spelling_stands_for_two_types() -> None:
    spelled = [
        text.casefold() for entry in CATALOGUE.values() for text in (entry.name, *entry.aliases)
    ]
    assert len(spelled) == len(set(spelled))


@pytest.mark.parametrize(
    "type_", ["webhook.failing", "delivery.exhausted", "record.ingested", "buyer.modified"]
)
def test_only_offhook_says_what_it_does_itself(type_: str) -> None:
    assert not CATALOGUE[type_].postable
    with pytest.raises(Forbidden) as refused:
        postable(type_)
    assert refused.value.code == "reserved_type"


def test_a_pattern_is_not_told_to_be_one_where_a_type_is_wanted() -> None:
    with pytest.raises(Invalid) as refused:
        postable("call.*")
    assert "mean call.*" not in refused.value.detail


def test_a_near_miss_is_told_the_type_that_was_meant() -> None:
    with pytest.raises(Invalid) as refused:
        postable("call.anwsered", "body.items[3].type")
    assert refused.value.code == "unknown_event_type"
    assert "call.answered" in refused.value.detail
    assert refused.value.errors[0].path == "body.items[3].type"


@pytest.mark.parametrize("name", [None, 7, [], "x" * 5000])
def test_whatever_stands_in_place_of_a_type_is_refused(name: object) -> None:
    with pytest.raises(Invalid):
        postable(name)


@pytest.mark.parametrize(
    ("written", "pattern"),
    [
        ("*", "*"),
        ("call.*", "call.*"),
        ("Call.*", "call.*"),
        ("custom.*", "custom.*"),
        ("custom.lead.*", "custom.lead.*"),
        ("Call Ended", "call.ended"),
        (" call.completed ", "call.ended"),
        ("webhook.*", "webhook.*"),
        ("custom.won", "custom.won"),
    ],
)
def test_patterns_are_kept_in_canonical_form(written: str, pattern: str) -> None:
    assert read_pattern(written) == pattern


@pytest.mark.parametrize("written", ["", "calls.*", "call.miss*", "**", "call.nope", None, ".*"])
def test_a_pattern_that_nothing_could_match_is_refused(written: object) -> None:
    with pytest.raises(Invalid) as refused:
        read_pattern(written)
    assert refused.value.code == "unknown_event_type"


@pytest.mark.parametrize(
    ("pattern", "type_", "brings"),
    [
        ("*", "call.missed", True),
        ("*", "custom.won", True),
        ("*", "buyer.modified", True),
        ("*", "webhook.disabled", False),
        ("*", "delivery.exhausted", False),
        ("*", "automation.fired", False),
        ("*", "record.ingested", False),
        ("webhook.*", "webhook.disabled", True),
        ("record.rejected", "record.rejected", True),
        ("call.*", "call.missed", True),
        ("call.*", "contact.created", False),
        ("contact.*", "contact_list.created", False),
        ("call.ended", "call.ended", True),
        ("call.ended", "call.missed", False),
    ],
)
def test_a_pattern_brings_what_it_names(pattern: str, type_: str, brings: bool) -> None:
    assert matches(pattern, type_) is brings


def test_a_subscriber_gets_back_its_own_spelling() -> None:
    written = ["call.*", "Call Ended", "call.missed"]
    assert spelling(written, "call.ended") == "Call Ended"
    assert spelling(written, "call.missed") == "call.missed"
    assert spelling(written, "call.answered") == "call.answered"
