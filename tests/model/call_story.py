"""A call told fact by fact, the way sources tell it, and the events that it comes to."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from offhook.log.entries import Folded, KeyRow, Submission
from offhook.log.fold import fold
from offhook.log.submit import call_submission, read_submission
from offhook.model.call import Call, CallData
from offhook.model.event import EventRef, to_ms
from offhook.model.fact import CallFact, FactKind, FoldContext, TimerKind
from offhook.model.ids import DEFAULT_ACCOUNT, CallId, EventId
from offhook.model.reading import call_fact

START = datetime(2026, 11, 20, 10, tzinfo=UTC)
IDENTITY = {"source": "twilio", "external_id": "CA1"}


def at(seconds: float) -> str:
    """A moment of the story as a source writes it."""
    return (START + timedelta(seconds=seconds)).isoformat()


class Story:
    """Folds facts one after the other; ``now_s`` is how far into the story they arrive."""

    def __init__(self, direction: str | None = "inbound", *, test: bool = False) -> None:
        self.stated = {**IDENTITY} if direction is None else {**IDENTITY, "direction": direction}
        self.test = test
        self.now_s = 0.0
        self.call: Call | None = None
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.timers: dict[tuple[TimerKind, str], int] = {}
        self.last: Folded | None = None

    @property
    def data(self) -> CallData:
        """The call as it stands."""
        assert self.call is not None
        return self.call.data

    @property
    def types(self) -> list[str]:
        """Every event so far."""
        return [type_ for type_, _ in self.events]

    @property
    def due_ms(self) -> int | None:
        """When the call is to be settled."""
        return next(
            (due for (kind, _), due in self.timers.items() if kind is TimerKind.SETTLE), None
        )

    def post(self, type_: str, data: dict[str, Any] | None = None, **context: Any) -> list[str]:
        """A posted fact; returns the types of its events."""
        envelope = {k: context.pop(k) for k in ("occurred_at", "headers") if k in context}
        item = {"type": type_, "data": {**self.stated, **(data or {})}, **envelope}
        read = read_submission(item, account=DEFAULT_ACCOUNT, test=self.test, size=500)
        return self.take(read, **context)

    def tell(self, *facts: str | tuple[str, dict[str, Any]]) -> list[str]:
        """Facts posted five seconds apart; returns every event so far."""
        for fact in facts:
            type_, data = (fact, {}) if isinstance(fact, str) else fact
            self.post(type_, data)
            self.now_s += 5
        return self.types

    def live(self, *facts: str | tuple[str, dict[str, Any]]) -> list[str]:
        """Facts posted five seconds apart, and the call settled; returns every event so far."""
        self.tell(*facts)
        self.settle()
        return self.types

    def record(self, data: dict[str, Any], **context: Any) -> list[str]:
        """A finished record, as a file or a poll brings it."""
        historical = context.pop("historical", None)
        stated = {**self.stated, **data, "historical": historical}
        fact = call_fact(stated, account=DEFAULT_ACCOUNT, kind=FactKind.RECORD)
        return self.take(call_submission(fact, account=DEFAULT_ACCOUNT), **context)

    def timer(self, kind: FactKind) -> list[str]:
        """A durable timer that fires."""
        return self.take(call_submission(self._bare(kind), account=DEFAULT_ACCOUNT))

    def settle(self) -> list[str]:
        """Wait until the settling time has passed, and let its timer fire if there is one."""
        if self.due_ms is None:
            return []
        self.now_s = max(self.now_s, (self.due_ms - to_ms(START)) / 1000)
        return self.timer(FactKind.SETTLE)

    def take(self, submission: Submission, **context: Any) -> list[str]:
        """Fold one submission as the store does."""
        now = START + timedelta(seconds=self.now_s)
        row = None
        if self.call is not None:
            row = KeyRow(EventRef(EventId("e"), "t", "k", 1), 1, self.call)
        told = FoldContext(now=now, test=submission.test, **context)
        self.last = folded = fold(submission, row, told)
        self.call = folded.call
        for timer in folded.timers:
            if timer.due_ms is None:
                self.timers.pop((timer.kind, timer.key), None)
            else:
                self.timers[timer.kind, timer.key] = timer.due_ms
        events = [(draft.type, json.loads(draft.data)) for draft in folded.drafts]
        self.events += events
        return [type_ for type_, _ in events]

    def _bare(self, kind: FactKind) -> CallFact:
        assert self.call is not None
        return CallFact(CallId(self.call.data.call_id), kind, None, {})
