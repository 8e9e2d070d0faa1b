"""Applies whose connection was lost in the commit, until it is known what became of them.

One that was committed must not be done again: its attempts would be recorded twice. Only what is in
the database can tell: a transaction's number cannot, for a database that crashed before it wrote
anything of a transaction gives its number to another one.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from offhook.delivery.entries import ApplyReport, AttemptRecord, PartitionChanges
from offhook.store.postgres.applying import Applying, lock_leases
from offhook.store.postgres.database import Database

_MOST = 8


@dataclass(frozen=True, slots=True)
class Doubt:
    """Changes that were written in a transaction whose outcome is unknown, and what was to be told
    of it."""

    changes: Sequence[PartitionChanges]
    applying: Applying
    report: ApplyReport

    def told_with(self, report: ApplyReport) -> ApplyReport:
        """What to tell after the same changes were written once more. Where the first time stands,
        the lanes that it closed were closed already, and those that it opened open."""
        closed, opened = self.report.closed | report.closed, self.report.opened | report.opened
        return ApplyReport(report.lost, closed, opened, report.stubs)

    @property
    def evidence(self) -> AttemptRecord | None:
        """An attempt that is recorded if, and only if, the transaction was committed."""
        written = (it for it in self.changes if it.lease.partition not in self.report.lost)
        return next((attempt for it in written for attempt in it.attempts), None)


class Doubts:
    """The last few doubts of this process; an owner tries the same changes until they are in."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._open = deque[Doubt](maxlen=_MOST)

    def about(self, changes: Sequence[PartitionChanges]) -> Doubt | None:
        """The doubt whether these very changes are in, if there is one."""
        return next((it for it in self._open if it.changes == changes), None)

    def note(self, changes: Sequence[PartitionChanges], applying: Applying) -> None:
        """These may have been committed."""
        before, report = self.about(changes), applying.report
        self.forget(changes)
        told = report if before is None else before.told_with(report)
        self._open.append(Doubt(changes, applying, told))

    def forget(self, changes: Sequence[PartitionChanges]) -> None:
        """These are in."""
        doubt = self.about(changes)
        if doubt is not None:
            self._open.remove(doubt)

    async def stands(self, doubt: Doubt) -> bool:
        """Whether it was committed; false also where nothing can tell. Then it is to be written
        again: without attempts that comes to the same rows.

        Locking the leases waits for the lost connection's transaction to end.
        """
        attempt = doubt.evidence
        if attempt is None:
            return False
        async with self._database.transaction() as session:
            await lock_leases(session, doubt.changes, None)
            stands = await session.value(
                "attempt_stands",
                webhook=attempt.webhook,
                partition=attempt.partition,
                position=attempt.position,
                number=attempt.number,
                started_ms=attempt.started_ms,
            )
        return bool(stands)
