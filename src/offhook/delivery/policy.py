"""What the outcome of an attempt means. Pure: the one rule for every outgoing request."""

from collections.abc import Callable
from dataclasses import dataclass

from offhook.delivery.entries import Answer, FailureKind
from offhook.delivery.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Delivered:
    """The endpoint accepted it."""


@dataclass(frozen=True, slots=True)
class Retry:
    """It is to be tried again at ``due_ms``."""

    due_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class Postpone:
    """It could not be tried for want of something here: again at ``due_ms``, as if it had not been
    begun."""

    due_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No further attempt: parked as failed."""

    reason: str


@dataclass(frozen=True, slots=True)
class Disable:
    """The endpoint says that it is gone for good (410)."""

    reason: str


Verdict = Delivered | Retry | Postpone | GiveUp | Disable

_POSTPONED_S = 5.0
_SPREAD = 0.4


def describe(answer: Answer) -> str:
    """The failure in a few words."""
    if answer.failure is not None:
        return f"{answer.failure}: {answer.detail}" if answer.detail else str(answer.failure)
    return f"status {answer.status}"


def judge(
    answer: Answer,
    *,
    attempts: int,
    since_ms: int,
    now_ms: int,
    schedule: Schedule,
    rnd: Callable[[], float],
) -> Verdict:
    """What follows from the answer to attempt number ``attempts`` (1 is the first).

    ``since_ms`` is when trying began: the event's commit, or a replay. Nothing is given up for its
    age before an attempt has failed after the deadline.
    """
    if answer.status is not None and 200 <= answer.status < 300:
        return Delivered()
    reason = describe(answer)
    if answer.status == 410:
        return Disable(reason)
    if answer.failure is FailureKind.INTERNAL:
        return GiveUp(reason)
    if answer.failure is FailureKind.SHORTAGE:
        wait_s = _POSTPONED_S * (1 + _SPREAD * (rnd() - 0.5))
        return Postpone(now_ms + round(wait_s * 1000), reason)
    if not schedule.retryable(answer):
        return GiveUp(f"{reason} is not retried")
    delay_s = schedule.delay_s(attempts, rnd)
    if delay_s is None:
        return GiveUp(f"{reason} after {attempts} attempts")
    return _retry(answer, reason, delay_s, since_ms, now_ms, schedule)


def _retry(
    answer: Answer, reason: str, delay_s: float, since_ms: int, now_ms: int, schedule: Schedule
) -> Verdict:
    due_ms = now_ms + round(max(delay_s, schedule.asked_s(answer, now_ms)) * 1000)
    if schedule.until_s is None:
        return Retry(due_ms, reason)
    deadline_ms = since_ms + round(schedule.until_s * 1000)
    if now_ms >= deadline_ms:
        return GiveUp(f"{reason} past the deadline of {schedule.until_s:g} s")
    return Retry(min(due_ms, deadline_ms), reason)
