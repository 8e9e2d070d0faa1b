"""Holding leases: taken when free, renewed by heartbeat, trusted only while the clock allows."""

from collections.abc import Collection
from dataclasses import dataclass

from offhook.clock import Clock
from offhook.log.entries import Lease
from offhook.log.ports import LeaseStore

LEASE_S = 6.0
"""How long a lease lasts without a heartbeat: what a dead process held is taken over after it, and
at the latest a heartbeat later."""

_AGAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class LeaseChange:
    """What a heartbeat brought: leases gained, partitions lost, and partitions to be given back,
    since others are to have them."""

    gained: tuple[Lease, ...] = ()
    lost: tuple[int, ...] = ()
    surplus: tuple[int, ...] = ()


class LeaseHolder:
    """One consumer's leases in this process."""

    def __init__(
        self,
        *,
        store: LeaseStore,
        clock: Clock,
        consumer: str,
        owner: str,
        ttl_s: float = LEASE_S,
    ) -> None:
        self._store = store
        self._clock = clock
        self._consumer = consumer
        self._owner = owner
        self._ttl_s = ttl_s
        self._held: dict[int, Lease] = {}
        self._renewed_at = float("-inf")
        self._due_at = float("-inf")
        self._hastened = False
        self._config_version: int | None = None

    @property
    def partitions(self) -> Collection[int]:
        """What is held, as far as is known."""
        return self._held.keys()

    def valid(self) -> bool:
        """Whether a send may start: inside the lease, counted from before the last renewal."""
        return self._clock.monotonic() < self._renewed_at + self._ttl_s

    def due_in_s(self) -> float:
        """Seconds until the next heartbeat: a third of the lease's time after the last good one."""
        return 0.0 if self._hastened else max(0.0, self._due_at - self._clock.monotonic())

    def hasten(self) -> None:
        """Somebody came, went or gave a lease back: the next heartbeat is due now."""
        self._hastened = True

    def works_by(self, config_version: int) -> None:
        """This process does everything by this configuration from now on, and nothing that it began
        by an older one is under way: the others are told at once."""
        if config_version != self._config_version:
            self._config_version = config_version
            self._hastened = True

    async def beat(self) -> LeaseChange:
        """Renew what is held and take what is free.

        When the store raises, what is held is trusted for as long as without this heartbeat, and
        the next one, a second later, finds out.
        """
        began, self._hastened = self._clock.monotonic(), False
        self._due_at = began + _AGAIN_S
        renewed = await self._store.renew(list(self._held.values()), self._ttl_s)
        share = await self._store.acquire(
            self._consumer, self._owner, self._ttl_s, self._config_version
        )
        lost = sorted(self._held.keys() - {lease.partition for lease in renewed})
        self.forget(lost)
        self._held.update((lease.partition, lease) for lease in share.taken)
        self._renewed_at = began
        self._due_at = began + self._ttl_s / 3
        surplus = sorted(self._held)[len(self._held) - min(share.surplus, len(self._held)) :]
        return LeaseChange(share.taken, tuple(lost), tuple(surplus))

    def forget(self, partitions: Collection[int]) -> None:
        """These were found to be lost: claim nothing of them any more."""
        for partition in partitions:
            self._held.pop(partition, None)

    async def give_back(self, partitions: Collection[int]) -> None:
        """Give these back, for others to take at once."""
        await self._store.release([self._held[at] for at in partitions if at in self._held])
        self.forget(partitions)

    async def release(self) -> None:
        """Give all of them back at once."""
        await self._store.release(list(self._held.values()))
        self._held.clear()

    async def leave(self) -> None:
        """Give all of them back, and take no part any more."""
        await self.release()
        await self._store.leave(self._consumer, self._owner)
