"""The guarantees of attempt records on every store."""

from offhook.testing.conformance.observing import ObservingConformance


class TestObserving(ObservingConformance):
    """Each guarantee."""
