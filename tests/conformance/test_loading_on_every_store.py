"""Webhooks that cannot be loaded, on every store."""

from offhook.testing.conformance.loading import LoadingConformance


class TestLoading(LoadingConformance):
    """Each guarantee."""
