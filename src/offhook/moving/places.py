"""Where the events of a log with one partition stand in one with many. Pure.

Every event goes to the partition of its key, and positions are counted anew within each, in the old
order. So whatever named a place in the old log, as "up to here", names one in each new partition:
the last event there that stood no later.
"""

from array import array
from bisect import bisect_right

from offhook.model.ids import AccountId, partition_of


class Places:
    """The new places of events, which are added in the old log's order.

    Eight bytes an event: the old positions of each partition's events, in order. What stood n-th
    there has position n now.
    """

    def __init__(self, partitions: int) -> None:
        self._old = [array("Q") for _ in range(partitions)]
        self._end = 0

    @property
    def partitions(self) -> int:
        """How many partitions the new log has."""
        return len(self._old)

    @property
    def ends(self) -> list[int]:
        """The last position of each partition."""
        return [len(old) for old in self._old]

    def add(self, account: AccountId, key: str, position: int) -> None:
        """An event of this key stood here in the old log, after those added before."""
        self._old[self.home(account, key)].append(position)
        self._end = position

    def home(self, account: AccountId, key: str) -> int:
        """The partition of a key's events."""
        return partition_of(account, key, len(self._old))

    def at(self, partition: int, position: int) -> int:
        """The new position of what stood at the old one, and belongs to this partition.

        Of what retention took from the old log only records are left: their positions are negative,
        so that they stand before everything, in the old order, and name no event.
        """
        old = self._old[partition]
        reached = bisect_right(old, position)
        found = reached > 0 and old[reached - 1] == position
        return reached if found else position - self._end - 1

    def find(self, position: int) -> tuple[int, int] | None:
        """The new partition and position of the event that stood here, if there was one."""
        for partition in range(len(self._old)):
            new = self.at(partition, position)
            if new > 0:
                return partition, new
        return None

    def through(self, partition: int, position: int) -> int:
        """Up to where in a new partition the events reach that stood at ``position`` or before."""
        return bisect_right(self._old[partition], position)
