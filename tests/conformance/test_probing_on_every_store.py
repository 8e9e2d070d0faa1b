"""How dead endpoints are found to be back, on every store."""

from offhook.testing.conformance.probing import ProbingConformance


class TestProbing(ProbingConformance):
    """Each guarantee."""
