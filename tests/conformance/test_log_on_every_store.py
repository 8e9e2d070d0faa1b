"""The log's guarantees on every store."""

from offhook.testing.conformance.log import (
    CallFoldConformance,
    IdempotencyConformance,
    LogConformance,
)


class TestLog(LogConformance):
    """Each guarantee."""


class TestIdempotency(IdempotencyConformance):
    """Each guarantee."""


class TestCallFold(CallFoldConformance):
    """Each guarantee."""
