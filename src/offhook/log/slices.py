"""Slices of the log that keep to their bounds."""

from offhook.model.event import LogEvent


def cut(events: list[LogEvent], max_bytes: int) -> list[LogEvent]:
    """The first of the events, up to the one that reaches the bound; at least one."""
    size = 0
    for count, event in enumerate(events, 1):
        size += len(event.data)
        if size >= max_bytes:
            return events[:count]
    return events
