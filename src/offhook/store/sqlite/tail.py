"""The newest events, kept in memory: who follows the log closely reads it without the database."""

import threading
from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter

from offhook.log.entries import LogSlice
from offhook.log.slices import cut
from offhook.model.event import LogEvent

_position = attrgetter("position")


class Tail:
    """The end of the log as last committed, and the ``config_version`` of the same commit.

    Written by the writer's thread after each commit, read by the loop's. Holds at most
    ``max_bytes`` of data, give or take one commit.
    """

    def __init__(self, head: int, config_version: int, max_bytes: int = 32 << 20) -> None:
        self._lock = threading.Lock()
        self._events: list[LogEvent] = []
        self._bytes = 0
        self._max_bytes = max_bytes
        self._complete_after = head
        self._head = head
        self._config_version = config_version

    @property
    def head(self) -> int:
        """The last position ever given."""
        return self._head

    def extend(self, events: Sequence[LogEvent]) -> None:
        """These were committed."""
        if not events:
            return
        with self._lock:
            self._events.extend(events)
            self._bytes += sum(len(event.data) for event in events)
            self._head = events[-1].position
            if self._bytes > self._max_bytes:
                self._drop(len(self._events) // 2)

    def configure(self, config_version: int) -> None:
        """A change with this stamp was committed."""
        with self._lock:
            self._config_version = config_version

    def trim(self, through: int) -> None:
        """Events up to here are no longer in the log."""
        with self._lock:
            self._drop(bisect_right(self._events, through, key=_position))

    def read(self, after: int, limit: int, max_bytes: int) -> LogSlice | None:
        """The events after a position; ``None`` if memory does not reach back that far."""
        with self._lock:
            if after < self._complete_after:
                return None
            begin = bisect_right(self._events, after, key=_position)
            events = cut(self._events[begin : begin + limit], max_bytes)
            read_to = events[-1].position if events else after
            return LogSlice(tuple(events), read_to, self._config_version)

    def _drop(self, count: int) -> None:
        if count:
            self._complete_after = self._events[count - 1].position
            self._bytes -= sum(len(event.data) for event in self._events[:count])
            del self._events[:count]
