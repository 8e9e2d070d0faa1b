"""What the receiver counts, for whoever wants to see it in their metrics."""

from collections.abc import Callable
from enum import StrEnum


class Counted(StrEnum):
    """One thing that happened once."""

    RECEIVED = "received"
    """A new event was kept."""
    REPEATED = "repeated"
    """An event came that was kept before."""
    REFUSED = "refused"
    """A request was answered with anything but 2xx."""
    HANDLED = "handled"
    """A handler was done with an event."""
    FAILED = "failed"
    """An attempt failed; it will be made again."""
    DEAD = "dead"
    """An event was given up."""


Count = Callable[[Counted], None]
"""Is told of each; it must not raise. It is called on the event loop; where that runs in a thread
(Flask, Django), the thread of a request counts what is refused before it gets there."""


def uncounted(_: Counted) -> None:
    """Counts nothing."""
