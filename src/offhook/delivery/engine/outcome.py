"""What an answer changes: the one place where a verdict becomes rows, lanes and queues."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from offhook.delivery.announcing import about_delivery, exhausted
from offhook.delivery.engine.flow import PartitionFlow
from offhook.delivery.engine.sending import Sent
from offhook.delivery.entries import (
    Announcement,
    AttemptRecord,
    Disabling,
    FailureKind,
    PendingState,
)
from offhook.delivery.policy import (
    Delivered,
    Disable,
    GiveUp,
    Postpone,
    Retry,
    Verdict,
    describe,
    judge,
)
from offhook.delivery.queueing.circuit import CircuitState
from offhook.delivery.queueing.queues import Delivery
from offhook.delivery.replays.steps import CANCELED

_GONE = "its endpoint was disabled or deleted"
FAILS = "its endpoint fails; it is tried as soon as that accepts again"
LEFT_OUT = "its endpoint cannot be loaded as it is stored; it is tried once it can be"


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from one attempt: what it came to, what is recorded of it, and what is told."""

    verdict: Verdict
    record: AttemptRecord | None
    """``None`` where nothing was sent."""
    told: Announcement | None


def decide(flow: PartitionFlow, sent: Sent, *, now_ms: int, rnd: Callable[[], float]) -> Decision:
    """What follows from an attempt. Nothing is changed: all that depends on what the receiver sent
    is looked at here, so that it cannot leave ``apply`` half done."""
    verdict = judge(
        sent.answer,
        attempts=sent.delivery.attempts + 1,
        since_ms=sent.delivery.since_ms,
        now_ms=now_ms,
        schedule=sent.endpoint.schedule,
        rnd=rnd,
    )
    if isinstance(verdict, Disable) and sent.outdated:
        # It may have been mended, or stand elsewhere: the next one says the same if not.
        verdict = Retry(now_ms, verdict.reason)
    if isinstance(verdict, Retry | Postpone) and _is_over(flow, sent.delivery):
        # Its owner gave it up, not Offhook: nothing is told, as of those that wait for the replay.
        return Decision(GiveUp(f"{verdict.reason}; {CANCELED}"), _record(sent, verdict), None)
    return Decision(verdict, _record(sent, verdict), _told(sent, verdict, now_ms))


def apply(flow: PartitionFlow, sent: Sent, decision: Decision, now_ms: int) -> None:
    """Record the attempt and do what its verdict asks."""
    if decision.record is not None:
        flow.changes.record(decision.record)
    if decision.told is not None:
        flow.changes.announce(decision.told)
    match decision.verdict:
        case Delivered():
            flow.accept(sent.delivery)
            sent.queue.pass_on(sent.delivery.lane)
        case Retry() | Postpone() | GiveUp() if _says_nothing(sent):
            flow.let_go(sent.delivery)
            sent.queue.pass_on(sent.delivery.lane)
        case Retry(due_ms, reason):
            _retry(flow, sent, due_ms, reason, now_ms)
        case Postpone(due_ms, reason):
            _later(flow, sent, due_ms, reason, tried=False)
        case GiveUp(reason):
            _park(flow, sent, PendingState.FAILED, reason)
            sent.queue.pass_on(sent.delivery.lane)
        case Disable(reason):
            _disable(flow, sent, reason, now_ms)
        case _:
            assert_never(decision.verdict)


def note(sent: Sent, verdict: Verdict, *, now_ms: int, now_s: float) -> bool:
    """Have the endpoint's queue take note of how it answered; returns whether its circuit opens
    by it. What was our own fault, or came from elsewhere, says nothing about it. ``now_s`` is
    monotonic."""
    queue, answer = sent.queue, sent.answer
    if sent.elsewhere:
        return False
    if isinstance(verdict, Delivered):
        queue.circuit.accepted()
        queue.pace.accepted(sent.endpoint.max_in_flight)
        return False
    if answer.is_ours:
        if _says_nothing(sent) and queue.circuit.state is CircuitState.HALF_OPEN:
            queue.circuit.found_none(now_s)
        return False
    asked_s = sent.endpoint.schedule.asked_s(answer, now_ms)
    queue.pace.failed(answer, now_s, sent.endpoint.max_in_flight, asked_s)
    return queue.circuit.failed(now_s)


