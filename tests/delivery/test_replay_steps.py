"""What a replay does with a delivery, how fast it goes, and how it counts."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from offhook.delivery.entries import PendingRow, PendingState
from offhook.delivery.queueing.progress import LivePath
from offhook.delivery.replays.entries import (
    ReplayCounts,
    ReplayJob,
    ReplayRange,
    ReplayScope,
    RowMark,
)
from offhook.delivery.replays.pace import Pace, Paces
from offhook.delivery.replays.ranges import Outcome, RunningReplay
from offhook.delivery.replays.steps import Standing, Step, may_concern, step_for
from offhook.model.event import LogEvent
from offhook.model.ids import AccountId, EventId, ReplayId, WebhookId

CRM = WebhookId("wh_crm")
JOB = ReplayJob(
    id=ReplayId("rpl_1"),
    account=AccountId("acc_1"),
    webhook=CRM,
    scope=ReplayScope.UNDELIVERED,
    since_ms=None,
    until_ms=None,
    types=None,
    rate_per_s=100,
)
FAILED, UNDELIVERED, ALL = ReplayScope.FAILED, ReplayScope.UNDELIVERED, ReplayScope.ALL
EVENT = LogEvent(
    0,
    5,
    EventId("evt_5"),
    AccountId("acc_1"),
    "call.ended",
    "k",
    1,
    1_000,
    False,
    False,
    None,
    b"{}",
)


def row(state: PendingState, replay: str | None = None) -> PendingRow:
    return PendingRow(
        CRM,
        0,
        5,
        EVENT.account,
        EVENT.id,
        EVENT.type,
        "k",
        "k",
        state,
        3,
        None,
        1_000,
        replay=None if replay is None else ReplayId(replay),
    )


def step(
    scope: ReplayScope,
    state: PendingState | None,
    *,
    by: str | None = None,
    accepted: bool = False,
    here: bool = False,
    live: LivePath = LivePath.PASSED,
) -> Step:
    standing = Standing(EVENT, None if state is None else row(state, by), accepted, here)
    return step_for(replace(JOB, scope=scope), standing, live)


class TestStep:
    @pytest.mark.parametrize(
        ("state", "sent_by"),
        [
            (PendingState.FAILED, {FAILED, UNDELIVERED, ALL}),
            (PendingState.CANCELED, {UNDELIVERED, ALL}),
            (None, {UNDELIVERED, ALL}),
        ],
    )
    def test_what_was_not_delivered_is_sent(
        self, state: PendingState | None, sent_by: set[ReplayScope]
    ) -> None:
        assert {scope for scope in ReplayScope if step(scope, state) is Step.SEND} == sent_by

    def test_what_is_pending_is_hurried_and_what_waits_for_it_left(self) -> None:
        for state in (PendingState.RETRY, PendingState.WAITING):
            assert step(UNDELIVERED, state) is Step.HURRY
            assert step(ALL, state, by="rpl_0") is Step.HURRY
            assert step(FAILED, state) is Step.PASS
            assert step(ALL, state, by="rpl_1") is Step.PASS

    def test_what_was_accepted_is_for_all_alone_and_once(self) -> None:
        assert step(ALL, None, accepted=True) is Step.SEND
        assert step(ALL, None, accepted=True, here=True) is Step.PASS
        assert step(UNDELIVERED, None, accepted=True) is Step.PASS

    def test_what_was_accepted_stays_so_though_a_replay_of_it_failed(self) -> None:
        for scope in (FAILED, UNDELIVERED):
            assert step(scope, PendingState.FAILED, by="rpl_0", accepted=True) is Step.PASS
        assert step(ALL, PendingState.FAILED, by="rpl_0", accepted=True) is Step.SEND

    def test_what_failed_under_this_very_replay_is_not_sent_again(self) -> None:
        for scope, accepted in product(ReplayScope, (False, True)):
            found = step(scope, PendingState.FAILED, by="rpl_1", accepted=accepted)
            assert found is Step.PASS

    def test_what_is_on_its_way_is_left_to_it(self) -> None:
        for scope in (UNDELIVERED, ALL):
            assert step(scope, None, live=LivePath.AHEAD) is Step.PASS
        assert step(ALL, None, live=LivePath.AHEAD, accepted=True) is Step.SEND
        assert step(FAILED, PendingState.FAILED, live=LivePath.AHEAD) is Step.SEND

    def test_what_is_about_to_have_an_outcome_is_waited_for(self) -> None:
        for scope in (UNDELIVERED, ALL):
            assert step(scope, None, live=LivePath.ENDING) is Step.WAIT
            assert step(scope, PendingState.CANCELED, live=LivePath.ENDING) is Step.WAIT
        assert step(FAILED, PendingState.FAILED, live=LivePath.ENDING) is Step.WAIT
        assert step(FAILED, PendingState.CANCELED, live=LivePath.ENDING) is Step.PASS
        assert step(ALL, None, live=LivePath.ENDING, accepted=True) is Step.SEND
        assert step(UNDELIVERED, PendingState.RETRY, live=LivePath.ENDING) is Step.HURRY

    def test_what_may_have_been_accepted_before_attempts_were_dropped_is_not_undelivered(
        self,
    ) -> None:
        standing = Standing(EVENT, None, False, False)
        for scope, wanted in ((UNDELIVERED, Step.PASS), (ALL, Step.SEND)):
            job = replace(JOB, scope=scope)
            assert step_for(job, standing, LivePath.PASSED, recorded_ms=1_001) is wanted
            assert step_for(job, standing, LivePath.PASSED, recorded_ms=1_000) is Step.SEND

    def test_since_is_in_and_until_is_out(self) -> None:
        standing = Standing(EVENT, row(PendingState.FAILED), False, False)
        for since_ms, until_ms, wanted in (
            (1_000, 1_001, Step.SEND),
            (1_001, None, Step.PASS),
            (None, 1_000, Step.PASS),
        ):
            job = replace(JOB, since_ms=since_ms, until_ms=until_ms)
            assert step_for(job, standing, LivePath.PASSED) is wanted

    @given(
        st.sampled_from(ReplayScope),
        st.sampled_from(PendingState),
        st.sampled_from([None, "rpl_0", "rpl_1"]),
        st.booleans(),
    )
    def test_no_row_is_passed_over_unseen_that_would_be_acted_on(
        self, scope: ReplayScope, state: PendingState, by: str | None, accepted: bool
    ) -> None:
        mark = RowMark(5, state, EVENT.type, None if by is None else ReplayId(by))
        if step(scope, state, by=by, accepted=accepted) is not Step.PASS:
            assert may_concern(replace(JOB, scope=scope), mark)


class TestPace:
    @given(st.floats(0.01, 10_000), st.lists(st.floats(0.001, 2), min_size=1, max_size=50))
    def test_it_never_allows_more_than_its_rate(self, per_s: float, waits: list[float]) -> None:
        pace, now_s, spent = Pace(0.0), 0.0, 0
        pace.per_s = per_s
        for wait_s in waits:
            now_s += wait_s
            for _ in range(pace.allowed(now_s)):
                pace.spend()
                spent += 1
        assert spent <= per_s * now_s + 1e-6

    def test_when_it_says_that_it_is_worth_a_step_it_is(self) -> None:
        pace = Pace(0.0)
        pace.per_s = 40
        assert pace.allowed(0.0) == 0
        assert pace.allowed(pace.next_s) == 8

    def test_the_partitions_share_a_rate(self) -> None:
        paces = Paces()
        shares = [paces.of(JOB, 4, partition, 0.0) for partition in range(4)]
        assert sum(pace.allowed(0.2) for pace in shares) == 20


class TestCounting:
    def running(self) -> RunningReplay:
        return RunningReplay(ReplayRange(JOB, 0, 10, 30, ReplayCounts(), canceled=False, ranges=1))

    def test_each_delivery_is_matched_once_and_ends_once(self) -> None:
        running = self.running()
        running.note(Outcome.ACCEPTED, first=True)
        running.note(Outcome.KEPT, first=True)
        running.note(Outcome.KEPT, first=False)
        running.note(Outcome.GIVEN_UP, first=False)
        assert running.counts == ReplayCounts(matched=2, accepted=1, failed=1)
        assert running.counts.waiting == 0

    def test_its_place_is_told_now_and_then_its_counts_at_once(self) -> None:
        running = self.running()
        running.scanned([12, 15], through=20)
        running.looked_at(12)
        assert running.freeze(places=False) is None
        told = running.freeze(places=True)
        assert told is not None
        assert (told.position, told.done) == (12, False)
        running.looked_at(15)
        running.note(Outcome.ACCEPTED, first=True)
        told = running.freeze(places=False)
        assert told is not None
        assert (told.position, told.counts.accepted) == (12, 1)

    def test_it_is_over_once_all_is_read_and_nothing_waits_or_is_under_way(self) -> None:
        running = self.running()
        running.scanned([], through=30)
        assert running.read
        assert not running.settled
        running.kept = False
        running.under_way = 1
        assert not running.settled
        running.under_way = 0
        told = running.freeze(places=False)
        assert told is not None
        assert (told.position, told.done) == (30, True)

    def test_once_canceled_whatever_it_took_on_is_given_up(self) -> None:
        running = self.running()
        running.note(Outcome.ACCEPTED, first=True)
        running.note(Outcome.KEPT, first=True)
        running.canceled = True
        told = running.freeze(places=True)
        assert told is not None
        assert (told.abandon, told.done) == (True, True)
        assert told.counts == ReplayCounts(matched=2, accepted=1, failed=1)
