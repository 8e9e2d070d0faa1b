"""Each bug that is put into the engine here is found by one of a few dozen lives."""

from collections.abc import Callable, Sequence
from itertools import count

import pytest

from offhook.delivery.engine.changes import ChangeSet
from offhook.delivery.engine.flow import PartitionFlow
from offhook.delivery.engine.releasing import Releaser
from offhook.delivery.entries import AttemptRecord
from offhook.delivery.queueing.circuit import Circuit
from offhook.delivery.queueing.progress import LivePath, Progress
from offhook.delivery.queueing.queues import EndpointQueue
from offhook.delivery.queueing.rate import Starts
from offhook.delivery.replays import replayer
from offhook.delivery.replays.entries import ReplayJob
from offhook.delivery.replays.steps import Standing, Step
from offhook.delivery.schedule import Schedule
from offhook.log.leasing import LeaseHolder
from offhook.signing.secret import Secret
from offhook.store.sqlite import webhooks
from offhook.testing.simulated.life import live
from offhook.testing.simulated.plan import _WEIGHTS, Kind

LIVES = 200

Bug = Callable[[pytest.MonkeyPatch], None]


def sends_past_its_lease(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(LeaseHolder, "valid", lambda _: True)


def does_not_ask_which_lanes_are_closed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(PartitionFlow, "may_be_closed", lambda _flow, _webhook: False)


def moves_the_cursor_past_what_is_under_way(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Progress, "done_to", lambda progress: progress.read_to)


def forgets_what_the_owner_before_had_accepted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(PartitionFlow, "was_settled", lambda _flow, _webhook, _position: False)


def tries_again_too_early(patch: pytest.MonkeyPatch) -> None:
    delay_s = Schedule.delay_s

    def halved(schedule: Schedule, attempts: int, rnd: Callable[[], float]) -> float | None:
        full_s = delay_s(schedule, attempts, rnd)
        return None if full_s is None else full_s / 2

    patch.setattr(Schedule, "delay_s", halved)


def does_not_keep_to_the_rate(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Starts, "free_at", lambda _starts, _limit, _allowed, now_s: now_s)


def does_not_keep_to_the_bound(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(EndpointQueue, "sendable", property(lambda queue: bool(queue._ready)))


def loses_a_record_now_and_then(patch: pytest.MonkeyPatch) -> None:
    record, number = ChangeSet.record, count()

    def forgetful(changes: ChangeSet, attempt: AttemptRecord) -> None:
        if next(number) % 50:
            record(changes, attempt)

    patch.setattr(ChangeSet, "record", forgetful)


def tells_of_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ChangeSet, "announce", lambda _changes, _announcement: None)


def sends_nothing_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(replayer, "step_for", lambda *_given, **_named: Step.PASS)


def makes_up_for_nothing_that_was_missed_while_disabled(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(_WEIGHTS, "endpoint_is_disabled_or_enabled", 6)
    step_for = replayer.step_for

    def of_rows(job: ReplayJob, standing: Standing, live: LivePath, *, recorded_ms: int) -> Step:
        if standing.row is None:
            return Step.PASS
        return step_for(job, standing, live, recorded_ms=recorded_ms)

    patch.setattr(replayer, "step_for", of_rows)


def forgets_the_secret_before(patch: pytest.MonkeyPatch) -> None:
    def at_once(_secrets: Sequence[Secret], new: str, **_given: int) -> tuple[Secret, ...]:
        return (Secret(new),)

    patch.setattr(webhooks, "rotated", at_once)


def never_lets_a_lane_go(patch: pytest.MonkeyPatch) -> None:
    async def look_at_none(*_given: object) -> None:
        pass

    patch.setattr(Releaser, "run", look_at_none)


def never_leaves_a_dead_endpoint_alone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Circuit, "failed", lambda _circuit, _now_s: False)


BUGS: tuple[Bug, ...] = (
    sends_past_its_lease,
    does_not_ask_which_lanes_are_closed,
    moves_the_cursor_past_what_is_under_way,
    forgets_what_the_owner_before_had_accepted,
    tries_again_too_early,
    does_not_keep_to_the_rate,
    does_not_keep_to_the_bound,
    loses_a_record_now_and_then,
    tells_of_nothing,
    sends_nothing_again,
    makes_up_for_nothing_that_was_missed_while_disabled,
    forgets_the_secret_before,
)


OF_MINUTES: tuple[Bug, ...] = (never_lets_a_lane_go, never_leaves_a_dead_endpoint_alone)


@pytest.mark.parametrize("bug", BUGS, ids=[bug.__name__ for bug in BUGS])
def test_a_bug_is_found(bug: Bug, monkeypatch: pytest.MonkeyPatch) -> None:
    bug(monkeypatch)
    assert any(live(seed, Kind.MIXED).broken for seed in range(LIVES))


@pytest.mark.parametrize("bug", OF_MINUTES, ids=[bug.__name__ for bug in OF_MINUTES])
def test_a_bug_that_takes_minutes_is_found(bug: Bug, monkeypatch: pytest.MonkeyPatch) -> None:
    bug(monkeypatch)
    assert any(live(seed, Kind.OUTAGE).broken for seed in range(LIVES))
