"""Moving a stopped installation from SQLite into an empty PostgreSQL database.

One transaction: all of it is there once both sides were read again and found equal, or nothing is.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

from offhook.model.errors import OffhookError
from offhook.moving import source as old_side
from offhook.moving import target as new_side
from offhook.moving.ledger import Fingerprint, Ledger
from offhook.moving.places import Places
from offhook.moving.rules import Row, Side
from offhook.moving.source import Source
from offhook.moving.tables import TABLES, Table
from offhook.moving.target import Target
from offhook.store.postgres.reaching import shown

T = TypeVar("T")

_DAY_MS = 86_400_000
_TOLD_EVERY = 1_000


class Watch(Protocol):
    """Is told how far a copy is."""

    def expect(self, rows: int) -> None:
        """About so many rows are to be read."""
        ...

    def passed(self, step: str, rows: int) -> None:
        """So many more rows were read in this step."""
        ...


@dataclass(frozen=True, slots=True)
class Compared:
    """One table as both sides have it: rows, and a checksum of what they hold, with the events that
    they name in the place of positions. A cursor counts as one row, over all partitions."""

    table: str
    rows: int
    checksum: str
    new_rows: int
    new_checksum: str

    @property
    def same(self) -> bool:
        """Whether both sides hold the same."""
        return (self.rows, self.checksum) == (self.new_rows, self.new_checksum)


@dataclass(frozen=True, slots=True)
class CopyReport:
    """What a copy came to. ``clock_behind_ms`` is by how much the database's clock is before the
    newest event, if it is."""

    source: str
    target: str
    partitions: int
    clock_behind_ms: int
    tables: tuple[Compared, ...]

    @property
    def same(self) -> bool:
        """Whether both sides hold the same; only then is the copy kept."""
        return all(table.same for table in self.tables)


class Differs(OffhookError):
    """The two sides are not the same: nothing was kept."""

    code = "copy_differs"

    def __init__(self, report: CopyReport) -> None:
        names = ", ".join(table.table for table in report.tables if not table.same)
        super().__init__(
            f"What was written to {report.target} is not what {report.source} holds ({names}): all "
            "of it was undone, and the old installation is as it was. This is a fault of Offhook: "
            "please report it with the output of --json."
        )
        self.report = report


async def copy(source: str, target: str, partitions: int, watch: Watch) -> CopyReport:
    """Move an installation, and verify it; the old one is left as it was.

    ``source`` is a data folder, ``target`` the URL of a database, whose log is made with so many
    ``partitions`` unless it has one already. Raises ``Differs`` where the two sides are not the
    same in the end, and ``OffhookError`` where a copy cannot be made; then there is nothing new.
    """
    with old_side.opened(source) as old:
        async with new_side.opened(target, partitions) as new:
            tables, behind_ms = await _moved(old, new, watch)
            report = CopyReport(source, shown(target), new.partitions, behind_ms, tables)
            if not report.same:
                raise Differs(report)
            return report


async def _moved(old: Source, new: Target, watch: Watch) -> tuple[tuple[Compared, ...], int]:
    events, others = old.row("counts")
    watch.expect(4 * events + 3 * others)
    places, days = _places(old, new.partitions, watch)
    await new.make_days("event", days)
    await new.make_days("attempt", {row[0] for row in old.rows("attempt_days")})
    for table in TABLES:
        moved = (
            each
            for row in _told(old.rows(table.name), watch, f"copying {table.name}")
            for each in table.rule.moved(row, places)
        )
        await new.fill(table, _with_flags(table, moved))
    [token_key, sealed_with], [end_ms] = old.row("installation"), old.row("log_end")
    await new.sign(token_key, sealed_with)
    await new.go_on_from(places.ends, end_ms)
    await new.analyze()
    before, after = _read_old(old, new.partitions, watch), await _read_new(new, watch)
    return _compared(before, after), max(0, end_ms - await new.now_ms())


def _places(old: Source, partitions: int, watch: Watch) -> tuple[Places, set[int]]:
    """Where each event goes, and the days they were created on."""
    places, days = Places(partitions), set[int]()
    for account, key, position, created_ms in _told(old.rows("places"), watch, "placing event"):
        places.add(account, key, position)
        days.add(created_ms - created_ms % _DAY_MS)
    return places, days


def _with_flags(table: Table, rows: Iterable[Row]) -> Iterator[Row]:
    """Rows with booleans where SQLite has numbers."""
    at = [place for place, column in enumerate(table.columns) if column in table.flags]
    for row in rows:
        if not at:
            yield row
            continue
        values = list(row)
        for place in at:
            values[place] = None if values[place] is None else bool(values[place])
        yield tuple(values)


def _read_old(old: Source, partitions: int, watch: Watch) -> list[Fingerprint]:
    side = Side(Ledger(1), partitions, new=False)
    done = []
    for table in TABLES:
        check = table.rule.check(side)
        for row in _told(old.rows(table.name), watch, f"checking {table.name}, old"):
            check.take(row)
        done.append(check.done())
    return done


async def _read_new(new: Target, watch: Watch) -> list[Fingerprint]:
    side = Side(Ledger(new.partitions), new.partitions, new=True)
    done = []
    for table in TABLES:
        check = table.rule.check(side)
        async for rows in new.rows(table):
            for row in rows:
                check.take(row)
            watch.passed(f"checking {table.name}, new", len(rows))
        done.append(check.done())
    return done


def _compared(old: Iterable[Fingerprint], new: Iterable[Fingerprint]) -> tuple[Compared, ...]:
    return tuple(
        Compared(table.name, before.rows, before.checksum, after.rows, after.checksum)
        for table, before, after in zip(TABLES, old, new, strict=True)
    )


def _told(rows: Iterable[T], watch: Watch, step: str) -> Iterator[T]:
    """The rows, while the watch is told of them."""
    done = 0
    for row in rows:
        yield row
        done += 1
        if done % _TOLD_EVERY == 0:
            watch.passed(step, _TOLD_EVERY)
    watch.passed(step, done % _TOLD_EVERY)
