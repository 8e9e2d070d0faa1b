"""The guarantees of shared bounds and of endpoints' health on every store."""

from offhook.testing.conformance.bounds import BoundConformance, HealthConformance


class TestBounds(BoundConformance):
    """Each guarantee."""


class TestHealth(HealthConformance):
    """Each guarantee."""
