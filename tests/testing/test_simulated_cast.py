"""Who takes part in a simulated day: nobody twice at once, no number that is somebody's."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import phonenumbers
from hypothesis import given
from hypothesis import strategies as st

from offhook.testing.simulation.cast import Cast, Roster, _contact, _our_number

START = datetime(2026, 11, 20, 9, tzinfo=UTC)
bookings = st.lists(st.tuples(st.integers(0, 600), st.integers(1, 300)))


@given(bookings)
def test_an_agent_is_never_taken_before_being_free(asked: list[tuple[int, int]]) -> None:
    roster, busy = Roster(), defaultdict(list)
    for at_s, for_s in asked:
        at = START + timedelta(seconds=at_s)
        until = at + timedelta(seconds=for_s)
        busy[roster.take(at, until)].append((at, until))
    for taken in busy.values():
        assert all(before[1] <= after[0] for before, after in pairwise(taken))


def test_no_more_agents_are_hired_than_are_busy_at_once() -> None:
    roster = Roster()
    minutes = [START + timedelta(minutes=number) for number in range(60)]
    agents = {roster.take(at, at + timedelta(minutes=3)) for at in minutes}
    assert agents == {"agent_001", "agent_002", "agent_003"}


@given(st.integers(0, 399_999), st.integers(0, 399_999))
def test_contacts_have_numbers_of_their_own(one: int, other: int) -> None:
    assert (_contact(one).number == _contact(other).number) == (one == other)


@given(st.integers(0, 10_000_000))
def test_every_contact_has_a_valid_number(index: int) -> None:
    assert phonenumbers.is_valid_number(phonenumbers.parse(_contact(index).number))


def test_our_numbers_are_valid_and_no_contacts() -> None:
    ours = [_our_number(index) for index in range(24)]
    assert len({each.number for each in ours}) == 24
    assert all(phonenumbers.is_valid_number(phonenumbers.parse(each.number)) for each in ours)
    assert all(int(each.number[-4:]) < 2_000 <= int(_contact(9).number[-4:]) for each in ours)


def test_a_campaign_has_numbers_of_its_own() -> None:
    campaigns = defaultdict(set)
    for index in range(24):
        campaigns[_our_number(index).campaign_id].add(_our_number(index).number)
    assert len(campaigns) == 6
    assert all(len(numbers) == 4 for numbers in campaigns.values())


def test_a_visitor_belongs_to_the_campaign() -> None:
    cast = Cast(Random(1), 100)
    visitors = [cast.visitor("cmp_roofing") for _ in range(200)]
    assert {visitor["utm_campaign"] for visitor in visitors} == {"cmp_roofing"}
    assert len({visitor["session_id"] for visitor in visitors}) == 200
    mediums = {(visitor["utm_source"], visitor["utm_medium"]) for visitor in visitors}
    assert ("newsletter", "email") in mediums
    assert ("google", "cpc") in mediums
