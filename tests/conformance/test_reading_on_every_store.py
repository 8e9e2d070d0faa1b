"""The guarantees of the feed, of calls and of timers on every store."""

from offhook.testing.conformance.feed import CallConformance, FeedConformance, TimerConformance


class TestFeed(FeedConformance):
    """Each guarantee."""


class TestCalls(CallConformance):
    """Each guarantee."""


class TestTimers(TimerConformance):
    """Each guarantee."""
