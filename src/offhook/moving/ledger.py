"""What a copy is checked by: sums over rows, and over the log up to any place in it. Pure."""

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import msgspec

from offhook.model.ids import AccountId, partition_of

_encode = msgspec.msgpack.Encoder().encode
_WORD = 2**64
_DIGEST = 2**128


class Fingerprint:
    """How many rows there were, and a checksum of what they hold, whatever their order."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, row: Sequence[object]) -> None:
        """One more row."""
        digest = blake2b(_encode(row), digest_size=16).digest()
        self._sum = (self._sum + int.from_bytes(digest, "big")) % _DIGEST
        self.rows += 1

    @property
    def checksum(self) -> str:
        """32 hexadecimal digits."""
        return f"{self._sum:032x}"


@dataclass(frozen=True, slots=True)
class Passed:
    """The events up to some place: how many, and a checksum of their ids."""

    events: int
    checksum: int


class Ledger:
    """The ids of a log's events by their place, as sums: sixteen bytes an event."""

    def __init__(self, partitions: int) -> None:
        self.partitions = partitions
        self._positions = [array("Q") for _ in range(partitions)]
        self._sums = [array("Q") for _ in range(partitions)]

    def add(self, partition: int, position: int, id_: str) -> None:
        """The next event of a partition."""
        sums = self._sums[partition]
        before = sums[-1] if sums else 0
        sums.append((before + _word(id_)) % _WORD)
        self._positions[partition].append(position)

    def home(self, account: AccountId, key: str) -> int:
        """The partition that holds a key's events."""
        return partition_of(account, key, self.partitions)

    def names(self, partition: int, position: int | None) -> int | None:
        """A checksum of the id of the event at this place; ``None`` if none is there."""
        if position is None:
            return None
        positions, sums = self._positions[partition], self._sums[partition]
        reached = bisect_right(positions, position)
        if reached == 0 or positions[reached - 1] != position:
            return None
        before = sums[reached - 2] if reached > 1 else 0
        return (sums[reached - 1] - before) % _WORD

    def through(self, partition: int, position: int) -> Passed:
        """The events of a partition up to this position."""
        reached = bisect_right(self._positions[partition], position)
        return Passed(reached, self._sums[partition][reached - 1] if reached else 0)


def _word(id_: str) -> int:
    return int.from_bytes(blake2b(id_.encode(), digest_size=8).digest(), "big")


def both(one: Passed, other: Passed) -> Passed:
    """What two partitions' events come to together."""
    return Passed(one.events + other.events, (one.checksum + other.checksum) % _WORD)
