"""The guarantees of replays, and of trying again, on every store."""

from offhook.testing.conformance.recovery import RecoveryConformance
from offhook.testing.conformance.replay_jobs import ReplayJobConformance
from offhook.testing.conformance.replays import ReplayConformance


class TestReplays(ReplayConformance):
    """Each guarantee."""


class TestReplayJobs(ReplayJobConformance):
    """Each guarantee."""


class TestRecovery(RecoveryConformance):
    """Each guarantee."""
