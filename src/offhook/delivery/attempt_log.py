"""One structured line for each attempt, written beside the loop.

Lines are encoded where the attempt comes back and written by a thread; where whoever reads them is
too slow, they are dropped and counted rather than waited for.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from enum import StrEnum
from queue import SimpleQueue

import msgspec

from offhook.delivery.engine.sending import Sent
from offhook.delivery.entries import Timings
from offhook.model.event import rfc3339_ms
from offhook.model.ids import delivery_id

EVERY_S = 0.1
MOST_HELD = 50_000
_LAST_WRITE_S = 1.0

Write = Callable[[Sequence[bytes]], None]
"""Writes lines, in a thread of its own; may block."""


class Attempts(StrEnum):
    """Of which attempts a line is written."""

    ALL = "all"
    FAILURES = "failures"
    NONE = "none"


class AttemptLine(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What is told of an attempt: nothing of its payload, its headers or its URL."""

    event: str
    level: str
    timestamp: str
    webhook_id: str
    event_id: str
    event_type: str
    delivery_id: str
    number: int
    accepted: bool
    duration_ms: float
    timings: Timings
    status: int | None = None
    error: str | None = None
    detail: str | None = None
    late: bool = False
    replay_id: str | None = None
    trace_id: str | None = None


_ENCODE = msgspec.json.Encoder().encode
_NO_TIMINGS = Timings()


class AttemptLog:
    """A service. A line is on its way within a tenth of a second. Belongs to the running loop."""

    name = "attempt-log"

    def __init__(self, *, write: Write, wanted: Attempts, on_dropped: Callable[[], None]) -> None:
        self._wanted = wanted
        self._on_dropped = on_dropped
        self._lines: list[bytes] = []
        self._writer = _Writer(write)

    def note(self, sent: Sent) -> None:
        """An attempt came back."""
        if self._wanted is Attempts.NONE:
            return
        status = sent.answer.status
        accepted = status is not None and 200 <= status < 300
        if accepted and self._wanted is Attempts.FAILURES:
            return
        if len(self._lines) + self._writer.held >= MOST_HELD:
            self._on_dropped()
        else:
            self._lines.append(_ENCODE(line_of(sent, accepted=accepted)))

    async def run_once(self) -> float:
        """Hand on what was gathered."""
        if self._lines:
            lines, self._lines = self._lines, []
            self._writer.put(lines)
        return EVERY_S

    def recover(self) -> None:
        """Nothing is to be dropped."""

    async def stop(self) -> None:
        """Write what is left, if that does not take long: a reader that is stuck is not waited
        for."""
        await self.run_once()
        await asyncio.to_thread(self._writer.end, _LAST_WRITE_S)


class _Writer:
    """The thread. It is a daemon: the process may end while it is stuck."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._batches: SimpleQueue[Sequence[bytes]] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="attempt-log", daemon=True)
        self._thread.start()
        self.held = 0
        """Lines that are not written yet."""

    def put(self, lines: Sequence[bytes]) -> None:
        self.held += len(lines)
        self._batches.put(lines)

    def end(self, within_s: float) -> None:
        self._batches.put(())
        self._thread.join(within_s)

    def _run(self) -> None:
        while lines := self._batches.get():
            try:
                self._write(lines)
            except OSError:
                return  # nobody reads any more, and nobody can be told
            self.held -= len(lines)


def line_of(sent: Sent, *, accepted: bool) -> AttemptLine:
    """The line of an attempt."""
    delivery, answer = sent.delivery, sent.answer
    event, failure = delivery.event, answer.failure
    return AttemptLine(
        event="attempt",
        level="info",
        timestamp=rfc3339_ms(sent.started_ms),
        webhook_id=delivery.webhook,
        event_id=event.id,
        event_type=event.type,
        delivery_id=delivery_id(delivery.webhook, event.partition, event.position),
        number=delivery.attempts + 1,
        accepted=accepted,
        duration_ms=round(answer.duration_ms, 2),
        timings=answer.timings or _NO_TIMINGS,
        status=answer.status,
        error=failure,
        # Of our own fault nothing is told that may hold what the event held.
        detail=None if answer.is_ours else answer.detail,
        late=delivery.late is not None,
        replay_id=delivery.replay,
        trace_id=answer.trace_id,
    )
