"""How rows get their new places, and what of a row is the same wherever it stands. Pure."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from operator import add
from typing import Any, TypeAlias

from offhook.model.ids import AccountId, partition_of
from offhook.moving.ledger import Fingerprint, Ledger, Passed, both
from offhook.moving.places import Places

Row: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two logs. ``partitions`` are the new one's; ``new`` says which of them this is."""

    ledger: Ledger
    partitions: int
    new: bool


class Check(ABC):
    """Reads one side's rows of a table, one by one, and comes to a fingerprint."""

    def __init__(self, side: Side) -> None:
        self._side = side
        self._ledger = side.ledger
        self._fingerprint = Fingerprint()

    @abstractmethod
    def take(self, row: Row) -> None:
        """The next row."""

    def done(self) -> Fingerprint:
        """All rows were taken."""
        return self._fingerprint


class Rule(ABC):
    """How a table's rows are moved and checked."""

    @abstractmethod
    def moved(self, row: Row, places: Places, /) -> Iterator[Row]:
        """The rows that one becomes."""

    @abstractmethod
    def check(self, side: Side) -> Check:
        """A check of one side. All but that of the events count on a ledger that is full."""


class Plain(Rule):
    """Rows that name no place."""

    def moved(self, row: Row, _places: Places) -> Iterator[Row]:
        """The same row."""
        yield row

    def check(self, side: Side) -> Check:
        """Of the whole rows."""
        return _PlainCheck(side)


class _PlainCheck(Check):
    def take(self, row: Row) -> None:
        self._fingerprint.add(row)


class Events(Rule):
    """The log: rows begin with account, key, partition, position, previous position and id."""

    def moved(self, row: Row, places: Places) -> Iterator[Row]:
        """The event at its new place."""
        account, key, _, position, previous, *rest = row
        home = places.home(account, key)
        before = None if previous is None else places.at(home, previous)
        yield account, key, home, places.at(home, position), before, *rest

    def check(self, side: Side) -> Check:
        """Of content, order and gaplessness; fills the ledger."""
        return _EventCheck(side)


class _EventCheck(Check):
    """For the old log the new places are counted here, not asked of the mapping that is checked:
    each partition's events from one on, in the old order. In the new one they are as they stand."""

    def __init__(self, side: Side) -> None:
        super().__init__(side)
        self._counts = [0] * side.partitions

    def take(self, row: Row) -> None:
        account, key, partition, position, previous, id_, *rest = row
        self._ledger.add(partition, position, id_)
        place = (partition, position) if self._side.new else self._counted(account, key)
        before = self._ledger.names(partition, previous)
        self._fingerprint.add((place, before, account, key, id_, *rest))

    def _counted(self, account: AccountId, key: str) -> tuple[int, int]:
        home = partition_of(account, key, self._side.partitions)
        self._counts[home] += 1
        return home, self._counts[home]


@dataclass(frozen=True, slots=True)
class Keyed(Rule):
    """Rows that belong to a key: they begin with account and key; then, where ``partitioned``, the
    partition; then so many ``positions`` of events of the key."""

    partitioned: bool
    positions: int

    def moved(self, row: Row, places: Places) -> Iterator[Row]:
        """The row with the places of the key's partition."""
        account, key, *rest = row
        home = places.home(account, key)
        where = [home] if self.partitioned else []
        first, last = len(where), len(where) + self.positions
        moved = [places.at(home, position) for position in rest[first:last]]
        yield account, key, *where, *moved, *rest[last:]

    def check(self, side: Side) -> Check:
        """Of the rows with the events they name in the place of positions."""
        return _KeyedCheck(side, self)


class _KeyedCheck(Check):
    def __init__(self, side: Side, rule: Keyed) -> None:
        super().__init__(side)
        self._first = 2 + rule.partitioned
        self._last = self._first + rule.positions
        self._partitioned = rule.partitioned

    def take(self, row: Row) -> None:
        home = self._ledger.home(row[0], row[1])
        at_home = not self._partitioned or row[2] == home
        named = [self._ledger.names(home, at) for at in row[self._first : self._last]]
        self._fingerprint.add((row[0], row[1], at_home, *named, *row[self._last :]))


