"""What an endpoint has not come to yet: how much that is, and since when."""

from collections.abc import Iterable
from typing import NamedTuple

from offhook.delivery.entries import StoredWebhook
from offhook.delivery.lists.entries import Span, Stretch
from offhook.delivery.lists.ports import DeliverySource
from offhook.delivery.lists.strands import EVENTS_A_LOOK
from offhook.delivery.lists.subscribed import subscribed
from offhook.model.event import LogEvent

MOST_READ = 4_096
"""So many events are read, from the oldest on."""


class Waiting(NamedTuple):
    """Deliveries that left no trace yet, and when the event was made that waits longest. ``more``:
    there may be others, past what was read."""

    deliveries: int
    oldest_ms: int | None
    more: bool


async def waiting_for(source: DeliverySource, stored: StoredWebhook) -> Waiting:
    """What an endpoint has not come to yet."""
    stretches = await source.stretches(stored.account, stored.id)
    ends = await source.spans(None, None)
    ahead = [it for it in stretches if it.enabled]
    left = {it.partition: span for it in ahead if (span := _ahead(it, ends[it.partition]))}
    audience, found, read = subscribed([stored]), list[LogEvent](), 0
    while left and read < MOST_READ:
        most = EVENTS_A_LOOK // min(len(left), EVENTS_A_LOOK)
        spans = [(at, Span(it.after, min(it.through, it.after + most))) for at, it in left.items()]
        events = await source.events(stored.account, spans, len(spans) * most)
        found += await _untouched(source, stored, (it for it in events if audience.match(it)))
        read += sum(span.through - span.after for _, span in spans)
        left = {
            at: Span(span.through, left[at].through)
            for at, span in spans
            if span.through < left[at].through
        }
    oldest_ms = min((event.created_ms for event in found), default=None)
    return Waiting(len(found), oldest_ms, more=bool(left))


async def _untouched(
    source: DeliverySource, stored: StoredWebhook, events: Iterable[LogEvent]
) -> list[LogEvent]:
    """Those that have neither a row nor an attempt: some are ahead of the rest."""
    by_partition: dict[int, list[LogEvent]] = {}
    for event in events:
        by_partition.setdefault(event.partition, []).append(event)
    left = []
    for partition, own in by_partition.items():
        positions = [event.position for event in own]
        traced = set(await source.traced(stored.account, partition, positions))
        left += [event for event in own if (stored.id, event.position) not in traced]
    return left


def _ahead(stretch: Stretch, end: Span) -> Span | None:
    return Span(stretch.first - 1, end.through) if end.through >= stretch.first else None
