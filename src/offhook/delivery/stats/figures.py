"""What attempts come to over a while: counts by status, and latencies from a histogram. Pure.

Attempts are counted in cells: endpoint, minute, status class, and bucket of latency. Buckets grow
by a factor of 2**(1/4), so that a percentile read from them is off by a tenth at most.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil, log2
from typing import NamedTuple

from offhook.model.ids import WebhookId

MINUTE_MS = 60_000
KEPT_MINUTES = 31 * 24 * 60
"""How long cells are kept: the longest window and a day."""

UNANSWERED = 0
"""The class of attempts that no status came back from; others are in that of its first digit."""

_ACCEPTED = 2
_STEPS = 4
_LAST_BUCKET = 4 * 17
_WIDTHS = (1, 5, 10, 15, 30, 60, 120, 180, 360, 720)
_MOST_SLOTS = 60


class Cell(NamedTuple):
    """What an attempt is counted under. ``minute`` counts from the Unix epoch."""

    webhook: WebhookId
    minute: int
    status_class: int
    bucket: int


class SlotCount(NamedTuple):
    """Attempts of one class and bucket within a slot of several minutes; ``slot`` counts slots from
    the Unix epoch."""

    slot: int
    status_class: int
    bucket: int
    attempts: int


def cell_of(webhook: WebhookId, started_ms: int, status: int | None, duration_ms: float) -> Cell:
    """Where an attempt is counted."""
    status_class = UNANSWERED if status is None else status // 100
    return Cell(webhook, started_ms // MINUTE_MS, status_class, bucket_of(duration_ms))


def bucket_of(duration_ms: float) -> int:
    """The bucket of a latency: 0 up to a millisecond, else n up to 2**(n/4) of them."""
    return 0 if duration_ms <= 1 else min(ceil(_STEPS * log2(duration_ms)), _LAST_BUCKET)


@dataclass(frozen=True, slots=True)
class Window:
    """The minutes that are asked about, in slots of ``width`` minutes, the last not over yet."""

    first_slot: int
    slots: int
    width: int

    @property
    def since_ms(self) -> int:
        """When the first slot began."""
        return self.first_slot * self.width * MINUTE_MS

    @property
    def since_minute(self) -> int:
        """The first minute."""
        return self.first_slot * self.width

    def begin_ms(self, number: int) -> int:
        """When the slot of this number, counted from 0, began."""
        return (self.first_slot + number) * self.width * MINUTE_MS


def window_of(minutes: int, now_ms: int) -> Window:
    """At least the last ``minutes``, the current one among them, in at most about sixty slots."""
    width = next((it for it in _WIDTHS if minutes <= it * _MOST_SLOTS), _WIDTHS[-1])
    last = now_ms // MINUTE_MS // width
    first = (now_ms // MINUTE_MS - minutes + 1) // width
    return Window(first, last - first + 1, width)


@dataclass(frozen=True, slots=True)
class Tally:
    """Attempts of a while. Latencies are of those that were answered, ``None`` without any."""

    by_class: Mapping[int, int]
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None

    @property
    def attempts(self) -> int:
        """How many there were."""
        return sum(self.by_class.values())

    @property
    def accepted(self) -> int:
        """How many of them were answered 2xx."""
        return self.by_class.get(_ACCEPTED, 0)

    @property
    def success_rate(self) -> float | None:
        """The share of the accepted ones; ``None`` without attempts."""
        return self.accepted / self.attempts if self.attempts else None


def tally(counts: Iterable[SlotCount]) -> Tally:
    """All of them together."""
    by_class: Counter[int] = Counter()
    latencies: Counter[int] = Counter()
    for _, status_class, bucket, attempts in counts:
        by_class[status_class] += attempts
        if status_class != UNANSWERED:
            latencies[bucket] += attempts
    return Tally(
        by_class,
        percentile(latencies, 0.50),
        percentile(latencies, 0.95),
        percentile(latencies, 0.99),
    )


def by_slot(counts: Iterable[SlotCount], window: Window) -> list[Tally]:
    """A tally for each slot of the window, also where nothing happened."""
    of_slot = defaultdict[int, list[SlotCount]](list)
    for count in counts:
        of_slot[count.slot].append(count)
    return [tally(of_slot[window.first_slot + number]) for number in range(window.slots)]


def percentile(latencies: Mapping[int, int], share: float) -> float | None:
    """The latency in milliseconds that this share of them did not pass, by the nearest rank,
    interpolated within its bucket."""
    total = sum(latencies.values())
    if not total:
        return None
    rank, passed = max(1, ceil(share * total)), 0
    for bucket in sorted(latencies):
        inside = latencies[bucket]
        if passed + inside >= rank:
            low_ms = 0.0 if bucket == 0 else 2 ** ((bucket - 1) / _STEPS)
            high_ms = 2 ** (bucket / _STEPS)
            return round(low_ms + (high_ms - low_ms) * (rank - passed) / inside, 2)
        passed += inside
    return None


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits for an endpoint: rows of deliveries, counted up to a bound, and ranges of the log
    that it is to be fed from; each with when the event was committed that waits longest."""

    pending: int
    oldest_ms: int | None
    held_ranges: int
    held_ms: int | None


@dataclass(frozen=True, slots=True)
class Backlogs:
    """What waits for all endpoints together, counted up to a bound, and how many endpoints fail or
    were disabled by Offhook."""

    pending: int
    overdue: int
    held_ranges: int
    oldest_ms: int | None
    failing: int
    disabled: int
