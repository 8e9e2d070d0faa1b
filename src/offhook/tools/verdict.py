"""What a self-test found, step by step. Pure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

import msgspec


class Step(StrEnum):
    """The steps, in their order."""

    WEBHOOK = "webhook"
    """A temporary webhook is made."""
    POST = "post"
    """The event is posted."""
    DELIVERED = "delivered"
    """A request came."""
    VERIFIED = "verified"
    """It is signed by the webhook's secret, and brings the event."""
    EFFECT = "effect"
    """What the event leads to shows where it was expected."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """How a step went: ``problem`` says why it failed."""

    step: Step
    took_ms: float
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class SelfTest:
    """All steps that were begun. ``left_behind`` says what could not be cleaned up."""

    marker: str
    event_id: str | None
    steps: Sequence[StepResult]
    left_behind: str | None = None

    @property
    def failed(self) -> StepResult | None:
        """The step that failed; ``None`` if all went well."""
        return next((each for each in self.steps if each.problem is not None), None)


def as_text(test: SelfTest) -> str:
    """One line: which step failed and why, and how long each took."""
    times = ", ".join(f"{each.step} {each.took_ms:.0f} ms" for each in test.steps)
    left = "" if test.left_behind is None else f"; left behind: {test.left_behind}"
    if test.failed is None:
        return f"selftest passed: {times}{left}"
    return f"selftest failed at {test.failed.step}: {test.failed.problem} ({times}){left}"


def as_json(test: SelfTest) -> str:
    """The same for programs."""
    failed = None if test.failed is None else test.failed.step
    told = {"passed": failed is None, "failed_at": failed, **asdict(test)}
    told["steps"] = [{**asdict(it), "took_ms": round(it.took_ms, 1)} for it in test.steps]
    return msgspec.json.encode(told).decode()
