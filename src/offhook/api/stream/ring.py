"""The newest events of the log, kept in memory for all clients of the stream together. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from offhook.api.stream import sse
from offhook.log.entries import LogSlice
from offhook.model.event import LogEvent


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reader of the log stands: the last position passed of each partition, up to when in
    time everything was passed, and the number of the next entry of the ring."""

    after: Mapping[int, int]
    at_ms: int
    serial: int = 0


class Entry:
    """An event of the ring. ``at_ms``: nothing that follows it was created before."""

    __slots__ = ("_body", "at_ms", "event")

    def __init__(self, event: LogEvent, at_ms: int) -> None:
        self.event = event
        self.at_ms = at_ms
        self._body: bytes | None = None

    @property
    def body(self) -> bytes:
        """The event as it is sent; rendered by the first client that wants it, for all."""
        if self._body is None:
            self._body = sse.body(self.event)
        return self._body


class Ring:
    """A bounded number of entries, numbered on and on. ``base`` is the place before the oldest,
    ``end`` that after the newest: whoever stands between them needs no database."""

    def __init__(self, end: Place, *, most_events: int, most_bytes: int) -> None:
        self._entries: list[Entry] = []
        self._first = end.serial
        self._base = dict(end.after)
        self._bytes = 0
        self._most_events = most_events
        self._most_bytes = most_bytes
        self.end = end

    def extend(self, entries: Sequence[Entry]) -> None:
        """These follow. The older half goes when a bound is passed."""
        after, at_ms = dict(self.end.after), self.end.at_ms
        for entry in entries:
            after[entry.event.partition] = entry.event.position
            at_ms = max(at_ms, entry.at_ms)
            self._bytes += len(entry.event.data)
        self._entries.extend(entries)
        self.end = Place(after, at_ms, self.end.serial + len(entries))
        while len(self._entries) > self._most_events or self._bytes > self._most_bytes:
            self._drop((len(self._entries) + 1) // 2)

    def entry_point(self, place: Place) -> int | None:
        """The number of the entry that a reader at this place goes on with; ``None`` if the ring
        does not reach back to it."""
        if place.serial >= self._first:
            return place.serial
        behind = any(place.after.get(at, 0) < position for at, position in self._base.items())
        return None if behind else self._first

    def since(self, serial: int, count: int) -> Sequence[Entry]:
        """The entries from a number on, which the ring reaches back to."""
        begin = serial - self._first
        return self._entries[begin : begin + count]

    def _drop(self, count: int) -> None:
        for entry in self._entries[:count]:
            self._base[entry.event.partition] = entry.event.position
            self._bytes -= len(entry.event.data)
        del self._entries[:count]
        self._first += count


def merged(slices: Sequence[LogSlice], horizon: int | None) -> list[Entry]:
    """The events of all partitions in the order of their times, which keeps that within each.

    ``horizon`` is the earliest time that some partition was not read beyond, in Unix milliseconds.
    """
    events = [event for slice_ in slices for event in slice_.events]
    events.sort(key=lambda event: (event.created_ms, event.partition, event.position))
    if horizon is None:
        return [Entry(event, event.created_ms) for event in events]
    return [Entry(event, min(event.created_ms, horizon)) for event in events]
