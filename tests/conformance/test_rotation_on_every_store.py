"""Rotation's guarantees on every store."""

from offhook.testing.conformance.rotation import RotationConformance


class TestRotation(RotationConformance):
    """Each guarantee."""
