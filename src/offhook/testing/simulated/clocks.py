"""The clocks of a simulated life: one that is right, and those of machines, which may not be."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 20, 10, tzinfo=UTC)


class TrueClock:
    """The store's clock: both times follow the loop's."""

    def __init__(self, elapsed_s: Callable[[], float]) -> None:
        self._elapsed_s = elapsed_s

    def now(self) -> datetime:
        """The time of day."""
        return START + timedelta(seconds=self._elapsed_s())

    def monotonic(self) -> float:
        """Virtual seconds."""
        return self._elapsed_s()


class HostClock(TrueClock):
    """A machine's clock: the time of day may be stepped, as an operator or NTP does."""

    def __init__(self, elapsed_s: Callable[[], float]) -> None:
        super().__init__(elapsed_s)
        self.ahead_s = 0.0

    def now(self) -> datetime:
        """The time of day, as this machine has it."""
        return super().now() + timedelta(seconds=self.ahead_s)
