"""Holding leases: taken when free, renewed by heartbeat, trusted only while the clock allows."""

from offhook.clock import Clock
from offhook.log.entries import Lease
from offhook.log.ports import LeaseStore

_AGAIN_S = 1.0


class LeaseChange:
    """What a heartbeat brought: partitions gained and partitions lost."""

    __slots__ = ("gained", "lost")

    def __init__(self, gained: list[Lease], lost: list[int]) -> None:
        self.gained = gained
        self.lost = lost


class LeaseHolder:
    """One consumer's leases in this process."""

    def __init__(
        self, *, store: LeaseStore, clock: Clock, consumer: str, owner: str, ttl_s: float = 10.0
    ) -> None:
        self._store = store
        self._clock = clock
        self._consumer = consumer
        self._owner = owner
        self._ttl_s = ttl_s
        self._held: dict[int, Lease] = {}
        self._renewed_at = float("-inf")
        self._due_at = float("-inf")

    def valid(self) -> bool:
        """Whether a send may start: inside the lease, counted from before the last renewal."""
        return self._clock.monotonic() < self._renewed_at + self._ttl_s

    def due_in_s(self) -> float:
        """Seconds until the next heartbeat: a third of the lease's time after the last good one."""
        return max(0.0, self._due_at - self._clock.monotonic())

    async def beat(self) -> LeaseChange:
        """Renew what is held and take what is free.

        When the store raises, what is held is trusted for as long as without this heartbeat, and
        the next one, a second later, finds out.
        """
        began = self._clock.monotonic()
        self._due_at = began + _AGAIN_S
        renewed = await self._store.renew(list(self._held.values()), self._ttl_s)
        gained = await self._store.acquire(self._consumer, self._owner, self._ttl_s)
        lost = sorted(self._held.keys() - {lease.partition for lease in renewed})
        self.forget(lost)
        self._held.update((lease.partition, lease) for lease in gained)
        self._renewed_at = began
        self._due_at = began + self._ttl_s / 3
        return LeaseChange(gained, lost)

    def forget(self, partitions: list[int]) -> None:
        """These were found to be lost: claim nothing of them any more."""
        for partition in partitions:
            self._held.pop(partition, None)

    async def release(self) -> None:
        """Give all of them back at once."""
        await self._store.release(list(self._held.values()))
        self._held.clear()
