"""What is told of one call: its steps, as they are posted to the API."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]

SOURCE: Final = "simulator"


@dataclass(frozen=True, slots=True)
class Step:
    """One fact about a call, at the moment at which it happened."""

    at: datetime
    type: str
    data: dict[str, Json]

    def body(self) -> dict[str, Json]:
        """The item as ``POST /v1/events`` and ``/v1/events/batch`` take it."""
        return {"type": self.type, "occurred_at": rfc3339(self.at), "data": {**self.data}}


class Story:
    """Tells one call step by step, on a clock of its own."""

    def __init__(self, external_id: str, start: datetime) -> None:
        self.steps: list[Step] = []
        self.now = start
        self._identity: dict[str, Json] = {"source": SOURCE, "external_id": external_id}

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def say(self, type_: str, **fields: Json) -> None:
        """Add a step at this moment, with the fields that are known by it."""
        self.steps.append(Step(self.now, type_, {**self._identity, **fields}))


def rfc3339(moment: datetime) -> str:
    """A moment in UTC with three decimals."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def seconds_between(start: datetime, end: datetime) -> float:
    """Seconds from start to end, in tenths."""
    return round((end - start).total_seconds(), 1)
