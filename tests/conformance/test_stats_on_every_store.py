"""The guarantees of stats on every store."""

from offhook.testing.conformance.stats import StatsConformance


class TestStats(StatsConformance):
    """Each guarantee."""
