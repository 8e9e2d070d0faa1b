"""Bounds on memory so small that queues fill, lanes close and endpoints fall behind."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from unittest.mock import patch

from offhook.delivery import flow, queues, reader, retries, router

_TIGHT: tuple[tuple[ModuleType, str, int], ...] = (
    (queues, "QUEUE_BOUND", 10),
    (queues, "LANE_BOUND", 2),
    (router, "_SHARE_WHEN_FULL", 3),
    (flow, "CLOSED_LANES_BOUND", 3),
    (reader, "_SLICE_EVENTS", 7),
    (reader, "_WORTH_READING", 3),
    (reader, "_RANGES_A_STEP", 1),
    (retries, "_PER_WEBHOOK", 3),
)


@contextmanager
def tight_bounds(wanted: bool) -> Iterator[None]:
    """Within this context the engine's bounds are as small, if that is wanted."""
    with ExitStack() as held:
        for module, name, bound in _TIGHT if wanted else ():
            held.enter_context(patch.object(module, name, bound))
        yield
