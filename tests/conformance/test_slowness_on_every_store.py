"""What a slow endpoint may cost, on every store."""

from offhook.testing.conformance.slowness import SlownessConformance


class TestSlowness(SlownessConformance):
    """Each guarantee."""
