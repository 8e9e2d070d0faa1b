"""How far a reader of the log is done: the position below which every delivery is settled."""

from collections import deque
from collections.abc import Iterable
from enum import Enum, auto


class LivePath(Enum):
    """Whether an endpoint gets an event by the live path, as far as the store cannot tell."""

    PASSED = auto()
    """It was not for the endpoint when it was read: nobody sends it any more."""
    AHEAD = auto()
    """It is still to be read for the endpoint, waits in its queue, or is in flight."""
    ENDING = auto()
    """What came of it is not in the store yet; or it came from a row, or was in flight when its
    endpoint was disabled: it gets a row unless it is accepted."""


class Progress:
    """Positions that were read and still have unsettled deliveries, in the log's order."""

    def __init__(self, done_to: int) -> None:
        self._order: deque[int] = deque()
        self._open: dict[int, int] = {}
        self._read_to = done_to

    @property
    def read_to(self) -> int:
        """The last position that was read."""
        return self._read_to

    @property
    def idle(self) -> bool:
        """Whether nothing read is unsettled."""
        return not self._open

    def read(self, position: int) -> None:
        """Everything up to this position was looked at."""
        self._read_to = max(self._read_to, position)

    def open(self, position: int) -> None:
        """One more delivery of this position is under way; positions come in order."""
        if position in self._open:
            self._open[position] += 1
            return
        self._open[position] = 1
        self._order.append(position)

    def adopt(self, positions: Iterable[int]) -> None:
        """Deliveries of these positions are under way for this reader from now on: another one took
        them from the log, wherever that was."""
        for position in positions:
            self._open[position] = self._open.get(position, 0) + 1
        self._order = deque(sorted(self._open))

    def settle(self, position: int) -> None:
        """One delivery of this position is accepted, or stands in a row of its own."""
        left = self._open[position] - 1
        if left:
            self._open[position] = left
        else:
            del self._open[position]

    def done_to(self) -> int:
        """The highest position below or at which everything is settled."""
        while self._order and self._order[0] not in self._open:
            self._order.popleft()
        return self._order[0] - 1 if self._order else self._read_to


class Search:
    """How far a range was looked through for something to probe with, ahead of what is read of it:
    up to ``to``, of all up to ``end``, which is where the live path was when it began; for the
    endpoint as it is at a ``revision``. ``behind`` has the keys of which something was passed over,
    and where that stands: what follows of them is not to overtake it."""

    __slots__ = ("behind", "end", "revision", "to")

    def __init__(self, revision: int = 0, end: int = 0) -> None:
        self.to = 0
        self.end = end
        self.behind = dict[str, int]()
        self.revision = revision

    @property
    def over(self) -> bool:
        """Whether all was looked through."""
        return self.to >= self.end > 0

    def pass_over(self, key: str, position: int) -> None:
        """This waits behind a row of its key."""
        self.behind.setdefault(key, position)

    def vouches_for(self, key: str, position: int, revision: int) -> bool:
        """Whether nothing of the key is left to be sent before this position, to the endpoint as it
        is at this revision."""
        sought = self.revision == revision and position <= self.to
        return sought and self.behind.get(key, position) >= position


class Range:
    """An endpoint that fell behind, with its own place in the log. ``met`` once that place reached
    the live one: new events then go live again, while the last ones of the range settle."""

    __slots__ = ("met", "progress", "search", "stored_from")

    def __init__(self, from_position: int) -> None:
        self.progress = Progress(from_position - 1)
        self.met = False
        self.search = Search()
        self.stored_from = from_position

    def seek_from(self, revision: int, end: int) -> int:
        """After which position something to probe with is to be looked for next. What an endpoint
        wants at another revision may have been passed over; ``end`` is the live place."""
        stale = self.search.revision != revision or self.search.to < self.progress.read_to
        if stale or not self.search.end:
            self.search = Search(revision, end)
        return max(self.search.to, self.progress.read_to)

    def nothing_up_to(self, position: int) -> None:
        """Nothing that was looked through up to here is left to be sent."""
        if self.search.to <= self.progress.read_to:
            self.progress.read(position)

    def sought(self, through: int, end: int) -> None:
        """It was looked through up to here; ``end`` is the live place."""
        self.met = self.progress.read_to >= end
        self.search.to = through

    def seek_anew(self) -> None:
        """All was looked through: next time it is, from its front, as lanes may have opened."""
        self.search = Search()
