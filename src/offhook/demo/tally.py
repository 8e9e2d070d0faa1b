"""What the receiver counts of the events that reach it. Pure: no socket, no clock."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

import msgspec

from offhook.demo.latency import Latencies
from offhook.model.event import to_ms


class _Data(msgspec.Struct, frozen=True, gc=False):
    outcome: str | None = None


class Event(msgspec.Struct, frozen=True, gc=False):
    """As much of an event as the tally looks at."""

    id: str
    type: str
    created: datetime
    key: str
    sequence: int
    data: _Data = _Data()


class Report(msgspec.Struct, frozen=True):
    """The tally at one moment, as it crosses the control port.

    ``requests`` came in; ``received`` of them were valid and kept, ``distinct`` of these for the
    first time. ``retries`` said of themselves that they were a further attempt. ``gaps`` are
    sequences missing below a key's highest; ``out_of_order`` came first after a later one of its
    key. ``missing`` are events that the sender's log holds and that never came. Latency is from an
    event's commit to its first arrival that was kept, rates are of distinct events.
    """

    requests: int = 0
    received: int = 0
    distinct: int = 0
    duplicates: int = 0
    retries: int = 0
    invalid: int = 0
    failed_on_purpose: int = 0
    gaps: int = 0
    out_of_order: int = 0
    expected: int = 0
    missing: int = 0
    calls: int = 0
    by_outcome: dict[str, int] = {}
    by_type: dict[str, int] = {}
    per_s: float = 0.0
    busiest_second: int = 0
    p50_ms: float | None = None
    p99_ms: float | None = None


class _Key:
    __slots__ = ("distinct", "highest")

    def __init__(self) -> None:
        self.distinct = 0
        self.highest = 0


class Tally:
    """Counts what arrives, event by event."""

    def __init__(self) -> None:
        self._requests = self._received = self._retries = self._invalid = self._failed = 0
        self._out_of_order = 0
        self._seen: set[str] = set()
        self._awaited: set[str] = set()
        self._expected = 0
        self._keys: dict[str, _Key] = {}
        self._outcomes: Counter[str] = Counter()
        self._types: Counter[str] = Counter()
        self._seconds: Counter[int] = Counter()
        self._latencies = Latencies()
        self._first_ms = self._last_ms = 0

    def request(self, attempt: int) -> None:
        """A request came in; ``attempt`` is the number that it gives itself."""
        self._requests += 1
        self._retries += attempt > 1

    def invalid(self) -> None:
        """It was not what its signature, or the envelope, promises."""
        self._invalid += 1

    def failed_on_purpose(self) -> None:
        """It was made to fail, whether or not its event was kept."""
        self._failed += 1

    def keep(self, event: Event, now_ms: int) -> None:
        """A valid event was taken in at ``now_ms`` (Unix milliseconds)."""
        self._received += 1
        if event.id in self._seen:
            return
        self._seen.add(event.id)
        self._awaited.discard(event.id)
        self._types[event.type] += 1
        if event.type == "call.ended":
            self._outcomes[event.data.outcome or "none"] += 1
        self._place(event)
        self._time(to_ms(event.created), now_ms)

    def expect(self, ids: Iterable[str]) -> None:
        """The sender's log holds these events: each has to arrive. Each is named once."""
        named = set(ids)
        self._expected += len(named)
        self._awaited |= named - self._seen

    def report(self) -> Report:
        """Everything counted so far."""
        elapsed_s = (self._last_ms - self._first_ms) / 1000
        distinct = len(self._seen)
        return Report(
            requests=self._requests,
            received=self._received,
            distinct=distinct,
            duplicates=self._received - distinct,
            retries=self._retries,
            invalid=self._invalid,
            failed_on_purpose=self._failed,
            gaps=sum(key.highest - key.distinct for key in self._keys.values()),
            out_of_order=self._out_of_order,
            expected=self._expected,
            missing=len(self._awaited),
            calls=self._outcomes.total(),
            by_outcome=dict(self._outcomes.most_common()),
            by_type=dict(self._types.most_common()),
            per_s=distinct / elapsed_s if elapsed_s else 0.0,
            busiest_second=max(self._seconds.values(), default=0),
            p50_ms=self._latencies.percentile_ms(50),
            p99_ms=self._latencies.percentile_ms(99),
        )

    def _place(self, event: Event) -> None:
        key = self._keys.setdefault(event.key, _Key())
        key.distinct += 1
        self._out_of_order += event.sequence <= key.highest
        key.highest = max(key.highest, event.sequence)

    def _time(self, created_ms: int, now_ms: int) -> None:
        self._first_ms = self._first_ms or now_ms
        self._last_ms = now_ms
        self._seconds[now_ms // 1000] += 1
        self._latencies.add(now_ms - created_ms)
