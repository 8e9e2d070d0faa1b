"""The guarantees of replays on every store."""

from offhook.testing.conformance.replays import ReplayConformance


class TestReplays(ReplayConformance):
    """Each guarantee."""
