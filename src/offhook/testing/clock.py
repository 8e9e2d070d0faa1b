"""A clock that stands still until it is told to move."""

from offhook.clock import FakeClock

__all__ = ["FakeClock"]
