"""Putting deliveries from several sources and partitions in one order, newest event first. Pure.

Within a partition that is the order of positions, for ``created`` never goes back there; between
partitions it is that of when the events were created.
"""

from collections.abc import Collection, Iterator

from offhook.delivery.lists.entries import Candidate, Rest
from offhook.model.ids import WebhookId


class Strand:
    """One source of deliveries of a partition, looked through from its newest position down:
    ``through`` is the highest one not looked at yet, ``after`` the last one before its end."""

    def __init__(self, partition: int, after: int, through: int, most: int) -> None:
        self.partition = partition
        self.after = after
        self.through = through
        self.most = most
        self.lowest = through + 1
        """The lowest position at which it found something."""

    @property
    def open(self) -> bool:
        """Whether there is more to look at."""
        return self.through > self.after

    def looked(self, found: Collection[Candidate], through: int) -> None:
        """It was looked through down to this position, which is left; next time, at more."""
        self.lowest = min((it.position for it in found), default=self.lowest)
        self.through = through
        self.most *= 4


class Merge:
    """Deliveries found so far, and what is still to be looked at."""

    def __init__(self, strands: Collection[Strand]) -> None:
        self._strands: dict[int, list[Strand]] = {}
        self._found: dict[int, dict[tuple[int, WebhookId], Candidate]] = {}
        for strand in strands:
            self._strands.setdefault(strand.partition, []).append(strand)
            self._found.setdefault(strand.partition, {})

    def found(self, partition: int, candidates: Collection[Candidate]) -> None:
        """These were found; one that was found before counts once."""
        self._found[partition].update({(it.position, it.webhook): it for it in candidates})

    def take(self, most: int) -> list[tuple[int, Candidate]]:
        """The next ones in order, each with its partition: as many as are certain, and no more than
        so many."""
        ready = {at: iter(self._ready(at)) for at in self._strands}
        heads = {at: next(rest, None) for at, rest in ready.items()}
        taken: list[tuple[int, Candidate]] = []
        while len(taken) < most:
            if any(head is None and self._is_open(at) for at, head in heads.items()):
                break
            left = {at: head for at, head in heads.items() if head is not None}
            if not left:
                break
            newest = max(left, key=lambda at: (left[at].created_ms, at))
            taken.append((newest, left[newest]))
            heads[newest] = next(ready[newest], None)
        for partition, it in taken:
            del self._found[partition][it.position, it.webhook]
        return taken

    def dry(self) -> list[Strand]:
        """What must be looked at before more is certain."""
        return [strand for at in self._strands if not self._ready(at) for strand in self._lows(at)]

    def rest(self) -> Rest:
        """What was not taken."""
        places = {at: self._next(at) for at in self._strands}
        return {at: place for at, place in places.items() if place is not None}

    def _ready(self, partition: int) -> list[Candidate]:
        """What nothing can come before any more, newest first."""
        frontier = self._frontier(partition)
        ready = [it for it in self._found[partition].values() if it.position > frontier]
        return sorted(ready, reverse=True)

    def _lows(self, partition: int) -> Iterator[Strand]:
        frontier = self._frontier(partition)
        return (it for it in self._strands[partition] if it.open and it.lowest > frontier)

    def _next(self, partition: int) -> tuple[int, WebhookId | None] | None:
        ready = self._ready(partition)
        if ready:
            return ready[0].position, ready[0].webhook
        return (self._frontier(partition), None) if self._is_open(partition) else None

    def _is_open(self, partition: int) -> bool:
        return any(strand.open for strand in self._strands[partition])

    def _frontier(self, partition: int) -> int:
        """The highest position that something may still be found at."""
        open_ = [strand.through for strand in self._strands[partition] if strand.open]
        return max(open_, default=-(1 << 63))