class Located(Rule):
    """Rows that name an event by its place alone: they begin with partition and position."""

    def moved(self, row: Row, places: Places) -> Iterator[Row]:
        """The row with the new place; of an event that is gone, a place that is none."""
        _, position, *rest = row
        yield *(places.find(position) or (0, places.at(0, position))), *rest

    def check(self, side: Side) -> Check:
        """Of the rows with the event in the place of its position."""
        return _LocatedCheck(side)


class _LocatedCheck(Check):
    def take(self, row: Row) -> None:
        partition, position, *rest = row
        self._fingerprint.add((self._ledger.names(partition, position), *rest))


@dataclass(frozen=True, slots=True)
class Spread(Rule):
    """Cursors: a name, a partition, a position, and what else there is. Up to the position all is
    done, or, with ``next_``, what stands there is the next to be done. One becomes one in each
    partition."""

    next_: bool = False

    def moved(self, row: Row, places: Places) -> Iterator[Row]:
        """The cursor in every partition."""
        name, _, position, *rest = row
        for partition in range(places.partitions):
            reached = places.through(partition, position - self.next_)
            yield name, partition, reached + self.next_, *rest

    def check(self, side: Side) -> Check:
        """Of the set of events that each name has passed, over all partitions."""
        return _SpreadCheck(side, self)


class _SpreadCheck(Check):
    def __init__(self, side: Side, rule: Spread) -> None:
        super().__init__(side)
        self._next = rule.next_
        self._passed: dict[Row, Passed] = {}
        self._rows: dict[Row, int] = {}

    def take(self, row: Row) -> None:
        name, partition, position, *rest = row
        named = (name, *rest)
        passed = self._ledger.through(partition, position - self._next)
        self._passed[named] = both(self._passed.get(named, Passed(0, 0)), passed)
        self._rows[named] = self._rows.get(named, 0) + 1

    def done(self) -> Fingerprint:
        for named, passed in self._passed.items():
            complete = self._rows[named] == self._ledger.partitions
            self._fingerprint.add((*named, complete, passed.events, passed.checksum))
        return self._fingerprint


@dataclass(frozen=True, slots=True)
class Ranged(Rule):
    """Ranges that are read: a name, a partition, so many ``positions`` up to which something is
    done, so many ``counts`` of what came of it, and what else there is. One becomes one in each
    partition; what was counted so far stands in the first."""

    positions: int
    counts: int

    def moved(self, row: Row, places: Places) -> Iterator[Row]:
        """The range in every partition."""
        name, _, *rest = row
        last = self.positions + self.counts
        for partition in range(places.partitions):
            reached = [places.through(partition, at) for at in rest[: self.positions]]
            counts = rest[self.positions : last] if partition == 0 else [0] * self.counts
            yield name, partition, *reached, *counts, *rest[last:]

    def check(self, side: Side) -> Check:
        """Of the sets of events that lie before each position, and of the sums."""
        return _RangedCheck(side, self)


class _RangedCheck(Check):
    def __init__(self, side: Side, rule: Ranged) -> None:
        super().__init__(side)
        self._positions = rule.positions
        self._last = rule.positions + rule.counts
        self._passed: dict[Row, list[Passed]] = {}
        self._sums: dict[Row, list[int]] = {}
        self._rows: dict[Row, int] = {}

    def take(self, row: Row) -> None:
        name, partition, *rest = row
        named = (name, *rest[self._last :])
        passed = [self._ledger.through(partition, at) for at in rest[: self._positions]]
        before = self._passed.get(named, [Passed(0, 0)] * self._positions)
        self._passed[named] = list(map(both, before, passed))
        counts = rest[self._positions : self._last]
        sums = self._sums.get(named, [0] * len(counts))
        self._sums[named] = list(map(add, sums, counts))
        self._rows[named] = self._rows.get(named, 0) + 1

    def done(self) -> Fingerprint:
        for named, passed in self._passed.items():
            complete = self._rows[named] == self._ledger.partitions
            told = [number for each in passed for number in (each.events, each.checksum)]
            self._fingerprint.add((*named, complete, *told, *self._sums[named]))
        return self._fingerprint
