"""Where lists of deliveries come from: rows, attempts, the log, and events that are named. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from offhook.delivery.entries import DeliveryFilter, PendingState
from offhook.delivery.lists.entries import Candidate, Look, Rest, Span, Stretch, TraceFilter
from offhook.delivery.lists.merging import Strand
from offhook.delivery.lists.ports import Trace
from offhook.delivery.lists.traces import Sources
from offhook.delivery.subscriptions import Subscriptions
from offhook.model.event import LogEvent
from offhook.model.ids import WebhookId

FIRST_LOOK = 2_048
"""So many places are looked at first, in all strands together."""
EVENTS_A_LOOK = 256
_ROWS_A_LOOK = 2_048
_NAMED_A_LOOK = 64
_LIVE = frozenset({PendingState.RETRY, PendingState.WAITING})


class TraceStrand(Strand):
    """Rows or attempts of deliveries to an endpoint in a partition."""

    def __init__(self, trace: Trace, webhook: WebhookId, partition: int, span: Span) -> None:
        super().__init__(partition, span.after, span.through, 1)
        self.trace = trace
        self.webhook = webhook

    def look(self) -> Look:
        """Where to look next."""
        return Look(self.webhook, self.partition, self.after, self.through)

    @property
    def looks_at(self) -> tuple[Trace, int]:
        """What to look at next, and how many."""
        return self.trace, min(self.most, _ROWS_A_LOOK)


class LogStrand(Strand):
    """A part of the log at which deliveries may have left no trace."""

    def __init__(self, partition: int, span: Span, stretches: Sequence[Stretch]) -> None:
        super().__init__(partition, span.after, span.through, 16)
        self._stretches = stretches

    def look(self) -> Span:
        """Where to look next."""
        return Span(
            max(self.after, self.through - min(self.most, EVENTS_A_LOOK)),
            self.through,
        )

    def wanted(self, event: LogEvent, audience: Subscriptions) -> Iterable[WebhookId]:
        """The endpoints that get an event of it."""
        near = {it.webhook for it in self._stretches if it.first <= event.position}
        return (it.id for it in audience.match(event) if it.id in near) if near else ()


class NamedStrand(Strand):
    """Events that are named by their positions."""

    def __init__(self, partition: int, positions: Collection[int]) -> None:
        lowest, highest = min(positions, default=1) - 1, max(positions, default=0)
        super().__init__(partition, lowest, highest, _NAMED_A_LOOK)
        self._positions = sorted(positions, reverse=True)

    def look(self) -> tuple[list[int], int]:
        """The positions to look at next, and the highest one left after that."""
        left = [it for it in self._positions if it <= self.through]
        now = left[:_NAMED_A_LOOK]
        return now, left[len(now)] if len(left) > len(now) else self.after


def trace_strands(
    sources: Sources, endpoints: Sequence[WebhookId], spans: Mapping[int, Span], rest: Rest | None
) -> list[TraceStrand]:
    """What to read of rows and attempts."""
    strands = [
        TraceStrand(trace, webhook, partition, span)
        for trace in _traces(sources)
        for webhook in endpoints
        for partition, whole in spans.items()
        if (span := _left(whole, partition, webhook, rest)) is not None
    ]
    for strand in strands:
        strand.most = max(4, min(64, FIRST_LOOK // len(strands)))
    return strands


def log_strands(
    stretches: Iterable[Stretch], spans: Mapping[int, Span], rest: Rest | None
) -> list[LogStrand]:
    """What to read of the log: each partition once, for all endpoints."""
    parts: dict[int, list[tuple[Span, Stretch]]] = {}
    for it in stretches:
        span = _clipped(it, spans, rest)
        if span is not None:
            parts.setdefault(it.partition, []).append((span, it))
    return [
        LogStrand(
            at,
            Span(min(span.after for span, _ in read), read[0][0].through),
            [it for _, it in read],
        )
        for at, read in parts.items()
    ]


def named_strand(
    partition: int, positions: Iterable[int], spans: Mapping[int, Span], rest: Rest | None
) -> NamedStrand:
    """What to read of events that are named."""
    whole = spans[partition]
    span = _left(whole, partition, None, rest) or Span(whole.through, whole.through)
    return NamedStrand(partition, [at for at in positions if span.after < at <= span.through])


def trace_filter(wanted: DeliveryFilter, sources: Sources) -> TraceFilter:
    """What traces must be to be looked at more closely."""
    states = None if sources.states is None else frozenset(sources.states)
    pattern = wanted.type
    if pattern is None or pattern == "*":
        return TraceFilter(states, sources.accepted)
    if pattern.endswith(".*"):
        return TraceFilter(states, sources.accepted, (), (pattern[:-1],))
    return TraceFilter(states, sources.accepted, (pattern,))


def begins_after(candidate: Candidate, partition: int, rest: Rest | None) -> bool:
    """Whether a candidate is left, not on an earlier page."""
    if rest is None:
        return True
    position, webhook = rest[partition]
    if candidate.position != position:
        return candidate.position < position
    return webhook is None or candidate.webhook <= webhook


def _traces(sources: Sources) -> list[Trace]:
    rows = sources.states is None or bool(sources.states)
    live = sources.states is not None and _LIVE.issuperset(sources.states)
    of_rows = [Trace.LIVE if live else Trace.ROW] if rows else []
    return of_rows + ([Trace.ATTEMPT] if sources.attempts else [])


def _left(span: Span, partition: int, webhook: WebhookId | None, rest: Rest | None) -> Span | None:
    """What of a partition comes after the page before."""
    if rest is None:
        return span
    if partition not in rest:
        return None
    position, first = rest[partition]
    begun = webhook is not None and first is not None and webhook > first
    return Span(span.after, min(span.through, position - begun))


def _clipped(stretch: Stretch, spans: Mapping[int, Span], rest: Rest | None) -> Span | None:
    left = _left(spans[stretch.partition], stretch.partition, None, rest)
    if left is None:
        return None
    span = Span(max(left.after, stretch.first - 1), left.through)
    return span if span.through > span.after else None