def cancel(flow: PartitionFlow, delivery: Delivery) -> None:
    """The endpoint went while this waited for it. A row of its own was canceled with it."""
    if delivery.pending or delivery.replay is not None:
        flow.let_go(delivery)
    else:
        flow.cancel(delivery, _GONE)


def exhaustion(
    delivery: Delivery, attempts: int, reason: str, now_ms: int, status: int | None = None
) -> Announcement | None:
    """What is announced of a delivery that was given up: nothing, if it tells of one itself."""
    event = delivery.event
    if about_delivery(event.type):
        return None
    return exhausted(
        event,
        delivery.webhook,
        attempts=attempts,
        status=status,
        reason=reason,
        at_ms=now_ms,
    )


def _told(sent: Sent, verdict: Verdict, now_ms: int) -> Announcement | None:
    if not isinstance(verdict, GiveUp) or _says_nothing(sent):
        return None
    attempts, status = sent.delivery.attempts + 1, sent.answer.status
    return exhaustion(sent.delivery, attempts, verdict.reason, now_ms, status)


def _says_nothing(sent: Sent) -> bool:
    """Whether its row stays as it was if it failed: it was tried out of its time. One that could
    not even be built is not to be chosen again."""
    return sent.delivery.probe and sent.answer.failure is not FailureKind.INTERNAL


def _is_over(flow: PartitionFlow, delivery: Delivery) -> bool:
    """Whether it was sent by a replay that was canceled meanwhile."""
    return delivery.replay is not None and flow.replays.is_over(delivery.replay)


def _disable(flow: PartitionFlow, sent: Sent, reason: str, now_ms: int) -> None:
    """Rows are canceled as the endpoint is disabled. This one gets its row like any that failed: if
    the endpoint was changed meanwhile, so that it is not disabled after all, it is tried again."""
    delivery = sent.delivery
    flow.changes.disable(Disabling(delivery.webhook, sent.endpoint.revision, reason))
    if _says_nothing(sent):
        flow.let_go(delivery)
        sent.queue.pass_on(delivery.lane)
    elif _is_over(flow, delivery):
        _park(flow, sent, PendingState.CANCELED, reason)
        sent.queue.pass_on(delivery.lane)
    else:
        _retry(flow, sent, now_ms, reason, now_ms)


def _retry(flow: PartitionFlow, sent: Sent, due_ms: int, reason: str, now_ms: int) -> None:
    if sent.delivery.failed_ms is None:
        sent.delivery.failed_ms = now_ms
    _later(flow, sent, due_ms, reason, tried=True)


def _later(flow: PartitionFlow, sent: Sent, due_ms: int, reason: str, *, tried: bool) -> None:
    if sent.queue.closed:
        _park(flow, sent, PendingState.CANCELED, _GONE)
        return
    flow.retry(sent.delivery, sent.endpoint, due_ms, reason, tried=tried)
    for behind in sent.queue.cut(sent.delivery.lane):
        flow.let_go(behind)
        if not behind.pending:
            flow.wait_behind(behind)


def _park(flow: PartitionFlow, sent: Sent, state: PendingState, why: str) -> None:
    attempts = sent.delivery.attempts + 1
    flow.park(sent.delivery, sent.endpoint, state, why, attempts)


def _record(sent: Sent, verdict: Verdict) -> AttemptRecord | None:
    if isinstance(verdict, Postpone):
        return None
    accepted = isinstance(verdict, Delivered)
    event, answer = sent.delivery.event, sent.answer
    return AttemptRecord(
        webhook=sent.delivery.webhook,
        partition=event.partition,
        position=event.position,
        account=event.account,
        event_id=event.id,
        event_type=event.type,
        key=event.key,
        number=sent.delivery.attempts + 1,
        started_ms=sent.started_ms,
        duration_ms=answer.duration_ms,
        accepted=accepted,
        status=answer.status,
        error=None if accepted else describe(answer),
        response=answer.body if not accepted or sent.endpoint.keep_responses else None,
        late=sent.delivery.late is not None,
        replay=sent.delivery.replay,
        detail=answer.record,
    )
