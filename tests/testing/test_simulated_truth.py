"""What Offhook makes of a simulated day: every fact is taken, every call ends as it was told."""

from collections import Counter, defaultdict
from datetime import UTC, datetime
from random import Random

import pytest

from offhook.log.submit import read_submission
from offhook.model.call import Call, CallData, Outcome, Status
from offhook.model.fact import CallFact, FoldContext
from offhook.model.fold import fold_call
from offhook.model.ids import DEFAULT_ACCOUNT
from offhook.testing.simulation import Centre, Step, simulate_day

MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)


class Day:
    """A simulated day, folded."""

    def __init__(self, centre: Centre) -> None:
        self.steps: dict[str, list[Step]] = defaultdict(list)
        self.calls: dict[str, Call] = {}
        self.said: dict[str, list[str]] = defaultdict(list)
        for step in simulate_day(Random(9), MIDNIGHT, centre):
            self._take(step)

    def _take(self, step: Step) -> None:
        name = str(step.data["external_id"])
        read = read_submission(step.body(), account=DEFAULT_ACCOUNT, test=False, size=500)
        assert isinstance(read.fact, CallFact)
        folded = fold_call(self.calls.get(name), read.fact, FoldContext(now=step.at))
        self.steps[name].append(step)
        self.calls[name] = folded.call
        self.said[name] += [draft.type for draft in folded.drafts]

    def told(self, name: str) -> list[str]:
        return [step.type for step in self.steps[name]]

    def data(self) -> list[CallData]:
        return [call.data for call in self.calls.values()]


@pytest.fixture(scope="module")
def inbound() -> Day:
    return Day(Centre(calls_per_day=1_500, outbound_share=0))


@pytest.fixture(scope="module")
def outbound() -> Day:
    return Day(Centre(calls_per_day=1_000, outbound_share=1))


def test_every_call_is_over_and_has_an_outcome(inbound: Day, outbound: Day) -> None:
    for data in (*inbound.data(), *outbound.data()):
        assert data.status is Status.ENDED
        assert data.outcome is not None
        assert data.ended_at is not None


def test_inbound_outcomes_are_those_of_the_centre(inbound: Day) -> None:
    outcomes = Counter(data.outcome for data in inbound.data())
    assert set(outcomes) == {Outcome.ANSWERED, Outcome.ABANDONED, Outcome.FAILED}
    assert outcomes[Outcome.ANSWERED] / 1_500 == pytest.approx(0.815, abs=0.03)


def test_who_was_not_answered_was_missed_once(inbound: Day) -> None:
    for name, call in inbound.calls.items():
        missed = call.data.outcome is not Outcome.ANSWERED
        assert inbound.said[name].count("call.missed") == missed
        assert (call.data.missed_reason is not None) == missed


def test_outbound_calls_are_never_missed(outbound: Day) -> None:
    assert not any("call.missed" in said for said in outbound.said.values())
    outcomes = {data.outcome for data in outbound.data()}
    assert {Outcome.ANSWERED, Outcome.MACHINE, Outcome.NO_ANSWER, Outcome.BUSY} <= outcomes


def test_each_fact_is_announced_under_its_own_name(inbound: Day) -> None:
    for name in inbound.calls:
        said = Counter(inbound.said[name])
        said.subtract(inbound.told(name))
        assert all(count >= 0 for count in said.values())
        assert set(+said) <= {"call.missed"}


def test_the_stated_durations_are_the_calls(inbound: Day) -> None:
    for name, call in inbound.calls.items():
        for step in inbound.steps[name]:
            for field in ("ivr_s", "wait_s", "ring_s", "talk_s", "duration_s", "wrap_s"):
                if field in step.data:
                    assert getattr(call.data, field) == step.data[field]


def test_withheld_callers_have_no_contact(inbound: Day) -> None:
    withheld = [data for data in inbound.data() if data.caller_withheld]
    assert withheld
    assert all(data.contact_number is None and data.caller_id is None for data in withheld)


def test_the_contact_is_whoever_is_outside(inbound: Day, outbound: Day) -> None:
    for data in inbound.data():
        assert data.our_number == data.dialed_number
    for data in outbound.data():
        assert (data.our_number, data.contact_number) == (data.caller_id, data.dialed_number)
