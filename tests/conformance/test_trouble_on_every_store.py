"""Endpoints in trouble, on every store."""

from offhook.testing.conformance.trouble import TroubleConformance


class TestTrouble(TroubleConformance):
    """Each guarantee."""
