"""Which days a process knows to have a table: what grows without end has one table a day."""

from collections.abc import Iterable

_DAY_MS = 86_400_000


class Days:
    """The days of one table (``event``, ``attempt``) that are known to exist.

    A day is the moment it begins, in Unix milliseconds. Those that are ``missing`` are made by the
    statement ``day_make`` in the transaction that writes to them, and ``known`` once it committed.
    """

    def __init__(self, parent: str) -> None:
        self.parent = parent
        self._known = set[int]()

    def missing(self, moments_ms: Iterable[int]) -> list[int]:
        """The days of these moments that are not known to exist, in order."""
        days = {moment_ms - moment_ms % _DAY_MS for moment_ms in moments_ms}
        return sorted(days - self._known)

    def known(self, days: Iterable[int]) -> None:
        """A transaction that made these days, or found them made, committed."""
        self._known.update(days)

    def forget(self) -> None:
        """A write found no table for its day: what was known is no longer so."""
        self._known.clear()
