"""The guarantees of the dispatcher's side of the store on every store."""

from offhook.testing.conformance.dispatch import (
    DueConformance,
    FencingConformance,
    LaneConformance,
    RangeConformance,
)


class TestFencing(FencingConformance):
    """Each guarantee."""


class TestLanes(LaneConformance):
    """Each guarantee."""


class TestDue(DueConformance):
    """Each guarantee."""


class TestRanges(RangeConformance):
    """Each guarantee."""
