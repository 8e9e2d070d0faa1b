"""What an answer changes: the one place where a verdict becomes rows, lanes and queues."""

from collections.abc import Callable
from typing import assert_never

from offhook.delivery.announcing import about_delivery, exhausted
from offhook.delivery.entries import Answer, AttemptRecord, Disabling, FailureKind, PendingState
from offhook.delivery.flow import PartitionFlow
from offhook.delivery.policy import Delivered, Disable, GiveUp, Retry, Verdict, describe, judge
from offhook.delivery.queues import Delivery
from offhook.delivery.replays.steps import CANCELED
from offhook.delivery.sending import Sent
from offhook.delivery.subscriptions import Endpoint

_GONE = "its endpoint was disabled or deleted"
_FAILS = "its endpoint fails; it is tried as soon as that accepts again"


def settle(flow: PartitionFlow, sent: Sent, *, now_ms: int, rnd: Callable[[], float]) -> Verdict:
    """Record the attempt and do what its verdict asks; returns the verdict."""
    verdict = judge(
        sent.answer,
        attempts=sent.delivery.attempts + 1,
        since_ms=sent.delivery.since_ms,
        now_ms=now_ms,
        schedule=sent.endpoint.schedule,
        rnd=rnd,
    )
    if isinstance(verdict, Retry) and _is_over(flow, sent.delivery):
        verdict = GiveUp(f"{verdict.reason}; {CANCELED}")
    flow.changes.record(_record(sent, accepted=isinstance(verdict, Delivered)))
    match verdict:
        case Delivered():
            flow.accept(sent.delivery)
            sent.queue.pass_on(sent.delivery.lane)
        case Retry() | GiveUp() if sent.delivery.probe and not _is_ours(sent.answer):
            flow.let_go(sent.delivery)
            sent.queue.pass_on(sent.delivery.lane)
        case Retry(due_ms, reason):
            _retry(flow, sent, due_ms, reason, now_ms)
        case GiveUp(reason):
            _park(flow, sent, PendingState.FAILED, reason)
            attempts = sent.delivery.attempts + 1
            tell_exhausted(flow, sent.delivery, attempts, reason, now_ms, sent.answer.status)
            sent.queue.pass_on(sent.delivery.lane)
        case Disable(reason):
            disabling = Disabling(sent.delivery.webhook, sent.endpoint.revision, reason)
            flow.changes.disable(disabling)
            _park(flow, sent, PendingState.CANCELED, reason)
            sent.queue.pass_on(sent.delivery.lane)
        case _:
            assert_never(verdict)
    return verdict


def note(sent: Sent, verdict: Verdict, *, now_ms: int, now_s: float) -> bool:
    """Have the endpoint's queue take note of how it answered; returns whether its circuit opens
    by it. What was our own fault says nothing about it. ``now_s`` is monotonic."""
    queue, answer = sent.queue, sent.answer
    if isinstance(verdict, Delivered):
        queue.circuit.accepted()
        queue.pace.accepted(sent.endpoint.max_in_flight)
        return False
    if _is_ours(answer):
        return False
    asked_s = sent.endpoint.schedule.asked_s(answer, now_ms)
    queue.pace.failed(answer, now_s, sent.endpoint.max_in_flight, asked_s)
    return queue.circuit.failed(now_s)


def put_back(flow: PartitionFlow, delivery: Delivery, endpoint: Endpoint, now_ms: int) -> None:
    """The endpoint's circuit opened while this waited for it."""
    flow.put_back(delivery, endpoint, now_ms, _FAILS)


def cancel(flow: PartitionFlow, delivery: Delivery) -> None:
    """The endpoint went while this waited for it. A row of its own was canceled with it."""
    if delivery.pending or delivery.replay is not None:
        flow.let_go(delivery)
    else:
        flow.cancel(delivery, _GONE)


def tell_exhausted(
    flow: PartitionFlow,
    delivery: Delivery,
    attempts: int,
    reason: str,
    now_ms: int,
    status: int | None = None,
) -> None:
    """Announce that a delivery was given up, unless that is what it tells of itself."""
    event = delivery.event
    if not about_delivery(event.type):
        told = exhausted(
            event,
            delivery.webhook,
            attempts=attempts,
            status=status,
            reason=reason,
            at_ms=now_ms,
        )
        flow.changes.announce(told)


def _is_ours(answer: Answer) -> bool:
    """Whether the request could not even be built: a probe that says nothing is not made again."""
    return answer.failure is FailureKind.INTERNAL


def _is_over(flow: PartitionFlow, delivery: Delivery) -> bool:
    """Whether it was sent by a replay that was canceled meanwhile."""
    return delivery.replay is not None and flow.replays.is_over(delivery.replay)


def _retry(flow: PartitionFlow, sent: Sent, due_ms: int, reason: str, now_ms: int) -> None:
    if sent.queue.closed:
        _park(flow, sent, PendingState.CANCELED, _GONE)
        return
    if sent.delivery.failed_ms is None:
        sent.delivery.failed_ms = now_ms
    flow.retry(sent.delivery, sent.endpoint, due_ms, reason)
    for behind in sent.queue.cut(sent.delivery.lane):
        flow.let_go(behind)
        if not behind.pending:
            flow.wait_behind(behind)


def _park(flow: PartitionFlow, sent: Sent, state: PendingState, why: str) -> None:
    attempts = sent.delivery.attempts + 1
    flow.park(sent.delivery, sent.endpoint, state, why, attempts)


def _record(sent: Sent, *, accepted: bool) -> AttemptRecord:
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
